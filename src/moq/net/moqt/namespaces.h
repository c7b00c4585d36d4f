#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/codes.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/name.h"
#include "moq/net/moqt/parameters.h"

/// Requests about namespaces, and what is said on their streams. `decode` and `encode` are as in
/// request.h. draft-ietf-moq-transport-21, Control Messages.
namespace moq::net::moqt {

/// PUBLISH_NAMESPACE: I have tracks below this name.
struct PublishNamespace {
  std::uint64_t request_id = 0;
  TrackNamespace track_namespace;
  Parameters parameters;

  static constexpr std::string_view kName = "PUBLISH_NAMESPACE";
  static Result<PublishNamespace, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishNamespace&) const = default;
};

/// PUBLISH_NAMESPACE_DONE: not any more. Up to 16; since, the publisher ends the stream.
struct PublishNamespaceDone {
  std::uint64_t request_id = 0;    ///< 16.
  TrackNamespace track_namespace;  ///< 14 and 15.

  static constexpr std::string_view kName = "PUBLISH_NAMESPACE_DONE";
  static Result<PublishNamespaceDone, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishNamespaceDone&) const = default;
};

/// PUBLISH_NAMESPACE_CANCEL: the receiver wants it no more. Up to 16; since, it ends the stream.
struct PublishNamespaceCancel {
  std::uint64_t request_id = 0;    ///< 16.
  TrackNamespace track_namespace;  ///< 14 and 15.
  RequestCode code = RequestCode::internal;
  std::string reason;

  static constexpr std::string_view kName = "PUBLISH_NAMESPACE_CANCEL";
  static Result<PublishNamespaceCancel, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishNamespaceCancel&) const = default;
};

/// SUBSCRIBE_NAMESPACE: tell me the names below this prefix.
struct SubscribeNamespace {
  /// What is wanted: PUBLISH requests, names, or both. 16 and 17.
  enum class Wants : std::uint8_t { publish = 0, names = 1, both = 2 };

  std::uint64_t request_id = 0;
  TrackNamespace prefix;
  Wants wants = Wants::names;
  Parameters parameters;

  static constexpr std::string_view kName = "SUBSCRIBE_NAMESPACE";
  static Result<SubscribeNamespace, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const SubscribeNamespace&) const = default;
};

/// UNSUBSCRIBE_NAMESPACE: tell me no more. 14 and 15; never send it to a Rust peer in 14.
struct UnsubscribeNamespace {
  std::uint64_t request_id = 0;  ///< 15.
  TrackNamespace prefix;         ///< 14.

  static constexpr std::string_view kName = "UNSUBSCRIBE_NAMESPACE";
  static Result<UnsubscribeNamespace, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const UnsubscribeNamespace&) const = default;
};

/// SUBSCRIBE_TRACKS: send me a PUBLISH for each track below this prefix. From 18.
struct SubscribeTracks {
  std::uint64_t request_id = 0;
  TrackNamespace prefix;
  Parameters parameters;

  static constexpr std::string_view kName = "SUBSCRIBE_TRACKS";
  static Result<SubscribeTracks, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const SubscribeTracks&) const = default;
};

/// NAMESPACE: this name below the prefix is there. From 16.
struct Namespace {
  TrackNamespace suffix;  ///< What follows the prefix; no field where they are equal.

  static constexpr std::string_view kName = "NAMESPACE";
  static Result<Namespace, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Namespace&) const = default;
};

/// NAMESPACE_DONE: and now it is gone. From 16.
struct NamespaceDone {
  TrackNamespace suffix;

  static constexpr std::string_view kName = "NAMESPACE_DONE";
  static Result<NamespaceDone, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const NamespaceDone&) const = default;
};

/// PUBLISH_BLOCKED, from 19 PUBLISH_SKIPPED: a track of SUBSCRIBE_TRACKS that gets no PUBLISH. From
/// 17.
struct PublishBlocked {
  FullTrackName suffix;  ///< The namespace is what follows the prefix.

  static constexpr std::string_view kName = "PUBLISH_BLOCKED";
  static Result<PublishBlocked, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishBlocked&) const = default;
};

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/codes.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/location.h"
#include "moq/net/moqt/name.h"
#include "moq/net/moqt/parameters.h"
#include "moq/net/moqt/properties.h"

/// Requests for tracks, and the answers to all requests.
/// draft-ietf-moq-transport-21, Control Messages.
///
/// In each message `decode` reads a body without its type and length, and fails unless `in` holds
/// exactly one; `encode` appends one. A `std::optional` request id of an answer is there up to 16,
/// where it must be set on sending, and missing since.
namespace moq::net::moqt {

/// SUBSCRIBE: send me what is published of a track.
struct Subscribe {
  std::uint64_t request_id = 0;
  FullTrackName track;
  Parameters parameters;

  static constexpr std::string_view kName = "SUBSCRIBE";
  static Result<Subscribe, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Subscribe&) const = default;
};

/// SUBSCRIBE_OK: the track is there, and its objects come by this alias.
struct SubscribeOk {
  std::optional<std::uint64_t> request_id;
  std::uint64_t track_alias = 0;
  Parameters parameters;  ///< `expires` and `largest`.
  TrackProperties track;

  static constexpr std::string_view kName = "SUBSCRIBE_OK";
  static Result<SubscribeOk, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const SubscribeOk&) const = default;
};

/// REQUEST_UPDATE, up to 15 SUBSCRIBE_UPDATE: change a request. From 17 on the request's own
/// stream.
struct RequestUpdate {
  std::uint64_t request_id = 0;                  ///< Of the update itself.
  std::optional<std::uint64_t> updated_request;  ///< Up to 16.
  /// 14 always writes filter (as absolute), priority and forward: there all three should be set.
  Parameters parameters;

  static constexpr std::string_view kName = "REQUEST_UPDATE";
  static Result<RequestUpdate, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const RequestUpdate&) const = default;
};

/// UNSUBSCRIBE, up to 16; since, the subscriber resets the request's stream.
struct Unsubscribe {
  std::uint64_t request_id = 0;

  static constexpr std::string_view kName = "UNSUBSCRIBE";
  static Result<Unsubscribe, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Unsubscribe&) const = default;
};

/// PUBLISH: take what I publish of a track.
struct Publish {
  std::uint64_t request_id = 0;
  FullTrackName name;
  std::uint64_t track_alias = 0;
  Parameters parameters;
  TrackProperties track;

  static constexpr std::string_view kName = "PUBLISH";
  static Result<Publish, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Publish&) const = default;
};

/// PUBLISH_DONE: the publisher ends a subscription; nothing follows.
struct PublishDone {
  std::optional<std::uint64_t> request_id;
  DoneCode code = DoneCode::track_ended;
  /// Data streams that were opened for it; none = unknown.
  std::optional<std::uint64_t> stream_count;
  std::string reason;

  static constexpr std::string_view kName = "PUBLISH_DONE";
  static Result<PublishDone, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishDone&) const = default;
};

/// A FETCH that takes track and end from a subscription, and goes up to its largest object.
struct JoiningFetch {
  std::uint64_t subscription = 0;  ///< Its Request ID.
  bool relative = true;
  std::uint64_t start = 0;  ///< Relative: groups before the largest one; else the group.
  bool operator==(const JoiningFetch&) const = default;
};

/// FETCH: send me what there is of a part of a track.
struct Fetch {
  std::uint64_t request_id = 0;
  std::optional<JoiningFetch> joining;  ///< Up to 19. Then the next two mean nothing.
  FullTrackName track;
  /// Up to 19 always `absolute`, with an end: others are written as the whole track.
  LocationFilter range;
  Parameters parameters;  ///< `filter` means nothing here.

  static constexpr std::string_view kName = "FETCH";
  static Result<Fetch, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Fetch&) const = default;
};

/// FETCH_OK: the objects come on a stream of their own.
struct FetchOk {
  std::optional<std::uint64_t> request_id;
  bool end_of_track = false;  ///< Nothing comes after `end`.
  RangeEnd end;               ///< What is fetched ends here. From 20 the object must be set.
  Parameters parameters;      ///< None of them is known to be here.
  TrackProperties track;

  static constexpr std::string_view kName = "FETCH_OK";
  static Result<FetchOk, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const FetchOk&) const = default;
};

/// FETCH_CANCEL, up to 16; since, the subscriber resets the request's stream.
struct FetchCancel {
  std::uint64_t request_id = 0;

  static constexpr std::string_view kName = "FETCH_CANCEL";
  static Result<FetchCancel, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const FetchCancel&) const = default;
};

/// TRACK_STATUS: what SUBSCRIBE_OK would tell, without a subscription.
struct TrackStatus {
  std::uint64_t request_id = 0;
  FullTrackName track;
  Parameters parameters;

  static constexpr std::string_view kName = "TRACK_STATUS";
  static Result<TrackStatus, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const TrackStatus&) const = default;
};

/// REQUEST_OK, and what the drafts call PUBLISH_OK, TRACK_STATUS_OK, PUBLISH_NAMESPACE_OK and
/// SUBSCRIBE_NAMESPACE_OK.
struct RequestOk {
  std::optional<std::uint64_t> request_id;
  /// What is answered. Must be set on sending up to 17; set on receipt if the type tells it.
  std::optional<RequestKind> kind;
  Parameters parameters;
  TrackProperties track;  ///< In an answer to TRACK_STATUS. From 18, and in 14 the order alone.

  static constexpr std::string_view kName = "REQUEST_OK";
  static Result<RequestOk, DecodeError> decode(Reader& in, Draft draft,
                                               std::optional<RequestKind> kind = std::nullopt);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const RequestOk&) const = default;
};

/// Where to ask instead.
struct Redirect {
  std::string uri;
  FullTrackName track;
  bool operator==(const Redirect&) const = default;
};

/// REQUEST_ERROR, and what draft 14 calls SUBSCRIBE_ERROR, FETCH_ERROR, PUBLISH_ERROR,
/// TRACK_STATUS_ERROR, PUBLISH_NAMESPACE_ERROR and SUBSCRIBE_NAMESPACE_ERROR.
struct RequestError {
  std::optional<std::uint64_t> request_id;
  /// What is answered. Must be set on sending in 14; set on receipt if the type tells it.
  std::optional<RequestKind> kind;
  RequestCode code = RequestCode::internal;
  /// From 16: when to try again; none = never.
  std::optional<Duration> retry_after;
  std::string reason;
  std::optional<Redirect> redirect;  ///< From 18, with `RequestCode::redirect`.

  static constexpr std::string_view kName = "REQUEST_ERROR";
  static Result<RequestError, DecodeError> decode(Reader& in, Draft draft,
                                                  std::optional<RequestKind> kind = std::nullopt);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const RequestError&) const = default;
};

/// PUBLISH_STATE_NOTIFY: what the publisher changed of a subscription by itself. From 20.
struct PublishStateNotify {
  Parameters parameters;  ///< `largest`, `forward`, `filter`.

  static constexpr std::string_view kName = "PUBLISH_STATE_NOTIFY";
  static Result<PublishStateNotify, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const PublishStateNotify&) const = default;
};

}  // namespace moq::net::moqt

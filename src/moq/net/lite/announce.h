#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/lite/hops.h"
#include "moq/net/lite/limits.h"
#include "moq/net/path.h"
#include "moq/net/version.h"

/// The messages of an announce stream, each by itself; `AnnounceEncoder` and `AnnounceDecoder` know
/// what they mean in sequence. draft-lcurley-moq-lite, announce stream.
namespace moq::net::lite {

/// ANNOUNCE_REQUEST: tell me of broadcasts below `prefix`. Opens the stream.
struct AnnounceRequest {
  Path prefix;
  std::uint64_t exclude_hop = 0;  ///< 04, 05: leave out routes through it; 0 = none.
  bool hidden = false;            ///< 07: also list routes with a dotted segment below the prefix.

  static constexpr std::string_view kName = "ANNOUNCE_REQUEST";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<AnnounceRequest, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceRequest&) const = default;
};

/// ANNOUNCE_INIT: everything that is live. 01 and 02, once, first.
struct AnnounceInit {
  std::vector<Path> suffixes;  ///< Below the prefix that was asked for.

  static constexpr std::string_view kName = "ANNOUNCE_INIT";
  static constexpr std::uint64_t kMaxBytes = kMaxMessageBytes;
  /// Fails for more than `kMaxLiveAnnouncements`.
  static Result<AnnounceInit, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceInit&) const = default;
};

/// ANNOUNCE_OK: who answers. From 05, once, first.
struct AnnounceOk {
  std::uint64_t hop = 0;     ///< The publisher's own hop id; 0 = unknown.
  std::uint64_t active = 0;  ///< How many of the announcements that follow are the initial set.

  static constexpr std::string_view kName = "ANNOUNCE_OK";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<AnnounceOk, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceOk&) const = default;
};

enum class AnnounceStatus : std::uint8_t {
  ended = 0,
  active = 1,
  restart = 2,  ///< 05: as `active`.
};

/// ANNOUNCE: a broadcast came or went. 01 to 05.
struct Announce {
  AnnounceStatus status = AnnounceStatus::active;
  Path suffix;    ///< Below the prefix that was asked for.
  HopChain hops;  ///< From 03; empty when ended.

  static constexpr std::string_view kName = "ANNOUNCE";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<Announce, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Announce&) const = default;
};

/// What a route costs.
struct RouteCosts {
  std::uint64_t warm = 0;  ///< As things are cached now.
  std::uint64_t cold = 0;  ///< If nothing were cached.
  bool operator==(const RouteCosts&) const = default;
};

/// A suffix, on 07 as what it has in common with an earlier one and the rest.
struct PathRef {
  std::uint64_t base = 0;  ///< 07: how far back the START referred to is; 1 = the latest, 0 = none.
  std::uint64_t keep = 0;  ///< 07: how many of its leading segments are kept.
  Path rest;
  bool operator==(const PathRef&) const = default;
};

/// A chain of hops, on 07 as new ids and the end of an earlier chain.
struct HopsRef {
  std::uint64_t base = 0;  ///< 07: as in `PathRef`.
  HopChain literal;
  std::uint64_t keep = 0;  ///< 07: how many ids at the end of the other chain follow `literal`.
  bool operator==(const HopsRef&) const = default;
};

/// START: a broadcast came. From 06. It takes the stream's next id, counting from 0.
struct AnnounceStart {
  PathRef suffix;
  HopsRef hops;
  RouteCosts costs;

  static constexpr std::uint64_t kType = 0;
  static constexpr std::string_view kName = "ANNOUNCE_START";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<AnnounceStart, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceStart&) const = default;
};

/// END: it went. From 06.
struct AnnounceEnd {
  std::uint64_t id = 0;

  static constexpr std::uint64_t kType = 1;
  static constexpr std::string_view kName = "ANNOUNCE_END";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<AnnounceEnd, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceEnd&) const = default;
};

/// UPDATE: its route changed. From 06.
struct AnnounceUpdate {
  std::uint64_t id = 0;
  HopsRef hops;
  RouteCosts costs;

  static constexpr std::uint64_t kType = 2;
  static constexpr std::string_view kName = "ANNOUNCE_UPDATE";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<AnnounceUpdate, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const AnnounceUpdate&) const = default;
};

/// Types from here on are skipped by their length.
inline constexpr std::uint64_t kAnnounceTypes = 3;

}  // namespace moq::net::lite

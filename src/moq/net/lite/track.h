#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/lite/limits.h"
#include "moq/net/path.h"
#include "moq/net/version.h"

/// TRACK and FETCH, from 05. On both the requester keeps its half open until the answer is there.
/// draft-lcurley-moq-lite, track stream and fetch stream.
namespace moq::net::lite {

/// TRACK: what is this track like? Opens the stream; answered by one TRACK_INFO and FIN.
struct Track {
  Path broadcast;  ///< From the session's root.
  std::string track;

  static constexpr std::string_view kName = "TRACK";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<Track, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Track&) const = default;
};

/// TRACK_INFO: what does not change in a track's life. The defaults are the Rust peers'.
struct TrackInfo {
  std::uint8_t priority = 127;
  Duration max_age = std::chrono::seconds(5);  ///< How long the publisher keeps groups.
  std::uint64_t timescale = 1000;              ///< Timestamp units per second, at least 1.

  static constexpr std::string_view kName = "TRACK_INFO";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  /// Fails for a timescale of 0.
  static Result<TrackInfo, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const TrackInfo&) const = default;
};

/// FETCH: send me one group. Opens the stream; answered by bare frames and FIN.
struct Fetch {
  Path broadcast;  ///< From the session's root.
  std::string track;
  std::uint8_t priority = 0;
  std::uint64_t group = 0;
  std::uint64_t frame_start = 0;           ///< 06: the first frame.
  std::optional<std::uint64_t> frame_end;  ///< 06: the last frame, inclusive.

  static constexpr std::string_view kName = "FETCH";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  /// Fails for a last frame before the first.
  static Result<Fetch, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Fetch&) const = default;
};

}  // namespace moq::net::lite

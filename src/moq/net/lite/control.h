#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/lite/limits.h"
#include "moq/net/version.h"

namespace moq::net::lite {

/// PROBE: the publisher's estimate of the path to the subscriber. From 03, repeated. The subscriber
/// opens the stream with its type alone and writes nothing more.
/// draft-lcurley-moq-lite, probe stream.
struct Probe {
  std::optional<std::uint64_t> bitrate_bps;  ///< None = unknown; a true 0 goes out as 1.
  std::optional<Duration> rtt;               ///< From 04, in whole milliseconds; likewise.

  static constexpr std::string_view kName = "PROBE";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<Probe, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Probe&) const = default;
};

/// GOAWAY: the sender will close soon. From 04. Opens its stream, followed by FIN; no answer.
/// draft-lcurley-moq-lite, goaway stream.
struct Goaway {
  std::string uri;  ///< Where to go instead; empty = come back to the same place.

  static constexpr std::string_view kName = "GOAWAY";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  /// Fails for a URI above `kMaxGoawayUriBytes`.
  static Result<Goaway, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Goaway&) const = default;
};

}  // namespace moq::net::lite

#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/time.h"

namespace moq::mux::opus {

/// All Opus is timed at 48 kHz.
inline constexpr std::uint32_t kSampleRate = 48'000;

/// The identification header. RFC 7845 §5.1; in MP4 it is `dOps`, the same fields in big endian.
struct Head {
  std::uint8_t channels = 2;
  std::uint16_t pre_skip = 0;         ///< Samples at 48 kHz to drop at the start.
  std::uint32_t input_rate = 48'000;  ///< Hz before encoding, for information.
  std::int16_t gain = 0;              ///< Q7.8 dB.
  std::uint8_t mapping_family = 0;    ///< 0: mono or stereo, without a table.
  Bytes mapping;                      ///< Stream counts and channel mapping of other families.

  /// `Code::decode` if it is cut or of a version that is not ours.
  static Result<Head> decode(const Bytes& bytes);
  [[nodiscard]] Bytes encode() const;
  static Result<Head> decode_dops(const Bytes& body);
  [[nodiscard]] Bytes encode_dops() const;
  bool operator==(const Head&) const = default;
};

/// How long a packet plays, from its first bytes (RFC 6716 §3.1); none if it is malformed.
std::optional<Duration> packet_duration(ByteSpan packet);

}  // namespace moq::mux::opus

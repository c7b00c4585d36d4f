#pragma once

#include <cstdint>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::aac {

/// Samples of one frame.
inline constexpr std::uint32_t kFrameSamples = 1024;

/// What an AudioSpecificConfig says. ISO/IEC 14496-3 §1.6.2.1.
struct Config {
  std::uint32_t object_type = 2;  ///< 2 = AAC-LC, 5 = HE-AAC, 29 = HE-AAC v2.
  std::uint32_t sample_rate = 0;  ///< Hz, of the core stream.
  std::uint32_t channels = 0;     ///< 0 if the stream itself says it.

  /// `Code::decode` if it is cut or uses reserved values.
  static Result<Config> decode(ByteSpan bytes);
  /// The two bytes (five with an unusual rate) that say this.
  [[nodiscard]] Bytes encode() const;
  /// `mp4a.40.2`.
  [[nodiscard]] std::string codec() const { return "mp4a.40." + std::to_string(object_type); }
  bool operator==(const Config&) const = default;
};

}  // namespace moq::mux::aac

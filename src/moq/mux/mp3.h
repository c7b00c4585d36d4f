#pragma once

#include <cstddef>
#include <cstdint>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::mp3 {

/// What a frame of MPEG-1, -2 or -2.5 layer III says. ISO/IEC 11172-3 §2.4.1.3, 13818-3.
struct FrameHeader {
  std::uint32_t sample_rate = 0;  ///< Hz.
  std::uint32_t channels = 0;
  std::uint32_t samples = 0;  ///< 1152, or 576 of MPEG-2 and -2.5.
  std::size_t size = 0;       ///< With the header; 0 if the frame does not say it (free format).

  /// Reads the four bytes that a frame begins with. `Code::decode` if it is none of layer III.
  static Result<FrameHeader> decode(ByteSpan frame);
  bool operator==(const FrameHeader&) const = default;
};

}  // namespace moq::mux::mp3

#pragma once

#include <cstdint>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::mp3 {

/// What a frame of MPEG-1, -2 or -2.5 layer III says. ISO/IEC 11172-3 §2.4.1.3, 13818-3.
struct FrameHeader {
  std::uint32_t sample_rate = 0;  ///< Hz.
  std::uint32_t channels = 0;

  /// Reads the four bytes that a frame begins with. `Code::decode` if it is none of layer III.
  static Result<FrameHeader> decode(ByteSpan frame);
  bool operator==(const FrameHeader&) const = default;
};

}  // namespace moq::mux::mp3

#pragma once

#include <cstdint>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::vp8 {

/// What a frame says before its data. RFC 6386 §9.1.
struct FrameHeader {
  bool keyframe = false;
  std::uint32_t width = 0;  ///< Pixels; of key frames alone.
  std::uint32_t height = 0;

  /// `Code::decode` if it is cut, or a key frame without its start code.
  static Result<FrameHeader> decode(ByteSpan frame);
  bool operator==(const FrameHeader&) const = default;
};

}  // namespace moq::mux::vp8

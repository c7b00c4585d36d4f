#pragma once

#include <cstdint>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::vp9 {

/// What a frame, or the first of a superframe, says before its data: the uncompressed header. VP9
/// bitstream specification §6.2. All but `keyframe` and `profile` is of key frames alone.
struct FrameHeader {
  bool keyframe = false;
  std::uint8_t profile = 0;
  std::uint8_t bit_depth = 8;
  std::uint8_t color_space = 0;  ///< `color_space`, 2 = BT.709.
  bool full_range = false;
  bool subsampling_x = true;
  bool subsampling_y = true;
  std::uint32_t width = 0;  ///< Pixels.
  std::uint32_t height = 0;

  /// `Code::decode` if it is cut or makes no sense.
  static Result<FrameHeader> decode(ByteSpan frame);
  /// `vp09.00.10.08`: the level is the lowest that has pictures of this size.
  [[nodiscard]] std::string codec() const;
  bool operator==(const FrameHeader&) const = default;
};

}  // namespace moq::mux::vp9

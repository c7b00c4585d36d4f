#include "moq/mux/vp8.h"

#include <array>

namespace moq::mux::vp8 {

constexpr std::size_t kTagBytes = 3;
constexpr std::size_t kKeyframeBytes = 10;
constexpr std::array<std::uint8_t, 3> kStartCode = {0x9d, 0x01, 0x2a};

Result<FrameHeader> FrameHeader::decode(ByteSpan frame) {
  if (frame.size() < kTagBytes) return fail(Code::decode, "vp8: a frame is cut");
  if ((frame[0] & 1) != 0) return FrameHeader{};
  if (frame.size() < kKeyframeBytes) return fail(Code::decode, "vp8: a key frame is cut");
  if (!std::equal(kStartCode.begin(), kStartCode.end(), frame.begin() + kTagBytes)) {
    return fail(Code::decode, "vp8: a key frame without its start code");
  }
  // Little endian; the upper two bits say how to scale.
  const FrameHeader out{.keyframe = true,
                        .width = (frame[6] | std::uint32_t{frame[7]} << 8) & 0x3fff,
                        .height = (frame[8] | std::uint32_t{frame[9]} << 8) & 0x3fff};
  if (out.width == 0 || out.height == 0) return fail(Code::decode, "vp8: a picture without a size");
  return out;
}

}  // namespace moq::mux::vp8

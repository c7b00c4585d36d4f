#include "moq/mux/mp3.h"

#include <array>

#include "moq/mux/internal/bits.h"

namespace moq::mux::mp3 {

constexpr std::uint32_t kSync = 0x7ff;
constexpr std::uint32_t kLayer3 = 1;
constexpr std::uint32_t kMono = 3;
// Of MPEG-1; halved for MPEG-2, and again for 2.5.
constexpr std::array<std::uint32_t, 3> kRates = {44'100, 48'000, 32'000};

Result<FrameHeader> FrameHeader::decode(ByteSpan frame) {
  BitReader in(frame);
  const std::uint32_t sync = in.bits(11);
  const std::uint32_t version = in.bits(2);  // 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5.
  const std::uint32_t layer = in.bits(2);
  in.skip(1);
  const std::uint32_t bitrate = in.bits(4);
  const std::uint32_t rate = in.bits(2);
  in.skip(2);
  const std::uint32_t mode = in.bits(2);
  in.skip(6);
  const bool valid =
      sync == kSync && layer == kLayer3 && version != 1 && bitrate != 15 && rate < kRates.size();
  if (!in.ok() || !valid) return fail(Code::decode, "mp3: no frame header");
  const unsigned halvings = version == 3 ? 0 : version == 2 ? 1 : 2;
  return FrameHeader{.sample_rate = kRates[rate] >> halvings, .channels = mode == kMono ? 1U : 2U};
}

}  // namespace moq::mux::mp3

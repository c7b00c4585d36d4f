#include "moq/mux/mp3.h"

#include <array>

#include "moq/mux/internal/bits.h"

namespace moq::mux::mp3 {
namespace {

constexpr std::uint32_t kSync = 0x7ff;
constexpr std::uint32_t kLayer3 = 1;
constexpr std::uint32_t kMono = 3;
constexpr std::uint32_t kVersion1 = 3;
constexpr std::uint32_t kVersion2 = 2;
// Of MPEG-1; halved for MPEG-2, and again for 2.5.
constexpr std::array<std::uint32_t, 3> kRates = {44'100, 48'000, 32'000};
// kbit/s of MPEG-1, and of the others; 0 is free format.
constexpr std::array<std::uint32_t, 15> kBitrates1 = {0,   32,  40,  48,  56,  64,  80, 96,
                                                      112, 128, 160, 192, 224, 256, 320};
constexpr std::array<std::uint32_t, 15> kBitrates2 = {0,  8,  16, 24,  32,  40,  48, 56,
                                                      64, 80, 96, 112, 128, 144, 160};

}  // namespace

Result<FrameHeader> FrameHeader::decode(ByteSpan frame) {
  BitReader in(frame);
  const std::uint32_t sync = in.bits(11);
  const std::uint32_t version = in.bits(2);  // 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5.
  const std::uint32_t layer = in.bits(2);
  in.skip(1);
  const std::uint32_t bitrate = in.bits(4);
  const std::uint32_t rate = in.bits(2);
  const std::uint32_t padding = in.bits(1);
  in.skip(1);
  const std::uint32_t mode = in.bits(2);
  in.skip(6);
  const bool valid = sync == kSync && layer == kLayer3 && version != 1 &&
                     bitrate < kBitrates1.size() && rate < kRates.size();
  if (!in.ok() || !valid) return fail(Code::decode, "mp3: no frame header");
  const bool first = version == kVersion1;
  const unsigned halvings = first ? 0 : version == kVersion2 ? 1 : 2;
  FrameHeader out{.sample_rate = kRates[rate] >> halvings,
                  .channels = mode == kMono ? 1U : 2U,
                  .samples = first ? 1152U : 576U};
  const std::uint32_t kbps = (first ? kBitrates1 : kBitrates2)[bitrate];
  if (kbps != 0) out.size = out.samples / 8 * kbps * 1000 / out.sample_rate + padding;
  return out;
}

}  // namespace moq::mux::mp3

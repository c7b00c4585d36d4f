#include "moq/mux/aac.h"

#include <algorithm>
#include <array>

#include "moq/base/wire.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::aac {
namespace {

// ISO/IEC 14496-3, table 1.18; index 15 means 24 bits of Hz follow.
constexpr std::array<std::uint32_t, 13> kSampleRates = {
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
constexpr std::uint32_t kExplicitRate = 15;
// Table 1.19: channels by configuration; 0 = in the stream.
constexpr std::array<std::uint32_t, 16> kChannels = {0, 1, 2, 3, 4, 5, 6, 8,
                                                     0, 0, 0, 7, 8, 0, 8, 0};

}  // namespace

Result<Config> Config::decode(ByteSpan bytes) {
  BitReader in(bytes);
  Config out;
  out.object_type = in.bits(5);
  if (out.object_type == 31) out.object_type = 32 + in.bits(6);
  const std::uint32_t rate = in.bits(4);
  if (rate == kExplicitRate) {
    out.sample_rate = in.bits(24);
  } else if (rate < kSampleRates.size()) {
    out.sample_rate = kSampleRates[rate];
  }
  out.channels = kChannels[in.bits(4)];
  if (!in.ok() || out.sample_rate == 0 || out.object_type == 0) {
    return fail(Code::decode, "an AudioSpecificConfig that makes no sense");
  }
  return out;
}

Bytes Config::encode() const {
  const auto rate = std::ranges::find(kSampleRates, sample_rate);
  const bool is_explicit = rate == kSampleRates.end();
  const std::uint64_t index =
      is_explicit ? kExplicitRate : static_cast<std::uint64_t>(rate - kSampleRates.begin());
  const auto channel = std::ranges::find(kChannels.begin() + 1, kChannels.end(), channels);
  const std::uint64_t configuration =
      channel == kChannels.end() ? 0 : static_cast<std::uint64_t>(channel - kChannels.begin());
  // 5 bits of type, 4 of rate (and 24), 4 of channels, 3 zero flags of GASpecificConfig.
  std::uint64_t bits = object_type & 31;
  bits = bits << 4 | index;
  if (is_explicit) bits = bits << 24 | (sample_rate & 0xffffff);
  bits = bits << 7 | configuration << 3;
  Writer out;
  for (int shift = is_explicit ? 32 : 8; shift >= 0; shift -= 8) {
    out.u8(static_cast<std::uint8_t>(bits >> shift));
  }
  return out.take();
}

}  // namespace moq::mux::aac

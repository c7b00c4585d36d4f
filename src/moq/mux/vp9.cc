#include "moq/mux/vp9.h"

#include <fmt/format.h>

#include <array>

#include "moq/hang/codec_string.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::vp9 {
namespace {

constexpr std::uint32_t kFrameMarker = 2;
constexpr std::uint32_t kSyncCode = 0x498342;
constexpr std::uint8_t kRgb = 7;

/// `color_config`, §6.2.2.
void read_colors(BitReader& in, FrameHeader& out) {
  if (out.profile >= 2) out.bit_depth = in.bit() ? 12 : 10;
  out.color_space = static_cast<std::uint8_t>(in.bits(3));
  const bool has_subsampling = out.profile == 1 || out.profile == 3;
  if (out.color_space == kRgb) {
    out.full_range = true;
    out.subsampling_x = out.subsampling_y = false;
    if (has_subsampling) in.skip(1);
    return;
  }
  out.full_range = in.bit();
  if (!has_subsampling) return;
  out.subsampling_x = in.bit();
  out.subsampling_y = in.bit();
  in.skip(1);
}

/// The lowest level whose pictures may have this size: VP9 levels, their luma samples and sides.
int level_of(std::uint32_t width, std::uint32_t height) {
  struct Level {
    int number;
    std::uint64_t samples;
    std::uint32_t side;
  };
  constexpr std::array<Level, 8> kLevels = {{{10, 36'864, 512},
                                             {11, 73'728, 768},
                                             {20, 122'880, 960},
                                             {21, 245'760, 1344},
                                             {30, 552'960, 2048},
                                             {31, 983'040, 2752},
                                             {40, 2'228'224, 4160},
                                             {50, 8'912'896, 8384}}};
  for (const Level& level : kLevels) {
    const bool fits = width <= level.side && height <= level.side;
    if (fits && std::uint64_t{width} * height <= level.samples) return level.number;
  }
  return 60;
}

/// The colour numbers of ISO/IEC 23091-2 that stand for a colour space of VP9; an unknown one
/// counts as the usual one.
struct Colors {
  int primaries;
  int transfer;
  int matrix;
};
Colors colors_of(std::uint8_t color_space) {
  constexpr std::array<Colors, 8> kColors = {{{1, 1, 1},     // Unknown.
                                              {6, 6, 6},     // BT.601.
                                              {1, 1, 1},     // BT.709.
                                              {6, 6, 6},     // SMPTE 170.
                                              {7, 7, 7},     // SMPTE 240.
                                              {9, 14, 9},    // BT.2020.
                                              {1, 1, 1},     // Reserved.
                                              {1, 13, 0}}};  // sRGB.
  return kColors[color_space & 7];
}

}  // namespace

Result<FrameHeader> FrameHeader::decode(ByteSpan frame) {
  BitReader in(frame);
  FrameHeader out;
  const std::uint32_t marker = in.bits(2);
  const std::uint32_t low = in.bits(1);
  const std::uint32_t high = in.bits(1);
  out.profile = static_cast<std::uint8_t>(high << 1 | low);
  const bool reserved = out.profile == 3 && in.bit();
  if (!in.ok() || marker != kFrameMarker || reserved) {
    return fail(Code::decode, "vp9: no frame");
  }
  const bool shows_existing = in.bit();
  const bool is_delta = in.bit();
  if (shows_existing || is_delta) return out;
  in.skip(2);  // Shown, resilient to errors.
  const std::uint32_t sync_code = in.bits(24);
  out.keyframe = true;
  read_colors(in, out);
  out.width = in.bits(16) + 1;
  out.height = in.bits(16) + 1;
  if (!in.ok() || sync_code != kSyncCode) {
    return fail(Code::decode, "vp9: a key frame that makes no sense");
  }
  return out;
}

std::string FrameHeader::codec() const {
  const int chroma = !subsampling_x ? 3 : !subsampling_y ? 2 : 1;
  const Colors colors = colors_of(color_space);
  const std::string whole = fmt::format(
      "vp09.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}", profile, level_of(width, height),
      bit_depth, chroma, colors.primaries, colors.transfer, colors.matrix, full_range ? 1 : 0);
  return hang::canonical_codec(whole).value_or(whole);
}

}  // namespace moq::mux::vp9

#include "moq/mux/h265/sps.h"

#include <algorithm>

#include "moq/mux/h264/nal.h"
#include "moq/mux/internal/bits.h"
#include "moq/mux/mp4/sample_entry.h"

namespace moq::mux::h265 {
namespace {

constexpr std::size_t kHeaderBits = 16;
// Of the set, before the profile: VPS id, sub-layers, nesting.
constexpr std::size_t kFlagBits = 4;
// 16384 pixels, beyond level 6.2: keeps the products below in range.
constexpr std::uint32_t kMaxPixels = 16384;

/// The profiles and levels of the lower temporal layers, §7.3.3.
void skip_sub_layers(BitReader& in, std::uint32_t count) {
  std::uint32_t profiles = 0;
  std::uint32_t levels = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    profiles += in.bits(1);
    levels += in.bits(1);
  }
  if (count > 0) in.skip(std::size_t{2} * (8 - count));
  in.skip(std::size_t{88} * profiles + std::size_t{8} * levels);
}

/// Reads the picture's size, cropped. Zero if it makes no sense.
void read_size(BitReader& in, Sps& out) {
  const std::uint32_t width = in.ue();
  const std::uint32_t height = in.ue();
  if (width > kMaxPixels || height > kMaxPixels) return;
  std::uint64_t cut_x = 0;
  std::uint64_t cut_y = 0;
  if (in.bit()) {
    // Units of chroma samples, table 6-1.
    const std::uint64_t unit_x = out.chroma_format == 1 || out.chroma_format == 2 ? 2 : 1;
    const std::uint64_t unit_y = out.chroma_format == 1 ? 2 : 1;
    cut_x = (std::uint64_t{in.ue()} + in.ue()) * unit_x;
    cut_y = (std::uint64_t{in.ue()} + in.ue()) * unit_y;
  }
  if (cut_x >= width || cut_y >= height) return;
  out.width = static_cast<std::uint32_t>(width - cut_x);
  out.height = static_cast<std::uint32_t>(height - cut_y);
}

}  // namespace

Result<Sps> Sps::decode(ByteSpan nal) {
  const std::vector<std::uint8_t> raw = h264::unescape(nal);
  BitReader in(raw);
  in.skip(kHeaderBits + kFlagBits);
  const std::uint32_t sub_layers = in.bits(3);
  in.bit();
  Sps out;
  for (std::uint8_t& byte : out.profile_tier_level) {
    byte = static_cast<std::uint8_t>(in.bits(8));
  }
  if (sub_layers < 7) skip_sub_layers(in, sub_layers);
  out.id = in.ue();
  out.chroma_format = in.ue();
  if (out.chroma_format == 3) in.bit();  // Separate colour planes.
  read_size(in, out);
  const bool valid = sub_layers < 7 && out.id < 16 && out.chroma_format < 4 && out.width > 0;
  if (!in.ok() || !valid) return fail(Code::decode, "h265: an SPS that makes no sense");
  return out;
}

std::string Sps::codec(std::string_view prefix) const {
  std::array<std::uint8_t, 13> hvcc = {1};
  std::ranges::copy(profile_tier_level, hvcc.begin() + 1);
  return mp4::hevc_codec(prefix, hvcc);
}

}  // namespace moq::mux::h265

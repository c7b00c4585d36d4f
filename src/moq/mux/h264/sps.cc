#include "moq/mux/h264/sps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "moq/mux/h264/nal.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::h264 {
namespace {

// Profiles whose parameter sets carry the chroma format.
constexpr std::array<std::uint8_t, 13> kHighProfiles = {100, 110, 122, 244, 44,  83, 86,
                                                        118, 128, 138, 139, 134, 135};
constexpr std::uint32_t kExtendedAspect = 255;
// 16384 pixels, beyond level 6.2: keeps the products below in range.
constexpr std::uint32_t kMaxMacroblocks = 1024;

void skip_scaling_list(BitReader& in, int size) {
  std::int32_t last = 8;
  std::int32_t next = 8;
  for (int i = 0; i < size && in.ok(); ++i) {
    if (next != 0) next = (last + in.se() % 256 + 256) % 256;
    if (next != 0) last = next;
  }
}

void read_chroma(BitReader& in, Sps& out) {
  out.chroma_format = in.ue();
  if (out.chroma_format == 3) in.bit();  // Separate colour planes.
  out.luma_bits = 8 + std::min(in.ue(), 8U);
  out.chroma_bits = 8 + std::min(in.ue(), 8U);
  in.bit();
  if (!in.bit()) return;
  const int lists = out.chroma_format == 3 ? 12 : 8;
  for (int i = 0; i < lists; ++i) {
    if (in.bit()) skip_scaling_list(in, i < 6 ? 16 : 64);
  }
}

void skip_order_count(BitReader& in) {
  const std::uint32_t type = in.ue();
  if (type == 0) {
    in.ue();
  } else if (type == 1) {
    in.bit();
    in.se();
    in.se();
    const std::uint32_t cycle = std::min(in.ue(), 255U);
    for (std::uint32_t i = 0; i < cycle; ++i) in.se();
  }
}

/// Reads the picture's size, cropped. Zero if it makes no sense.
void read_size(BitReader& in, Sps& out) {
  const std::uint32_t columns = in.ue() + 1;
  const std::uint32_t rows = in.ue() + 1;
  const bool frames_only = in.bit();
  if (!frames_only) in.bit();
  in.bit();
  if (columns > kMaxMacroblocks || rows > kMaxMacroblocks) return;
  std::uint64_t width = columns * 16;
  std::uint64_t height = rows * 16 * (frames_only ? 1 : 2);
  if (in.bit()) {
    // Units of chroma samples, and of field lines: table 6-1 and §7.4.2.1.1.
    const std::uint64_t unit_x = out.chroma_format == 1 || out.chroma_format == 2 ? 2 : 1;
    const std::uint64_t unit_y = (out.chroma_format == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    const std::uint64_t x = (std::uint64_t{in.ue()} + in.ue()) * unit_x;
    const std::uint64_t y = (std::uint64_t{in.ue()} + in.ue()) * unit_y;
    if (x >= width || y >= height) return;
    width -= x;
    height -= y;
  }
  out.width = static_cast<std::uint32_t>(width);
  out.height = static_cast<std::uint32_t>(height);
}

/// The frame rate of the VUI, annex E.1.1.
std::optional<double> read_framerate(BitReader& in) {
  if (in.bit() && in.bits(8) == kExtendedAspect) in.skip(32);
  if (in.bit()) in.bit();
  if (in.bit()) {
    in.skip(4);
    if (in.bit()) in.skip(24);
  }
  if (in.bit()) {
    in.ue();
    in.ue();
  }
  if (!in.bit()) return std::nullopt;
  const std::uint32_t tick = in.bits(32);
  const std::uint32_t scale = in.bits(32);
  if (!in.ok() || tick == 0 || scale == 0) return std::nullopt;
  // A tick is half a frame.
  return static_cast<double>(scale) / (2.0 * tick);
}

}  // namespace

Result<Sps> Sps::decode(ByteSpan nal) {
  const std::vector<std::uint8_t> raw = unescape(nal);
  BitReader in(raw);
  in.skip(8);
  Sps out;
  out.profile = static_cast<std::uint8_t>(in.bits(8));
  out.constraints = static_cast<std::uint8_t>(in.bits(8));
  out.level = static_cast<std::uint8_t>(in.bits(8));
  out.id = in.ue();
  if (std::ranges::find(kHighProfiles, out.profile) != kHighProfiles.end()) read_chroma(in, out);
  in.ue();  // The width of frame numbers.
  skip_order_count(in);
  in.ue();  // Reference frames.
  in.bit();
  read_size(in, out);
  const bool has_vui = in.bit();
  if (!in.ok() || out.width == 0 || out.id > 31 || out.chroma_format > 3) {
    return fail(Code::decode, "h264: an SPS that makes no sense");
  }
  if (has_vui) out.framerate = read_framerate(in);
  return out;
}

std::string Sps::codec(std::string_view prefix) const {
  return fmt::format("{}.{:02x}{:02x}{:02x}", prefix, profile, constraints, level);
}

std::optional<std::uint32_t> pps_id(ByteSpan nal) {
  const std::vector<std::uint8_t> raw = unescape(nal.first(std::min<std::size_t>(nal.size(), 16)));
  BitReader in(raw);
  in.skip(8);
  const std::uint32_t id = in.ue();
  if (!in.ok() || id > 255) return std::nullopt;
  return id;
}

}  // namespace moq::mux::h264

#include "moq/mux/av1/sequence_header.h"

#include <fmt/format.h>

#include "moq/hang/codec_string.h"
#include "moq/mux/av1/obu.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::av1 {
namespace {

constexpr std::uint32_t kSrgb = 13;
constexpr std::uint8_t kMarkerAndVersion = 0x81;

/// What later fields of the operating points depend on.
struct Timing {
  bool has_decoder_model = false;
  unsigned delay_bits = 0;
};

std::uint8_t byte(BitReader& in, unsigned bits = 8) {
  return static_cast<std::uint8_t>(in.bits(bits));
}

/// `timing_info` and `decoder_model_info`, §5.5.3 and §5.5.4.
Timing read_timing(BitReader& in, SequenceHeader& out) {
  Timing timing;
  if (!in.bit()) return timing;
  const std::uint32_t tick = in.bits(32);
  const std::uint32_t scale = in.bits(32);
  if (in.bit()) {
    const double ticks = 1.0 + in.ue();
    if (tick != 0 && scale != 0) out.framerate = scale / (tick * ticks);
  }
  timing.has_decoder_model = in.bit();
  if (timing.has_decoder_model) {
    timing.delay_bits = in.bits(5) + 1;
    in.skip(32 + 5 + 5);
  }
  return timing;
}

void read_operating_points(BitReader& in, const Timing& timing, SequenceHeader& out) {
  const bool has_delays = in.bit();
  const std::uint32_t count = in.bits(5) + 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    in.skip(12);
    const std::uint8_t level = byte(in, 5);
    const bool high_tier = level > 7 && in.bit();
    if (i == 0) {
      out.level = level;
      out.high_tier = high_tier;
    }
    if (timing.has_decoder_model && in.bit()) in.skip(std::size_t{2} * timing.delay_bits + 1);
    if (has_delays && in.bit()) in.skip(4);
  }
}

/// The tools of a sequence that is not of reduced headers; of no use here.
void skip_tools(BitReader& in) {
  in.skip(4);
  const bool has_order_hint = in.bit();
  if (has_order_hint) in.skip(2);
  // Screen content tools and integer motion vectors: each "choose", or a fixed value.
  const bool may_force_integers = in.bit() || in.bit();
  if (may_force_integers && !in.bit()) in.skip(1);
  if (has_order_hint) in.skip(3);
}

/// `color_config`, §5.5.2.
void read_colors(BitReader& in, SequenceHeader& out) {
  const bool is_high = in.bit();
  const bool is_twelve = out.profile == 2 && is_high && in.bit();
  out.bit_depth = !is_high ? 8 : is_twelve ? 12 : 10;
  out.monochrome = out.profile != 1 && in.bit();
  // Without a description they count as the usual ones.
  if (in.bit()) {
    out.primaries = byte(in);
    out.transfer = byte(in);
    out.matrix = byte(in);
  }
  if (out.monochrome) {
    out.full_range = in.bit();
    return;
  }
  if (out.primaries == 1 && out.transfer == kSrgb && out.matrix == 0) {
    out.full_range = true;
    out.subsampling_x = out.subsampling_y = false;
    return;
  }
  out.full_range = in.bit();
  if (out.profile == 1) {
    out.subsampling_x = out.subsampling_y = false;
  } else if (out.profile == 2) {
    out.subsampling_x = !is_twelve || in.bit();
    out.subsampling_y = is_twelve && out.subsampling_x && in.bit();
  }
  if (out.subsampling_x && out.subsampling_y) out.sample_position = byte(in, 2);
}

}  // namespace

Result<SequenceHeader> SequenceHeader::decode(ByteSpan body) {
  BitReader in(body);
  SequenceHeader out;
  out.profile = byte(in, 3);
  in.skip(1);
  out.is_still = in.bit();
  if (out.is_still) {
    out.level = byte(in, 5);
  } else {
    const Timing timing = read_timing(in, out);
    read_operating_points(in, timing, out);
  }
  const unsigned width_bits = in.bits(4) + 1;
  const unsigned height_bits = in.bits(4) + 1;
  out.width = in.bits(width_bits) + 1;
  out.height = in.bits(height_bits) + 1;
  if (!out.is_still && in.bit()) in.skip(7);  // Frame ids.
  in.skip(3);
  if (!out.is_still) skip_tools(in);
  in.skip(3);
  read_colors(in, out);
  if (!in.ok() || out.profile > 2) {
    return fail(Code::decode, "av1: a sequence header that makes no sense");
  }
  return out;
}

std::string SequenceHeader::codec() const {
  const std::string whole =
      fmt::format("av01.{}.{:02}{}.{:02}.{:d}.{:d}{:d}{}.{:02}.{:02}.{:02}.{:d}", profile, level,
                  high_tier ? 'H' : 'M', bit_depth, monochrome, subsampling_x, subsampling_y,
                  sample_position, primaries, transfer, matrix, full_range);
  // Numbers that are reserved may not fit their two digits.
  return hang::canonical_codec(whole).value_or(whole.substr(0, whole.find('.', 12)));
}

Result<Av1Config> Av1Config::decode(const Bytes& bytes) {
  BitReader in(bytes.span());
  const std::uint8_t marker = byte(in);
  Av1Config out;
  out.head.profile = byte(in, 3);
  out.head.level = byte(in, 5);
  out.head.high_tier = in.bit();
  const bool is_high = in.bit();
  const bool is_twelve = in.bit();
  out.head.bit_depth = !is_high ? 8 : is_twelve ? 12 : 10;
  out.head.monochrome = in.bit();
  out.head.subsampling_x = in.bit();
  out.head.subsampling_y = in.bit();
  out.head.sample_position = byte(in, 2);
  in.skip(8);  // The delay of the presentation.
  if (!in.ok() || marker != kMarkerAndVersion || out.head.profile > 2) {
    return fail(Code::decode, "av1: a broken av1C");
  }
  out.obus = bytes.slice(4);
  return out;
}

SequenceHeader Av1Config::header() const {
  const Result<std::vector<Obu>> all = split_obus(obus.span());
  if (!all) return head;
  for (const Obu& obu : *all) {
    if (obu.type != ObuType::sequence_header) continue;
    return SequenceHeader::decode(obu.body).value_or(head);
  }
  return head;
}

}  // namespace moq::mux::av1

#include "moq/mux/h264/avcc.h"

#include <algorithm>

#include "moq/base/wire.h"
#include "moq/mux/h264/nal.h"
#include "moq/mux/h264/sps.h"

namespace moq::mux::h264 {
namespace {

// Profiles whose configuration ends with the chroma format: §5.3.3.1.2.
bool has_chroma_fields(std::uint8_t profile) {
  return profile == 100 || profile == 110 || profile == 122 || profile == 144;
}

std::vector<Bytes> read_sets(const Bytes& bytes, Reader& in, std::size_t count) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint16_t size = in.u16();
    const std::size_t at = in.position();
    in.skip(size);
    if (in.ok() && size > 0) out.push_back(bytes.slice(at, size));
  }
  return out;
}

void write_sets(Writer& out, const std::vector<Bytes>& sets) {
  for (const Bytes& set : sets) {
    out.u16(static_cast<std::uint16_t>(set.size())).bytes(set.span());
  }
}

bool belongs_in_frame(ByteSpan nal, ParameterSets sets) {
  const NalType type = nal_type(nal);
  if (type == NalType::sps || type == NalType::pps) return sets == ParameterSets::keep;
  return type != NalType::delimiter && type != NalType::filler;
}

}  // namespace

Result<AvcConfig> AvcConfig::decode(const Bytes& bytes) {
  Reader in(bytes.span());
  const std::uint8_t version = in.u8();
  in.u24();  // Profile, constraints and level, as in the SPS.
  AvcConfig out{.length_size = std::size_t{1} + (in.u8() & 3)};
  out.sps = read_sets(bytes, in, in.u8() & 31);
  out.pps = read_sets(bytes, in, in.u8());
  if (!in.ok() || version != 1 || out.length_size == 3) {
    return fail(Code::decode, "h264: a broken avcC");
  }
  return out;
}

Result<Bytes> AvcConfig::encode() const {
  if (sps.empty()) return fail(Code::invalid_argument, "h264: an avcC without SPS");
  MOQ_TRY(const Sps first, Sps::decode(sps.front().span()));
  Writer out;
  out.u8(1).u8(first.profile).u8(first.constraints).u8(first.level);
  out.u8(static_cast<std::uint8_t>(0xfc | (length_size - 1)));
  out.u8(static_cast<std::uint8_t>(0xe0 | sps.size()));
  write_sets(out, sps);
  out.u8(static_cast<std::uint8_t>(pps.size()));
  write_sets(out, pps);
  if (has_chroma_fields(first.profile)) {
    out.u8(static_cast<std::uint8_t>(0xfc | first.chroma_format));
    out.u8(static_cast<std::uint8_t>(0xf8 | (first.luma_bits - 8)));
    out.u8(static_cast<std::uint8_t>(0xf8 | (first.chroma_bits - 8))).u8(0);
  }
  return out.take();
}

Result<Bytes> to_annex_b(const AvcConfig& config, ByteSpan payload, bool keyframe) {
  MOQ_TRY(std::vector<ByteSpan> nals, split_length_prefixed(payload, config.length_size));
  const bool has_sps =
      std::ranges::any_of(nals, [](ByteSpan nal) { return nal_type(nal) == NalType::sps; });
  if (keyframe && !has_sps) {
    std::vector<ByteSpan> sets;
    for (const Bytes& set : config.sps) sets.push_back(set.span());
    for (const Bytes& set : config.pps) sets.push_back(set.span());
    // A delimiter must stay in front of everything.
    const bool delimited = !nals.empty() && nal_type(nals.front()) == NalType::delimiter;
    nals.insert(nals.begin() + (delimited ? 1 : 0), sets.begin(), sets.end());
  }
  return join_annex_b(nals);
}

Bytes to_length_prefixed(ByteSpan annex_b, ParameterSets sets) {
  std::vector<ByteSpan> nals = split_annex_b(annex_b);
  std::erase_if(nals, [sets](ByteSpan nal) { return !belongs_in_frame(nal, sets); });
  return join_length_prefixed(nals);
}

std::optional<AvcConfig> find_config(const Bytes& annex_b) {
  AvcConfig out;
  for (const ByteSpan nal : split_annex_b(annex_b.span())) {
    const Bytes slice =
        annex_b.slice(static_cast<std::size_t>(nal.data() - annex_b.data()), nal.size());
    if (nal.size() > UINT16_MAX) continue;
    // As many as the counts of an avcC can say.
    if (nal_type(nal) == NalType::sps && out.sps.size() < 31) out.sps.push_back(slice);
    if (nal_type(nal) == NalType::pps && out.pps.size() < 255) out.pps.push_back(slice);
  }
  if (out.sps.empty() || out.pps.empty()) return std::nullopt;
  return out;
}

}  // namespace moq::mux::h264

#include "moq/mux/h265/access_unit.h"

#include <algorithm>

#include "moq/mux/h264/nal.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::h265 {
namespace {

constexpr std::size_t kHeaderBytes = 2;

bool is_set(ByteSpan nal) { return nal_type(nal) >= NalType::vps && nal_type(nal) <= NalType::pps; }

/// The id in a VPS, or in a PPS; none if it is cut or out of range.
std::optional<std::uint32_t> set_id(ByteSpan nal) {
  const std::vector<std::uint8_t> raw =
      h264::unescape(nal.first(std::min<std::size_t>(nal.size(), 16)));
  BitReader in(raw);
  in.skip(8 * kHeaderBytes);
  const bool is_vps = nal_type(nal) == NalType::vps;
  const std::uint32_t id = is_vps ? in.bits(4) : in.ue();
  if (!in.ok() || id > 63) return std::nullopt;
  return id;
}

}  // namespace

bool is_keyframe(std::span<const ByteSpan> nals) {
  return std::ranges::any_of(nals, [](ByteSpan nal) {
    return nal_type(nal) >= NalType::bla_w_lp && nal_type(nal) <= NalType::cra;
  });
}

Result<std::optional<AccessUnit>> AccessUnitReader::read_unit(const Bytes& payload) {
  const std::vector<ByteSpan> nals = h264::split_annex_b(payload.span());
  if (nals.empty()) return fail(Code::decode, "h265: a frame without NAL units");
  for (const ByteSpan nal : nals) {
    if (is_set(nal)) MOQ_CHECK(remember(nal));
  }
  if (std::ranges::none_of(nals, is_slice)) return std::nullopt;
  if (!is_keyframe(nals)) return AccessUnit{.keyframe = false, .payload = payload};
  return AccessUnit{.keyframe = true, .payload = complete(payload, nals)};
}

Result<void> AccessUnitReader::remember(ByteSpan nal) {
  // Other layers are enhancements that no player here asks for.
  const bool is_base_layer = nal.size() > kHeaderBytes && (nal[0] & 1) == 0 && nal[1] >> 3 == 0;
  if (!is_base_layer) return {};
  if (nal.size() > kMaxParameterSetBytes) {
    return fail(Code::too_many, "h265: a parameter set is too large");
  }
  std::optional<std::uint32_t> id;
  if (nal_type(nal) == NalType::sps) {
    if (const Result<Sps> sps = Sps::decode(nal)) {
      sps_ = *sps;
      id = sps->id;
    }
  } else {
    id = set_id(nal);
  }
  if (id) sets_[{nal_type(nal), *id}] = Bytes::copy(nal);
  return {};
}

Bytes AccessUnitReader::complete(const Bytes& payload, const std::vector<ByteSpan>& nals) const {
  std::vector<ByteSpan> parts;
  const auto take = [&](NalType type) {
    const std::size_t before = parts.size();
    for (const ByteSpan nal : nals) {
      if (nal_type(nal) == type) parts.push_back(nal);
    }
    return parts.size() > before;
  };
  take(NalType::delimiter);
  bool lacks_any = false;
  // In this order each set follows those that it refers to.
  for (const NalType type : {NalType::vps, NalType::sps, NalType::pps}) {
    if (take(type)) continue;
    for (const auto& [key, set] : sets_) {
      if (key.first != type) continue;
      parts.push_back(set.span());
      lacks_any = true;
    }
  }
  if (!lacks_any) return payload;
  for (const ByteSpan nal : nals) {
    if (!is_set(nal) && nal_type(nal) != NalType::delimiter) parts.push_back(nal);
  }
  return h264::join_annex_b(parts);
}

}  // namespace moq::mux::h265

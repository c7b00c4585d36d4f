#include "moq/mux/h264/access_unit.h"

#include <algorithm>

#include "moq/mux/internal/bits.h"

namespace moq::mux::h264 {
namespace {

constexpr std::uint32_t kRecoveryPoint = 6;
// What holding a NAL unit takes beside its bytes, so that many tiny ones reach the limit too.
constexpr std::size_t kNalCost = 96;

bool is_slice(NalType type) { return type >= NalType::slice && type <= NalType::idr; }

/// True of NAL units that begin a new access unit if a picture came before them: delimiters,
/// parameter sets, SEI, and the reserved types 14 to 18.
bool begins_access_unit(NalType type) {
  const auto number = static_cast<unsigned>(type);
  return (number >= 6 && number <= 9) || (number >= 14 && number <= 18);
}

/// True if the slice is the first of its picture: first_mb_in_slice is 0, one set bit.
bool is_first_slice(ByteSpan nal) { return nal.size() > 1 && (nal[1] & 0x80) != 0; }

/// One number of an SEI header: bytes of 255 and a last one, summed.
std::uint32_t sei_number(BitReader& in) {
  std::uint32_t sum = 0;
  std::uint32_t byte = 255;
  while (byte == 255 && in.ok()) sum += byte = in.bits(8);
  return sum;
}

/// True if an SEI says that decoding may start right here: a recovery point without delay.
bool has_recovery_point(ByteSpan nal) {
  const std::vector<std::uint8_t> raw = unescape(nal);
  BitReader in(raw);
  in.skip(8);
  while (in.ok() && in.remaining() > 16) {
    const std::uint32_t type = sei_number(in);
    const std::uint32_t size = sei_number(in);
    if (type == kRecoveryPoint) return in.ok() && in.ue() == 0 && in.ok();
    in.skip(std::size_t{size} * 8);
  }
  return false;
}

bool contains(const std::vector<Bytes>& nals, NalType type) {
  return std::ranges::any_of(nals,
                             [type](const Bytes& nal) { return nal_type(nal.span()) == type; });
}

}  // namespace

Result<std::vector<AccessUnit>> AccessUnitReader::push(ByteSpan data) {
  std::vector<AccessUnit> out;
  MOQ_TRY(std::vector<Bytes> nals, reader_.push(data));
  for (Bytes& nal : nals) {
    MOQ_TRY(std::optional<AccessUnit> ended, add(std::move(nal)));
    if (ended) out.push_back(*std::move(ended));
  }
  if (const ByteSpan partial = reader_.partial(); partial.size() >= 2 && ends_unit(partial)) {
    if (std::optional<AccessUnit> ended = close()) out.push_back(*std::move(ended));
  }
  return out;
}

bool AccessUnitReader::ends_unit(ByteSpan nal) const {
  if (!has_slice_ || (nal[0] & 0x80) != 0) return false;
  const NalType type = nal_type(nal);
  return begins_access_unit(type) || (is_slice(type) && is_first_slice(nal));
}

Result<std::vector<AccessUnit>> AccessUnitReader::finish() {
  std::vector<AccessUnit> out;
  if (std::optional<Bytes> nal = reader_.finish()) {
    MOQ_TRY(std::optional<AccessUnit> ended, add(*std::move(nal)));
    if (ended) out.push_back(*std::move(ended));
  }
  if (std::optional<AccessUnit> last = close()) out.push_back(*std::move(last));
  return out;
}

Result<std::optional<AccessUnit>> AccessUnitReader::read_unit(const Bytes& payload) {
  for (const ByteSpan nal : split_annex_b(payload.span())) {
    const auto at = static_cast<std::size_t>(nal.data() - payload.data());
    Result<void> appended = append(payload.slice(at, nal.size()));
    if (appended) continue;
    close();
    return std::unexpected(std::move(appended).error());
  }
  if (nals_.empty()) return fail(Code::decode, "h264: a frame without NAL units");
  const bool complete = contains(nals_, NalType::sps) && contains(nals_, NalType::pps);
  std::optional<AccessUnit> unit = close();
  if (unit && (complete || !unit->keyframe)) unit->payload = payload;
  return unit;
}

Result<std::optional<AccessUnit>> AccessUnitReader::add(Bytes nal) {
  std::optional<AccessUnit> ended;
  if (ends_unit(nal.span())) ended = close();
  MOQ_CHECK(append(std::move(nal)));
  return ended;
}

Result<void> AccessUnitReader::append(Bytes nal) {
  const NalType type = nal_type(nal.span());
  const bool forbidden = (nal[0] & 0x80) != 0;
  if (forbidden || type == NalType::filler) return {};
  if (type == NalType::sps || type == NalType::pps) {
    MOQ_CHECK(remember(type, nal));
  }
  if (type == NalType::sei && has_recovery_point(nal.span())) recovers_ = true;
  if (is_slice(type)) has_slice_ = true;
  if (type == NalType::idr) has_idr_ = true;
  size_ += nal.size() + kNalCost;
  if (size_ > kMaxAccessUnitBytes) return fail(Code::too_many, "h264: an access unit is too large");
  nals_.push_back(std::move(nal));
  return {};
}

Result<void> AccessUnitReader::remember(NalType type, const Bytes& nal) {
  if (nal.size() > kMaxParameterSetBytes) {
    return fail(Code::too_many, "h264: a parameter set is too large");
  }
  // Copies: what is kept must not keep whole frames.
  if (type == NalType::pps) {
    if (const auto id = pps_id(nal.span())) pps_sets_[*id] = Bytes::copy(nal.span());
    return {};
  }
  if (const Result<Sps> sps = Sps::decode(nal.span())) {
    sps_ = *sps;
    sps_sets_[sps->id] = Bytes::copy(nal.span());
  }
  return {};
}

std::optional<AccessUnit> AccessUnitReader::close() {
  const std::vector<Bytes> nals = std::exchange(nals_, {});
  const bool picture = std::exchange(has_slice_, false);
  const bool keyframe = has_idr_ || recovers_;
  has_idr_ = recovers_ = false;
  size_ = 0;
  if (!picture) return std::nullopt;

  // What a key frame lacks: SPS behind the delimiter, PPS in front of the first slice.
  const bool needs_sps = keyframe && !contains(nals, NalType::sps);
  bool needs_pps = keyframe && !contains(nals, NalType::pps);
  std::vector<ByteSpan> parts;
  const auto append = [&parts](const Bytes& nal) { parts.push_back(nal.span()); };
  const bool delimited = nal_type(nals.front().span()) == NalType::delimiter;
  if (delimited) append(nals.front());
  if (needs_sps) {
    for (const auto& [id, set] : sps_sets_) append(set);
  }
  for (std::size_t i = delimited ? 1 : 0; i < nals.size(); ++i) {
    if (is_slice(nal_type(nals[i].span())) && std::exchange(needs_pps, false)) {
      for (const auto& [id, set] : pps_sets_) append(set);
    }
    append(nals[i]);
  }
  return AccessUnit{
      .keyframe = keyframe, .sps = keyframe ? sps_ : std::nullopt, .payload = join_annex_b(parts)};
}

bool is_keyframe(std::span<const ByteSpan> nals) {
  return std::ranges::any_of(nals, [](ByteSpan nal) {
    const NalType type = nal_type(nal);
    return type == NalType::idr || (type == NalType::sei && has_recovery_point(nal));
  });
}

}  // namespace moq::mux::h264

#include "moq/mux/av1/temporal_unit.h"

#include <algorithm>
#include <array>

#include "moq/mux/av1/obu.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::av1 {
namespace {

bool is_frame(const Obu& obu) {
  return obu.type == ObuType::frame || obu.type == ObuType::frame_header;
}

/// Whether decoding may start with this frame: a key frame that is shown right away (§5.9.2). One
/// that is decoded ahead, to be shown later, needs what was decoded since.
bool is_key_frame(const Obu& frame, bool is_still) {
  if (is_still) return true;
  BitReader in(frame.body);
  const bool shows_existing = in.bit();
  const std::uint32_t type = in.bits(2);
  const bool is_shown = in.bit();
  return in.ok() && !shows_existing && type == 0 && is_shown;
}

}  // namespace

Result<std::optional<TemporalUnit>> TemporalUnitReader::read_unit(const Bytes& payload) {
  MOQ_TRY(const std::vector<Obu> obus, split_obus(payload.span()));
  if (obus.empty()) return fail(Code::decode, "av1: a frame without OBUs");
  bool has_header = false;
  for (const Obu& obu : obus) {
    if (obu.type != ObuType::sequence_header) continue;
    if (obu.whole.size() > kMaxSequenceHeaderBytes) {
      return fail(Code::too_many, "av1: a sequence header is too large");
    }
    MOQ_TRY(header_, SequenceHeader::decode(obu.body));
    header_obu_ = with_size(obu);
    has_header = true;
  }
  const auto frame = std::ranges::find_if(obus, is_frame);
  if (frame == obus.end()) return std::nullopt;
  const bool keyframe = is_key_frame(*frame, header_ && header_->is_still);
  if (!keyframe || has_header) return TemporalUnit{.keyframe = keyframe, .payload = payload};

  const bool delimited = obus.front().type == ObuType::temporal_delimiter;
  const std::size_t at = delimited ? obus.front().whole.size() : 0;
  const std::array<Bytes, 3> parts = {payload.slice(0, at), header_obu_, payload.slice(at)};
  return TemporalUnit{.keyframe = true, .payload = header_obu_.empty() ? payload : join(parts)};
}

}  // namespace moq::mux::av1

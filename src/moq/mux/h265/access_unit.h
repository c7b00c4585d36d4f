#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "moq/mux/h265/sps.h"

namespace moq::mux::h265 {

/// `nal_unit_type`, table 7-1; those that matter here.
enum class NalType : std::uint8_t {
  bla_w_lp = 16,  ///< The first of those that decoding may start with,
  cra = 21,       ///< and the last.
  vps = 32,
  sps = 33,
  pps = 34,
  delimiter = 35,
};
/// Of a NAL unit that is not empty.
inline NalType nal_type(ByteSpan nal) { return static_cast<NalType>(nal[0] >> 1 & 0x3f); }
/// Types below 32 are slices.
inline bool is_slice(ByteSpan nal) { return nal_type(nal) < NalType::vps; }
/// Whether decoding may start with these NAL units of one access unit: an IDR, BLA or CRA picture.
bool is_keyframe(std::span<const ByteSpan> nals);

/// A parameter set, which is kept for later key frames; real ones have some hundred bytes.
inline constexpr std::size_t kMaxParameterSetBytes = std::size_t{4} << 10;

/// One picture with what belongs to it, as Annex-B.
struct AccessUnit {
  bool keyframe = false;
  Bytes payload;
  bool operator==(const AccessUnit&) const = default;
};

/// Reads Annex-B access units, one after the other, and gives key frames the parameter sets in
/// front that they lack.
class AccessUnitReader {
 public:
  /// `payload` is one access unit, whole. None if it has no picture: then its parameter sets are
  /// kept. A unit that lacks nothing is passed on as it is. `Code::decode` if it has no NAL unit.
  Result<std::optional<AccessUnit>> read_unit(const Bytes& payload);
  /// The newest SPS; none before the first that decodes.
  [[nodiscard]] const std::optional<Sps>& sps() const { return sps_; }

 private:
  Result<void> remember(ByteSpan nal);
  /// The access unit with what it lacks of the sets behind its delimiter.
  [[nodiscard]] Bytes complete(const Bytes& payload, const std::vector<ByteSpan>& nals) const;

  /// By type and id: 16 VPS, 16 SPS, 64 PPS at most.
  std::map<std::pair<NalType, std::uint32_t>, Bytes> sets_;
  std::optional<Sps> sps_;
};

}  // namespace moq::mux::h265

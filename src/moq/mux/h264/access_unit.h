#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "moq/mux/h264/nal.h"
#include "moq/mux/h264/sps.h"

namespace moq::mux::h264 {

/// A parameter set, which is kept for later key frames: real ones have some ten bytes.
inline constexpr std::size_t kMaxParameterSetBytes = std::size_t{4} << 10;

/// One picture with what belongs to it, as Annex-B with 4-byte start codes.
struct AccessUnit {
  bool keyframe = false;   ///< IDR, or an open-GOP recovery point that needs nothing before it.
  std::optional<Sps> sps;  ///< Of a key frame: the newest in it or before it.
  Bytes payload;
  bool operator==(const AccessUnit&) const = default;
};

/// Groups the NAL units of an Annex-B stream into access units (§7.4.1.2.3), each key frame with
/// the parameter sets in front that it needs. An access unit is complete when the next one begins:
/// at its first bytes, not at the end of its first NAL unit.
class AccessUnitReader {
 public:
  /// The access units that `data` completes. Broken NAL units are dropped; `Code::too_many` above a
  /// limit, after which the stream is of no use.
  Result<std::vector<AccessUnit>> push(ByteSpan data);
  /// The last ones, at the end of the stream.
  Result<std::vector<AccessUnit>> finish();
  /// Instead of `push`: `payload` is one access unit, whole. None if it has no picture: then its
  /// parameter sets are kept. A unit that lacks nothing is passed on as it is. `Code::decode` if it
  /// has no NAL unit.
  Result<std::optional<AccessUnit>> read_unit(const Bytes& payload);
  /// The newest SPS; none before the first that decodes.
  [[nodiscard]] const std::optional<Sps>& sps() const { return sps_; }

 private:
  /// True if `nal`, of which at least two bytes are known, ends the open access unit.
  [[nodiscard]] bool ends_unit(ByteSpan nal) const;
  /// Adds a NAL unit; the access unit that it ends.
  Result<std::optional<AccessUnit>> add(Bytes nal);
  /// Adds a NAL unit to the open access unit.
  Result<void> append(Bytes nal);
  Result<void> remember(NalType type, const Bytes& nal);
  std::optional<AccessUnit> close();

  AnnexBReader reader_;
  std::vector<Bytes> nals_;  ///< Of the open access unit.
  std::size_t size_ = 0;     ///< What they cost in memory.
  bool has_slice_ = false;
  bool has_idr_ = false;
  bool recovers_ = false;                    ///< A recovery point SEI says: decodable from here.
  std::map<std::uint32_t, Bytes> sps_sets_;  ///< By id, at most 32.
  std::map<std::uint32_t, Bytes> pps_sets_;  ///< By id, at most 256.
  std::optional<Sps> sps_;
};

/// Whether decoding may start with these NAL units of one access unit: an IDR picture, or a
/// recovery point that needs nothing before it.
bool is_keyframe(std::span<const ByteSpan> nals);

}  // namespace moq::mux::h264

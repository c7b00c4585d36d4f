#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// H.264 elementary streams (ITU-T H.264, ISO/IEC 14496-15).
namespace moq::mux::h264 {

/// `nal_unit_type`, table 7-1; those that matter here.
enum class NalType : std::uint8_t {
  slice = 1,
  partition_a = 2,
  partition_b = 3,
  partition_c = 4,
  idr = 5,
  sei = 6,
  sps = 7,
  pps = 8,
  delimiter = 9,
  end_of_sequence = 10,
  end_of_stream = 11,
  filler = 12,
};
/// Of a NAL unit that is not empty.
inline NalType nal_type(ByteSpan nal) { return static_cast<NalType>(nal[0] & 0x1f); }

/// One NAL unit of a stream: 4K intra frames at 60 Mbit/s stay below.
inline constexpr std::size_t kMaxNalBytes = std::size_t{8} << 20;
/// One access unit, which becomes one moq frame.
inline constexpr std::size_t kMaxAccessUnitBytes = std::size_t{16} << 20;

/// What separates NAL units in what we write.
inline constexpr std::uint8_t kStartCode[] = {0, 0, 0, 1};

/// Cuts an Annex-B byte stream into NAL units, in pieces of any size: start codes of 3 or 4 bytes,
/// trailing zeros dropped. Bytes before the first start code are no NAL unit and are skipped.
class AnnexBReader {
 public:
  /// The NAL units that `data` completes, without start codes. `Code::too_many` for one above
  /// `kMaxNalBytes`; the stream is then of no use.
  Result<std::vector<Bytes>> push(ByteSpan data);
  /// The last one, at the end of the stream.
  std::optional<Bytes> finish();
  /// What has come of the NAL unit that is not complete yet, borrowed until the next call.
  [[nodiscard]] ByteSpan partial() const { return started_ ? ByteSpan(pending_) : ByteSpan(); }

 private:
  std::vector<std::uint8_t> pending_;  ///< From the first byte after the newest start code.
  std::size_t scanned_ = 0;            ///< No start code begins in `pending_` before here.
  bool started_ = false;
};

/// The NAL units of a whole Annex-B payload, borrowed.
std::vector<ByteSpan> split_annex_b(ByteSpan payload);
/// The NAL units of a payload with `length_size` (1, 2 or 4) bytes of length before each, borrowed.
Result<std::vector<ByteSpan>> split_length_prefixed(ByteSpan payload, std::size_t length_size);
/// The other way round: each with a 4-byte start code, or a 4-byte length.
Bytes join_annex_b(std::span<const ByteSpan> nals);
Bytes join_length_prefixed(std::span<const ByteSpan> nals);

/// `nal` without its emulation prevention bytes (§7.4.1), the header included.
std::vector<std::uint8_t> unescape(ByteSpan nal);

}  // namespace moq::mux::h264

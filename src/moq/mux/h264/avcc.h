#pragma once

#include <cstdint>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::h264 {

/// The decoder configuration of an avc1 track ("avcC"). ISO/IEC 14496-15 §5.3.3.1.
struct AvcConfig {
  std::size_t length_size = 4;  ///< Bytes before each NAL unit: 1, 2 or 4.
  std::vector<Bytes> sps;       ///< NAL units with their headers.
  std::vector<Bytes> pps;

  /// `Code::decode` if it is cut. The parameter sets share `bytes`.
  static Result<AvcConfig> decode(const Bytes& bytes);
  /// Fails if the first SPS does not decode.
  [[nodiscard]] Result<Bytes> encode() const;
  bool operator==(const AvcConfig&) const = default;
};

/// A length-prefixed frame as Annex-B. A key frame gets the parameter sets in front unless it
/// carries an SPS itself.
Result<Bytes> to_annex_b(const AvcConfig& config, ByteSpan payload, bool keyframe);

/// What becomes of the parameter sets in a frame.
enum class ParameterSets : std::uint8_t { drop, keep };
/// An Annex-B frame with 4-byte lengths, without delimiters and filler.
Bytes to_length_prefixed(ByteSpan annex_b, ParameterSets sets = ParameterSets::drop);

/// The configuration that the parameter sets in an Annex-B key frame make; none if it lacks any.
std::optional<AvcConfig> find_config(const Bytes& annex_b);

}  // namespace moq::mux::h264

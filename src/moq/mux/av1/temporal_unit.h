#pragma once

#include <optional>

#include "moq/mux/av1/sequence_header.h"

namespace moq::mux::av1 {

/// A sequence header, which is kept for later key frames; real ones have some ten bytes.
inline constexpr std::size_t kMaxSequenceHeaderBytes = std::size_t{4} << 10;

/// One temporal unit: the OBUs of all frames of one time.
struct TemporalUnit {
  bool keyframe = false;
  Bytes payload;
  bool operator==(const TemporalUnit&) const = default;
};

/// Reads temporal units, one after the other, and gives key frames the sequence header in front
/// that they lack.
class TemporalUnitReader {
 public:
  /// `payload` is one temporal unit, whole. None if it has no frame: then its sequence header is
  /// kept. A unit that lacks nothing is passed on as it is. `Code::decode` if it is broken.
  Result<std::optional<TemporalUnit>> read_unit(const Bytes& payload);
  /// The newest sequence header; none before the first that decodes.
  [[nodiscard]] const std::optional<SequenceHeader>& header() const { return header_; }

 private:
  Bytes header_obu_;
  std::optional<SequenceHeader> header_;
};

}  // namespace moq::mux::av1

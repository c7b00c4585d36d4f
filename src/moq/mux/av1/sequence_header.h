#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::av1 {

/// What a sequence header says, or the head of an av1C.
struct SequenceHeader {
  std::uint8_t profile = 0;
  std::uint8_t level = 0;  ///< `seq_level_idx` of the first operating point.
  bool high_tier = false;
  std::uint8_t bit_depth = 8;
  bool monochrome = false;
  bool subsampling_x = true;
  bool subsampling_y = true;
  std::uint8_t sample_position = 0;
  std::uint8_t primaries = 1;
  std::uint8_t transfer = 1;
  std::uint8_t matrix = 1;
  bool full_range = false;
  std::uint32_t width = 0;  ///< Pixels, the largest of the sequence; 0 if unknown.
  std::uint32_t height = 0;
  std::optional<double> framerate;  ///< If it is constant and told.
  bool is_still = false;            ///< Its frame headers are reduced: all are key frames.

  /// Reads the body of a sequence header OBU (§5.5). `Code::decode` if it is cut.
  static Result<SequenceHeader> decode(ByteSpan body);
  /// `av01.0.04M.08`, with the colours unless they are the usual ones.
  [[nodiscard]] std::string codec() const;
  bool operator==(const SequenceHeader&) const = default;
};

/// The decoder configuration of an av01 track ("av1C").
struct Av1Config {
  SequenceHeader head;  ///< Without a size, and with the usual colours.
  Bytes obus;           ///< What belongs in front of the stream; may be empty.

  /// Whether `init` is an av1C: its first bit is set, which no OBU has.
  static bool looks_like(ByteSpan init) { return !init.empty() && (init[0] & 0x80) != 0; }
  /// `Code::decode` if it is cut or of another version. `obus` shares `bytes`.
  static Result<Av1Config> decode(const Bytes& bytes);
  /// The sequence header in `obus`, which says more than the head; else the head.
  [[nodiscard]] SequenceHeader header() const;
};

}  // namespace moq::mux::av1

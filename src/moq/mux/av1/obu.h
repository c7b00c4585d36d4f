#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// AV1 streams (AV1 bitstream specification; AV1 codec ISO media file format binding).
namespace moq::mux::av1 {

/// `obu_type`, §6.2.2; those that matter here.
enum class ObuType : std::uint8_t {
  sequence_header = 1,
  temporal_delimiter = 2,
  frame_header = 3,
  frame = 6,
  padding = 15,
};

/// One open bitstream unit, borrowed.
struct Obu {
  ObuType type = ObuType::padding;
  ByteSpan whole;  ///< With its header.
  ByteSpan body;
};

/// The units of a temporal unit in the low-overhead format (§5.2); the last may lack its size.
/// `Code::decode` if one is cut.
Result<std::vector<Obu>> split_obus(ByteSpan data);

/// `obu`, a sequence header, with its size in its header, so that more may follow it.
Bytes with_size(const Obu& obu);

}  // namespace moq::mux::av1

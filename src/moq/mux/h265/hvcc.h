#pragma once

#include <cstdint>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::h265 {

/// The decoder configuration of an hvc1 track ("hvcC"). ISO/IEC 14496-15 §8.3.3.1.
struct HevcConfig {
  std::size_t length_size = 4;  ///< Bytes before each NAL unit: 1, 2 or 4.
  std::vector<Bytes> nals;      ///< Parameter sets and SEI, with their headers.

  /// `Code::decode` if it is cut. The NAL units share `bytes`.
  static Result<HevcConfig> decode(const Bytes& bytes);
  bool operator==(const HevcConfig&) const = default;
};

}  // namespace moq::mux::h265

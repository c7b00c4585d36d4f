#pragma once

#include <cstdint>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::flac {

/// What the STREAMINFO block says. RFC 9639 §8.2.
struct StreamInfo {
  std::uint32_t sample_rate = 0;  ///< Hz.
  std::uint32_t channels = 0;
  std::uint32_t bits_per_sample = 0;

  /// Reads a stream's beginning: `fLaC`, the block's header and the block; more may follow.
  /// `Code::decode` if it is cut or something else.
  static Result<StreamInfo> decode(ByteSpan stream);
  bool operator==(const StreamInfo&) const = default;
};

}  // namespace moq::mux::flac

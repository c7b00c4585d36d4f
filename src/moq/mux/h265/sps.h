#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// H.265 elementary streams (ITU-T H.265, ISO/IEC 14496-15).
namespace moq::mux::h265 {

/// What a sequence parameter set says. ITU-T H.265 §7.3.2.2.
struct Sps {
  /// `general_profile_space` to `general_level_idc`, as an hvcC holds them.
  std::array<std::uint8_t, 12> profile_tier_level = {};
  std::uint32_t id = 0;
  std::uint32_t chroma_format = 1;  ///< 1 = 4:2:0.
  std::uint32_t width = 0;          ///< Pixels, cropped.
  std::uint32_t height = 0;

  /// Reads a NAL unit with its header. `Code::decode` if it is cut or makes no sense.
  static Result<Sps> decode(ByteSpan nal);
  /// `hev1.1.6.L93.B0` with that prefix.
  [[nodiscard]] std::string codec(std::string_view prefix) const;
  bool operator==(const Sps&) const = default;
};

}  // namespace moq::mux::h265

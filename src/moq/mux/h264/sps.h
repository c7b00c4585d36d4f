#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux::h264 {

/// What a sequence parameter set says. ITU-T H.264 §7.3.2.1.
struct Sps {
  std::uint8_t profile = 0;
  std::uint8_t constraints = 0;
  std::uint8_t level = 0;
  std::uint32_t id = 0;
  std::uint32_t chroma_format = 1;  ///< 1 = 4:2:0.
  std::uint32_t luma_bits = 8;
  std::uint32_t chroma_bits = 8;
  std::uint32_t width = 0;  ///< Pixels, cropped.
  std::uint32_t height = 0;
  std::optional<double> framerate;  ///< Frames per second, from the VUI.

  /// Reads a NAL unit with its header. `Code::decode` if it is cut or makes no sense.
  static Result<Sps> decode(ByteSpan nal);
  /// `avc3.64001f` with that prefix.
  [[nodiscard]] std::string codec(std::string_view prefix) const;
  bool operator==(const Sps&) const = default;
};

/// The id in a picture parameter set; none if it is cut.
std::optional<std::uint32_t> pps_id(ByteSpan nal);

}  // namespace moq::mux::h264

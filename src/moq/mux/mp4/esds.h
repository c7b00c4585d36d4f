#pragma once

#include <cstdint>

#include "moq/mux/mp4/box.h"

namespace moq::mux::mp4 {

/// The elementary stream descriptor of an `mp4a` entry. ISO/IEC 14496-1 §7.2.6.
struct Esds {
  static constexpr std::uint8_t kAac = 0x40;
  std::uint8_t object_type = kAac;
  Bytes specific;             ///< DecoderSpecificInfo: for AAC its AudioSpecificConfig.
  std::uint64_t bitrate = 0;  ///< The larger of average and maximum, bits per second; 0 = unknown.

  [[nodiscard]] bool is_aac() const { return object_type == kAac; }
  /// MPEG-2 and MPEG-1 layer III.
  [[nodiscard]] bool is_mp3() const { return object_type == 0x69 || object_type == 0x6b; }
};

/// Reads the body of an `esds` box; `specific` shares it.
Result<Esds> parse_esds(const Bytes& body);
void write_esds(BoxWriter& out, const Esds& esds);

}  // namespace moq::mux::mp4

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/mux/mp4/box.h"

namespace moq::mux::mp4 {

/// What the media of a track is: one box of `stsd`.
struct SampleEntry {
  FourCc format;            ///< `avc1`, `mp4a`, ...
  std::string codec;        ///< As the catalog names it; empty if it is none of ours.
  Bytes description;        ///< avcC, hvcC, AudioSpecificConfig, OpusHead; empty if none is needed.
  std::uint32_t width = 0;  ///< Video, pixels.
  std::uint32_t height = 0;
  std::uint32_t sample_rate = 0;  ///< Audio, Hz.
  std::uint32_t channels = 0;
  std::optional<std::uint64_t> bitrate;  ///< Bits per second, if the file says it.
  Bytes box;                             ///< The entry as it was read, or to be written.
};

/// Reads an entry of a video (`is_video`) or audio track. Fails if it is broken; one of a codec
/// that we do not know is fine. `description` and `box` share `entry`.
Result<SampleEntry> parse_sample_entry(const Bytes& entry, bool is_video);

/// Fills in `box` from the other fields. `codec` must start with one of `avc1`, `avc3` (which
/// becomes `avc1`: the description is the configuration), `hvc1`, `hev1`, `mp4a.40`, `opus`;
/// `Code::unsupported` for others, `Code::invalid_argument` without a description that is needed.
Result<SampleEntry> build_sample_entry(SampleEntry entry);

/// `avc1.64001f`: `prefix` and what bytes 1 to 3 of the configuration say.
std::string avc_codec(std::string_view prefix, ByteSpan avcc);
/// `hvc1.1.6.L93.B0`, ISO/IEC 14496-15 annex E.
std::string hevc_codec(std::string_view prefix, ByteSpan hvcc);

}  // namespace moq::mux::mp4

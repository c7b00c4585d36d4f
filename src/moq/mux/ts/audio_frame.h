#pragma once

#include <cstdint>

#include "moq/base/bytes.h"

namespace moq::mux::ts {

/// What the first bytes of an audio frame say.
struct AudioFrame {
  std::size_t size = 0;         ///< With the header.
  std::size_t header_size = 0;  ///< Of that, bytes that are no part of the codec's frame.
  std::uint32_t samples = 0;
  std::uint32_t sample_rate = 0;  ///< Hz.
  Bytes init;                     ///< What a decoder starts with; empty if the frame says nothing.
};

/// What begins at some place of an elementary stream.
enum class Probe : std::uint8_t {
  frame,  ///< A frame: `out` is filled in. Its bytes need not all be there.
  more,   ///< Too few bytes to tell.
  none,   ///< No frame.
};

/// AAC with ADTS headers, one raw block in each. ISO/IEC 14496-3 §1.A.3.2. `init` is an
/// AudioSpecificConfig.
Probe probe_adts(ByteSpan in, AudioFrame& out);
/// MP3. `init` is the header.
Probe probe_mp3(ByteSpan in, AudioFrame& out);
/// Whether the header of MPEG audio of layer 1 or 2 begins here.
bool is_other_layer(ByteSpan in);
/// A packet of 120 ms has 6 frames of at most 1275 bytes (RFC 6716 §3.4); several streams have
/// more.
inline constexpr std::size_t kMaxOpusBytes = std::size_t{64} << 10;
/// Opus packets, each behind a control header ("Opus in MPEG-TS", opus-codec.org). No `init`.
Probe probe_opus(ByteSpan in, AudioFrame& out);

}  // namespace moq::mux::ts

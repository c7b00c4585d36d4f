#include "moq/mux/ts/audio_frame.h"

#include <algorithm>
#include <array>

#include "moq/mux/aac.h"
#include "moq/mux/internal/bits.h"
#include "moq/mux/opus.h"

namespace moq::mux::ts {
namespace {

// ISO/IEC 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3: layer 3, kbit/s by index; 0 is no size, 15
// reserved.
constexpr std::array<std::uint32_t, 15> kRatesOfVersion1 = {0,   32,  40,  48,  56,  64,  80, 96,
                                                            112, 128, 160, 192, 224, 256, 320};
constexpr std::array<std::uint32_t, 15> kRatesOfVersion2 = {0,  8,  16, 24,  32,  40,  48, 56,
                                                            64, 80, 96, 112, 128, 144, 160};
constexpr std::array<std::uint32_t, 3> kSampleRates = {44'100, 48'000, 32'000};

constexpr std::size_t kMpegHeader = 4;
constexpr std::uint32_t kLayer3 = 1;
constexpr std::uint32_t kVersion1 = 3;
constexpr std::uint32_t kVersion25 = 0;
constexpr std::uint32_t kReserved = 1;

struct MpegHeader {
  std::uint32_t version = 0;  ///< As coded: 3 = 1, 2 = 2, 0 = 2.5.
  std::uint32_t layer = 0;    ///< As coded: 1 = layer 3.
  std::uint32_t bitrate = 0;  ///< Index.
  std::uint32_t rate = 0;     ///< Index.
  bool padded = false;
};

/// Reads four bytes; false if they are no header.
bool read_header(ByteSpan in, MpegHeader& out) {
  BitReader bits(in);
  const bool sync = bits.bits(11) == 0x7ff;
  out.version = bits.bits(2);
  out.layer = bits.bits(2);
  bits.skip(1);  // No CRC.
  out.bitrate = bits.bits(4);
  out.rate = bits.bits(2);
  out.padded = bits.bit();
  return sync && bits.ok() && out.version != kReserved && out.layer != 0 && out.bitrate != 0 &&
         out.bitrate < kRatesOfVersion1.size() && out.rate < kSampleRates.size();
}

}  // namespace

Probe probe_adts(ByteSpan in, AudioFrame& out) {
  constexpr std::size_t kHeader = 7;
  constexpr std::size_t kCrc = 2;
  if (in.size() < kHeader) return Probe::more;
  BitReader bits(in);
  const bool sync = bits.bits(12) == 0xfff;
  bits.skip(1);  // MPEG-2 or 4.
  const bool layer = bits.bits(2) == 0;
  const bool has_crc = !bits.bit();
  const std::uint32_t type = bits.bits(2) + 1;
  const std::uint32_t rate = bits.bits(4);
  bits.skip(1);
  const std::uint32_t channels = bits.bits(3);
  bits.skip(4);
  out.size = bits.bits(13);
  bits.skip(11);  // Fullness of the buffer.
  const bool one_block = bits.bits(2) == 0;
  out.header_size = kHeader + (has_crc ? kCrc : 0);
  if (!sync || !layer || !one_block || out.size <= out.header_size) return Probe::none;
  const std::array<std::uint8_t, 2> config = {
      static_cast<std::uint8_t>(type << 3 | rate >> 1),
      static_cast<std::uint8_t>((rate & 1) << 7 | channels << 3)};
  const Result<aac::Config> parsed = aac::Config::decode(config);
  if (!parsed) return Probe::none;
  out.samples = aac::kFrameSamples;
  out.sample_rate = parsed->sample_rate;
  out.init = Bytes::copy(config);
  return Probe::frame;
}

Probe probe_mp3(ByteSpan in, AudioFrame& out) {
  if (in.size() < kMpegHeader) return Probe::more;
  MpegHeader header;
  if (!read_header(in, header) || header.layer != kLayer3) return Probe::none;
  const bool first = header.version == kVersion1;
  const std::uint32_t kbps = (first ? kRatesOfVersion1 : kRatesOfVersion2)[header.bitrate];
  out.samples = first ? 1152 : 576;
  out.sample_rate = kSampleRates[header.rate] / (first ? 1 : header.version == kVersion25 ? 4 : 2);
  out.size = out.samples / 8 * kbps * 1000 / out.sample_rate + (header.padded ? 1 : 0);
  out.header_size = 0;
  out.init = Bytes::copy(in.first(kMpegHeader));
  return Probe::frame;
}

bool is_other_layer(ByteSpan in) {
  MpegHeader header;
  return in.size() >= kMpegHeader && read_header(in, header) && header.layer != kLayer3;
}

Probe probe_opus(ByteSpan in, AudioFrame& out) {
  if (in.size() < 2) return Probe::more;
  if (in[0] != 0x7f || (in[1] & 0xe0) != 0xe0) return Probe::none;
  const bool trims_start = (in[1] & 0x10) != 0;
  const bool trims_end = (in[1] & 0x08) != 0;
  const bool extended = (in[1] & 0x04) != 0;
  std::size_t at = 2;
  std::size_t packet = 0;
  for (std::uint8_t byte = 255; byte == 255;) {
    if (at == in.size()) return Probe::more;
    packet += byte = in[at++];
    if (packet > kMaxOpusBytes) return Probe::none;
  }
  at += (trims_start ? 2 : 0) + (trims_end ? 2 : 0);
  if (extended) {
    if (at >= in.size()) return Probe::more;
    at += std::size_t{1} + in[at];
  }
  if (packet == 0) return Probe::none;
  // A packet tells its length in two bytes.
  if (in.size() < at + std::min<std::size_t>(packet, 2)) return Probe::more;
  const auto length = opus::packet_duration(in.subspan(at)).value_or(Duration::zero());
  // Frames are multiples of 2.5 ms, 120 samples.
  out.samples = static_cast<std::uint32_t>(length / 2500us * 120);
  out.size = at + packet;
  out.header_size = at;
  out.sample_rate = opus::kSampleRate;
  out.init = Bytes();
  return Probe::frame;
}

}  // namespace moq::mux::ts

#include "moq/mux/ts/audio_frame.h"

#include <algorithm>
#include <array>

#include "moq/mux/aac.h"
#include "moq/mux/internal/bits.h"
#include "moq/mux/mp3.h"
#include "moq/mux/opus.h"

namespace moq::mux::ts {
namespace {

constexpr std::size_t kMp3Header = 4;

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
  if (in.size() < kMp3Header) return Probe::more;
  const auto header = mp3::FrameHeader::decode(in);
  if (!header || header->size == 0) return Probe::none;
  out.size = header->size;
  out.header_size = 0;
  out.samples = header->samples;
  out.sample_rate = header->sample_rate;
  out.init = Bytes::copy(in.first(kMp3Header));
  return Probe::frame;
}

bool is_other_layer(ByteSpan in) {
  constexpr std::uint8_t kLayers = 0x06;
  constexpr std::uint8_t kLayer3 = 0x02;
  if (in.size() < kMp3Header || (in[1] & kLayers) == 0 || (in[1] & kLayers) == kLayer3)
    return false;
  // Layers have the same fields, with other bit rates.
  std::array<std::uint8_t, kMp3Header> header = {in[0], in[1], in[2], in[3]};
  header[1] = static_cast<std::uint8_t>((header[1] & ~kLayers) | kLayer3);
  return mp3::FrameHeader::decode(header).has_value();
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

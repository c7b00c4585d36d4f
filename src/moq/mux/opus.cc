#include "moq/mux/opus.h"

#include <array>
#include <bit>

#include "moq/base/wire.h"

namespace moq::mux::opus {
namespace {

constexpr std::string_view kMagic = "OpusHead";
/// Two counts and one index per channel.
std::size_t mapping_size(std::uint8_t family, std::uint8_t channels) {
  return family == 0 ? 0 : std::size_t{2} + channels;
}

/// Reads the fields after the version; `little` as in Ogg, else as in MP4.
Result<Head> read_fields(const Bytes& bytes, Reader& in, bool little) {
  const auto u16 = [&in, little] {
    const std::uint16_t value = in.u16();
    return little ? std::byteswap(value) : value;
  };
  Head out;
  out.channels = in.u8();
  out.pre_skip = u16();
  const std::uint32_t rate = in.u32();
  out.input_rate = little ? std::byteswap(rate) : rate;
  out.gain = static_cast<std::int16_t>(u16());
  out.mapping_family = in.u8();
  const std::size_t table = mapping_size(out.mapping_family, out.channels);
  out.mapping = bytes.slice(in.position(), table);
  in.skip(table);
  if (!in.ok() || out.channels == 0)
    return fail(Code::decode, "an Opus header that makes no sense");
  return out;
}

void write_fields(const Head& head, Writer& out, bool little) {
  const auto u16 = [&out, little](std::uint16_t value) {
    out.u16(little ? std::byteswap(value) : value);
  };
  out.u8(head.channels);
  u16(head.pre_skip);
  out.u32(little ? std::byteswap(head.input_rate) : head.input_rate);
  u16(static_cast<std::uint16_t>(head.gain));
  out.u8(head.mapping_family).bytes(head.mapping.span());
}

}  // namespace

Result<Head> Head::decode(const Bytes& bytes) {
  Reader in(bytes.span());
  const ByteSpan magic = in.bytes(kMagic.size());
  const std::uint8_t version = in.u8();
  // The high half of the version is the major one; minor ones only add.
  if (as_text(magic) != kMagic || version >> 4 != 0) {
    return fail(Code::decode, "not an OpusHead");
  }
  return read_fields(bytes, in, true);
}

Bytes Head::encode() const {
  Writer out;
  out.bytes(as_bytes(kMagic)).u8(1);
  write_fields(*this, out, true);
  return out.take();
}

Result<Head> Head::decode_dops(const Bytes& body) {
  Reader in(body.span());
  if (in.u8() != 0) return fail(Code::decode, "a dOps of another version");
  return read_fields(body, in, false);
}

Bytes Head::encode_dops() const {
  Writer out;
  out.u8(0);
  write_fields(*this, out, false);
  return out.take();
}

std::optional<Duration> packet_duration(ByteSpan packet) {
  if (packet.empty()) return std::nullopt;
  // Microseconds by configuration number; RFC 6716, table 2.
  constexpr std::array<std::uint32_t, 4> kSilk = {10'000, 20'000, 40'000, 60'000};
  constexpr std::array<std::uint32_t, 4> kCelt = {2'500, 5'000, 10'000, 20'000};
  const unsigned config = packet[0] >> 3;
  const std::uint32_t frame_us = config < 12   ? kSilk[config % 4]
                                 : config < 16 ? kSilk[config % 2]
                                               : kCelt[config % 4];
  const unsigned code = packet[0] & 3;
  std::uint32_t frames = code == 0 ? 1 : 2;
  if (code == 3) {
    if (packet.size() < 2) return std::nullopt;
    frames = packet[1] & 63;
  }
  // A packet holds at most 120 ms.
  if (frames == 0 || frames * frame_us > 120'000) return std::nullopt;
  return std::chrono::microseconds(frames * frame_us);
}

}  // namespace moq::mux::opus

#include "moq/mux/mp4/esds.h"

#include <algorithm>

namespace moq::mux::mp4 {
namespace {

constexpr std::uint8_t kEsTag = 3;
constexpr std::uint8_t kConfigTag = 4;
constexpr std::uint8_t kSpecificTag = 5;
constexpr std::uint8_t kSyncTag = 6;
constexpr std::uint8_t kAudioStream = 0x15;  // Stream type 5, the reserved bit set.

/// A descriptor's length: 7 bits a byte, the top bit says that more follow, at most four.
std::size_t read_length(Reader& in) {
  std::size_t length = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint8_t byte = in.u8();
    length = length << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) break;
  }
  return length;
}

/// The body of the next descriptor, which must have that tag.
ByteSpan descriptor(Reader& in, std::uint8_t tag) {
  if (in.u8() != tag) in.fail(DecodeError::unknown);
  return in.bytes(read_length(in));
}

/// Bytes of a descriptor whose body is shorter than 128 bytes.
std::size_t wrapped(std::size_t body) { return body + 2; }

}  // namespace

Result<Esds> parse_esds(const Bytes& body) {
  Reader in(body.span());
  in.u32();  // Version and flags.
  Reader es(descriptor(in, kEsTag));
  es.u16();
  const std::uint8_t flags = es.u8();
  if ((flags & 0x80) != 0) es.u16();
  if ((flags & 0x40) != 0) es.skip(es.u8());
  if ((flags & 0x20) != 0) es.u16();
  Reader config(descriptor(es, kConfigTag));
  Esds out{.object_type = config.u8()};
  config.u8();
  config.u24();
  out.bitrate = std::max(config.u32(), config.u32());
  const bool sound = in.ok() && es.ok() && config.ok();
  if (!sound) return fail(Code::decode, "mp4: a broken esds");
  if (config.remaining() > 0) {
    const ByteSpan specific = descriptor(config, kSpecificTag);
    if (!config.ok()) return fail(Code::decode, "mp4: a broken esds");
    if (!specific.empty()) {
      const auto offset = static_cast<std::size_t>(specific.data() - body.data());
      out.specific = body.slice(offset, specific.size());
    }
  }
  return out;
}

void write_esds(BoxWriter& out, const Esds& esds) {
  const Bytes specific = esds.specific.slice(0, 64);  // Longer than any AudioSpecificConfig.
  const std::size_t config = 13 + wrapped(specific.size());
  const std::size_t es = 3 + wrapped(config) + wrapped(1);
  const auto rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(esds.bitrate, UINT32_MAX));
  const auto length = [](std::size_t size) { return static_cast<std::uint8_t>(size); };

  const std::size_t start = out.begin_full("esds", 0, 0);
  out.out().u8(kEsTag).u8(length(es)).u16(0).u8(0);
  out.out().u8(kConfigTag).u8(length(config)).u8(esds.object_type).u8(kAudioStream).u24(0);
  out.out().u32(rate).u32(rate);
  out.out().u8(kSpecificTag).u8(length(specific.size())).bytes(specific.span());
  out.out().u8(kSyncTag).u8(1).u8(2);  // MP4's predefined synchronisation.
  out.end(start);
}

}  // namespace moq::mux::mp4

#include "moq/mux/av1/obu.h"

#include "moq/base/wire.h"

namespace moq::mux::av1 {
namespace {

constexpr std::uint8_t kForbidden = 0x80;
constexpr std::uint8_t kHasExtension = 0x04;
constexpr std::uint8_t kHasSize = 0x02;
// Beyond 32 bits no size is legal: §4.10.5.
constexpr int kMaxSizeBytes = 5;

/// A number of seven bits a byte, least first.
std::uint64_t read_leb128(Reader& in) {
  std::uint64_t value = 0;
  for (int i = 0; i < kMaxSizeBytes; ++i) {
    const std::uint8_t byte = in.u8();
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80) == 0) return value;
  }
  in.fail(DecodeError::out_of_range);
  return 0;
}

void write_leb128(Writer& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out.u8(static_cast<std::uint8_t>(0x80 | (value & 0x7f)));
  out.u8(static_cast<std::uint8_t>(value));
}

}  // namespace

Result<std::vector<Obu>> split_obus(ByteSpan data) {
  std::vector<Obu> out;
  Reader in(data);
  while (in.ok() && in.remaining() > 0) {
    const std::size_t begin = in.position();
    const std::uint8_t header = in.u8();
    if ((header & kForbidden) != 0) in.fail(DecodeError::out_of_range);
    if ((header & kHasExtension) != 0) in.u8();
    const std::uint64_t size = (header & kHasSize) != 0 ? read_leb128(in) : in.remaining();
    const ByteSpan body = in.bytes(size);
    if (!in.ok()) break;
    out.push_back({.type = static_cast<ObuType>(header >> 3 & 15),
                   .whole = data.subspan(begin, in.position() - begin),
                   .body = body});
  }
  if (!in.ok()) return fail(Code::decode, "av1: a broken OBU");
  return out;
}

Bytes with_size(const Obu& obu) {
  if ((obu.whole[0] & kHasSize) != 0) return Bytes::copy(obu.whole);
  Writer out;
  out.u8(obu.whole[0] | kHasSize);
  if ((obu.whole[0] & kHasExtension) != 0) out.u8(obu.whole[1]);
  write_leb128(out, obu.body.size());
  out.bytes(obu.body);
  return out.take();
}

}  // namespace moq::mux::av1

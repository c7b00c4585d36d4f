// Input: a byte that picks the codec, a length, a script of that many reads, and what they read.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "moq/base/wire.h"

namespace {

using namespace moq;

constexpr std::uint64_t kLimit = 16;
/// New ones go to the end: the corpus counts on the numbers.
constexpr std::array kCodecs{Varint::quic, Varint::leading_ones, Varint::vi64, Varint::vi64_no_7};

/// Writes `value` in the way `write` does and reads it back: the same, and nothing is left over.
template <typename T, typename Write, typename Read>
void expect_same(Varint codec, T value, Write write, Read read) {
  Writer out(codec);
  write(out, value);
  MOQ_ASSERT(out.ok());
  Reader in(out.span(), codec);
  MOQ_ASSERT(read(in) == value && in.finish(0));
}

void read_varint(Reader& in, Varint codec) {
  const std::size_t before = in.position();
  const std::uint64_t value = in.varint();
  MOQ_ASSERT(value <= max_value(codec));
  if (!in.ok()) return;
  Writer shortest(codec);
  shortest.varint(value);
  // Seven bytes of leading ones are read, and never written.
  const std::size_t taken = in.position() - before;
  MOQ_ASSERT(codec != Varint::vi64_no_7 || taken != 7);
  MOQ_ASSERT(shortest.size() <= taken || (codec != Varint::quic && taken == 7));
  expect_same(
      codec, value, [](Writer& out, auto v) { out.varint(v); },
      [](Reader& back) { return back.varint(); });
}

void read_one(Reader& in, Varint codec, std::uint8_t what) {
  switch (what % 12) {
    case 0:
      return read_varint(in, codec);
    case 1:
      in.u8();
      return;
    case 2:
      in.u16();
      return;
    case 3:
      in.u24();
      return;
    case 4:
      in.u32();
      return;
    case 5:
      in.u64();
      return;
    case 6:
      in.boolean();
      return;
    case 7: {
      const std::optional<std::uint64_t> value = in.optional_varint();
      return expect_same(
          codec, value, [](Writer& out, auto v) { out.optional_varint(v); },
          [](Reader& back) { return back.optional_varint(); });
    }
    case 8: {
      const std::int64_t value = in.zigzag();
      return expect_same(
          codec, value, [](Writer& out, auto v) { out.zigzag(v); },
          [](Reader& back) { return back.zigzag(); });
    }
    case 9:
      MOQ_ASSERT(in.prefixed(kLimit).size() <= kLimit);
      return;
    case 10:
      MOQ_ASSERT(is_utf8(as_bytes(in.text())));
      return;
    default:
      MOQ_ASSERT(in.count(kLimit) <= kLimit);
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan input(data, size);
  if (size < 2) return 0;
  const Varint codec = kCodecs[input[0] % kCodecs.size()];
  const ByteSpan script = input.subspan(2, std::min<std::size_t>(input[1], size - 2));
  Reader in(input.subspan(2 + script.size()), codec);
  std::size_t position = 0;
  for (const std::uint8_t what : script) {
    const DecodeError before = in.error();
    read_one(in, codec, what);
    MOQ_ASSERT(before == DecodeError::none || in.error() == before);
    MOQ_ASSERT(in.position() >= position);
    position = in.position();
  }
  const bool all_read = in.ok() && in.remaining() == 0;
  MOQ_ASSERT(in.finish(0).has_value() == all_read);
  return 0;
}

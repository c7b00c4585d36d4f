#include "moq/base/wire.h"

#include <algorithm>
#include <bit>

namespace moq {
namespace {
/// Extra bytes announced by the first byte of a leading-ones varint: 0 to 8.
std::size_t extra_bytes(std::uint8_t first) {
  return static_cast<std::size_t>(std::countl_one(first));
}
}  // namespace

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::none:
      return "none";
    case DecodeError::truncated:
      return "a field runs past the end";
    case DecodeError::trailing:
      return "bytes are left over";
    case DecodeError::out_of_range:
      return "a value is out of range";
    case DecodeError::bad_utf8:
      return "text is not UTF-8";
    case DecodeError::too_long:
      return "a length is above its limit";
    case DecodeError::too_many:
      return "a count is above its limit";
    case DecodeError::duplicate:
      return "an entry repeats";
    case DecodeError::unknown:
      return "an unknown type";
  }
  std::unreachable();
}

Error to_error(DecodeError error, std::string_view what) {
  return {Code::decode, std::string(what) + ": " + std::string(to_string(error))};
}

bool is_utf8(ByteSpan bytes) {
  // Table 3-7 of the Unicode standard: the second byte's range depends on the first.
  std::size_t i = 0;
  const auto continues = [&](std::size_t at, std::uint8_t low, std::uint8_t high) {
    return at < bytes.size() && bytes[at] >= low && bytes[at] <= high;
  };
  while (i < bytes.size()) {
    const std::uint8_t b = bytes[i];
    if (b < 0x80) {
      i += 1;
    } else if (b >= 0xc2 && b <= 0xdf) {
      if (!continues(i + 1, 0x80, 0xbf)) return false;
      i += 2;
    } else if (b >= 0xe0 && b <= 0xef) {
      const std::uint8_t low = b == 0xe0 ? 0xa0 : 0x80;
      const std::uint8_t high = b == 0xed ? 0x9f : 0xbf;
      if (!continues(i + 1, low, high) || !continues(i + 2, 0x80, 0xbf)) return false;
      i += 3;
    } else if (b >= 0xf0 && b <= 0xf4) {
      const std::uint8_t low = b == 0xf0 ? 0x90 : 0x80;
      const std::uint8_t high = b == 0xf4 ? 0x8f : 0xbf;
      if (!continues(i + 1, low, high) || !continues(i + 2, 0x80, 0xbf) ||
          !continues(i + 3, 0x80, 0xbf)) {
        return false;
      }
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

void Reader::fail(DecodeError error) {
  if (error_ == DecodeError::none) error_ = error;
}

ByteSpan Reader::bytes(std::uint64_t size) {
  if (!ok()) return {};
  if (size > remaining()) {
    missing_ = size - remaining();
    fail(DecodeError::truncated);
    return {};
  }
  const ByteSpan out = in_.subspan(at_, static_cast<std::size_t>(size));
  at_ += out.size();
  return out;
}

std::uint64_t Reader::fixed(std::size_t size) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes(size)) value = value << 8 | byte;
  return value;
}

std::uint8_t Reader::u8() { return static_cast<std::uint8_t>(fixed(1)); }
std::uint16_t Reader::u16() { return static_cast<std::uint16_t>(fixed(2)); }
std::uint32_t Reader::u24() { return static_cast<std::uint32_t>(fixed(3)); }
std::uint32_t Reader::u32() { return static_cast<std::uint32_t>(fixed(4)); }
std::uint64_t Reader::u64() { return fixed(8); }

std::uint64_t Reader::varint() {
  const ByteSpan first = bytes(1);
  if (first.empty()) return 0;
  if (varint_ == Varint::quic) {
    const std::size_t extra = (std::size_t{1} << (first[0] >> 6)) - 1;
    std::uint64_t value = first[0] & 0x3f;
    const ByteSpan rest = bytes(extra);
    if (!ok()) return 0;
    for (const std::uint8_t byte : rest) value = value << 8 | byte;
    return value;
  }
  const std::size_t extra = extra_bytes(first[0]);
  if (extra == 6 && varint_ == Varint::vi64_no_7) {
    fail(DecodeError::out_of_range);
    return 0;
  }
  std::uint64_t value = extra >= 7 ? 0 : first[0] & (0x7fU >> extra);
  const ByteSpan rest = bytes(extra);
  if (!ok()) return 0;
  for (const std::uint8_t byte : rest) value = value << 8 | byte;
  if (value > max_value(varint_)) {
    fail(DecodeError::out_of_range);
    return 0;
  }
  return value;
}

std::uint64_t Reader::count(std::uint64_t limit) {
  const std::uint64_t value = varint();
  if (value <= limit) return value;
  fail(DecodeError::too_many);
  return 0;
}

bool Reader::boolean() {
  const std::uint8_t value = u8();
  if (value > 1) fail(DecodeError::out_of_range);
  return value == 1;
}

std::optional<std::uint64_t> Reader::optional_varint() {
  const std::uint64_t value = varint();
  if (value == 0) return std::nullopt;
  return value - 1;
}

std::int64_t Reader::zigzag() {
  const std::uint64_t value = varint();
  const auto half = static_cast<std::int64_t>(value >> 1);
  return (value & 1) != 0 ? -half - 1 : half;
}

ByteSpan Reader::prefixed(std::uint64_t limit) {
  const std::uint64_t size = varint();
  if (size > limit) {
    fail(DecodeError::too_long);
    return {};
  }
  return bytes(size);
}

std::string_view Reader::text(std::uint64_t limit) {
  const ByteSpan raw = prefixed(limit);
  if (!is_utf8(raw)) {
    fail(DecodeError::bad_utf8);
    return {};
  }
  return as_text(raw);
}

Writer& Writer::fixed(std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  return *this;
}

Writer& Writer::u8(std::uint8_t value) { return fixed(value, 1); }
Writer& Writer::u16(std::uint16_t value) { return fixed(value, 2); }
Writer& Writer::u24(std::uint32_t value) { return fixed(value, 3); }
Writer& Writer::u32(std::uint32_t value) { return fixed(value, 4); }
Writer& Writer::u64(std::uint64_t value) { return fixed(value, 8); }

Writer& Writer::varint(std::uint64_t value) {
  if (value > max_value(varint_)) {
    ok_ = false;
    value = max_value(varint_);
  }
  if (varint_ == Varint::quic) {
    const std::size_t size = varint_size(value);
    const auto tag = static_cast<std::uint64_t>(std::countr_zero(size));
    return fixed(value | tag << (8 * size - 2), size);
  }
  // 0 to 5 extra bytes carry 7 more bits each; then 56 bits in 8 bytes, 64 in 9.
  for (std::size_t extra = 0; extra < 6; ++extra) {
    const std::size_t bits = 7 * (extra + 1);
    if (value >= std::uint64_t{1} << bits) continue;
    const std::uint64_t tag = (std::uint64_t{0xff} << (8 - extra) & 0xff) << (8 * extra);
    return fixed(value | tag, extra + 1);
  }
  if (value < std::uint64_t{1} << 56) return u8(0xfe).fixed(value, 7);
  return u8(0xff).fixed(value, 8);
}

Writer& Writer::optional_varint(std::optional<std::uint64_t> value) {
  if (!value) return varint(0);
  if (*value < max_value(varint_)) return varint(*value + 1);
  // The greatest value has no successor.
  ok_ = false;
  return varint(max_value(varint_));
}

Writer& Writer::zigzag(std::int64_t value) {
  const auto doubled = static_cast<std::uint64_t>(value) << 1;
  return varint(value >= 0 ? doubled : ~doubled);
}

Writer& Writer::bytes(ByteSpan bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}

Writer& Writer::prefixed(ByteSpan data) { return varint(data.size()).bytes(data); }

void Writer::patch_u32(std::size_t at, std::uint32_t value) {
  MOQ_ASSERT(at + 4 <= out_.size());
  for (std::size_t i = 0; i < 4; ++i) {
    out_[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }
}

Bytes Writer::take() {
  Bytes bytes = Bytes::copy(out_);
  out_.clear();
  return bytes;
}

}  // namespace moq

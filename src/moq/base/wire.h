#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq {

/// Largest value of a QUIC varint (RFC 9000 §16).
inline constexpr std::uint64_t kMaxVarint = (std::uint64_t{1} << 62) - 1;

/// Why bytes of a peer do not decode.
enum class DecodeError : std::uint8_t {
  none,
  truncated,     ///< A field runs past the end.
  trailing,      ///< Bytes are left over after the last field.
  out_of_range,  ///< A value outside what its field allows.
  bad_utf8,      ///< Text that is not UTF-8.
  too_long,      ///< A length above its named limit.
  too_many,      ///< A count above its named limit.
  duplicate,     ///< Something that must not repeat does.
  unknown,       ///< An enumerator or type that is not defined.
};
std::string_view to_string(DecodeError error);
/// `Code::decode` with the cause and what was being read.
Error to_error(DecodeError error, std::string_view what);

/// Which integer encoding a `Reader` or `Writer` uses.
enum class Varint : std::uint8_t {
  quic,          ///< RFC 9000 §16, two length bits.
  leading_ones,  ///< moq-lite 07: the count of leading ones is the count of extra bytes.
  vi64,          ///< moq-transport from draft 18: the same for all of 64 bits.
  vi64_no_7,     ///< moq-transport, draft 17: as `vi64`, where 7 bytes are no valid form.
};

/// The largest value that `kind` can write.
constexpr std::uint64_t max_value(Varint kind) {
  return kind == Varint::vi64 || kind == Varint::vi64_no_7 ? UINT64_MAX : kMaxVarint;
}

/// Bytes that `value` takes as a QUIC varint: 1, 2, 4 or 8.
constexpr std::size_t varint_size(std::uint64_t value) {
  return value < (1U << 6) ? 1 : value < (1U << 14) ? 2 : value < (1U << 30) ? 4 : 8;
}

/// Whether `bytes` are well-formed UTF-8: no surrogates, no overlong forms, at most U+10FFFF.
bool is_utf8(ByteSpan bytes);

/// Reads fields from a borrowed span. The first error sticks, and each later read yields zero or
/// nothing, so a decoder is the list of its fields followed by `finish()`. After an error nothing
/// is `remaining()`, so a loop over what is left ends.
class Reader {
 public:
  explicit Reader(ByteSpan in, Varint varint = Varint::quic) : in_(in), varint_(varint) {}

  std::uint8_t u8();
  std::uint16_t u16();  ///< Big endian, as all fixed-width integers here.
  std::uint32_t u24();
  std::uint32_t u32();
  std::uint64_t u64();
  std::uint64_t varint();
  /// A varint that counts what follows, at most `limit`; else fails with `too_many`.
  std::uint64_t count(std::uint64_t limit);
  /// A byte that must be 0 or 1.
  bool boolean();
  /// 0 = none, else the value plus one.
  std::optional<std::uint64_t> optional_varint();
  /// A signed number as 2n (n >= 0) or -2n-1 (n < 0).
  std::int64_t zigzag();
  /// The next `size` bytes, borrowed.
  ByteSpan bytes(std::uint64_t size);
  /// A varint length, at most `limit`, and that many bytes, borrowed.
  ByteSpan prefixed(std::uint64_t limit = kMaxVarint);
  /// As `prefixed`, checked to be UTF-8.
  std::string_view text(std::uint64_t limit = kMaxVarint);
  void skip(std::uint64_t size) { bytes(size); }

  /// Bytes not read yet; 0 after an error.
  [[nodiscard]] std::size_t remaining() const { return ok() ? in_.size() - at_ : 0; }
  /// Bytes read so far; after an error, some place in the field that failed.
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool ok() const { return error_ == DecodeError::none; }
  [[nodiscard]] DecodeError error() const { return error_; }
  /// After `truncated`: how many bytes more the field that failed needs, at least.
  [[nodiscard]] std::uint64_t missing() const { return missing_; }
  [[nodiscard]] Varint varint_kind() const { return varint_; }
  /// Records `error` unless an earlier one sticks.
  void fail(DecodeError error);

  /// `value`, unless a read failed or bytes are left over.
  template <typename T>
  std::expected<T, DecodeError> finish(T value) {
    if (ok() && remaining() > 0) fail(DecodeError::trailing);
    if (!ok()) return std::unexpected(error_);
    return value;
  }

 private:
  std::uint64_t fixed(std::size_t size);
  ByteSpan in_;
  std::size_t at_ = 0;
  Varint varint_;
  DecodeError error_ = DecodeError::none;
  std::uint64_t missing_ = 0;
};

/// Appends fields to a growing buffer. A number that its field cannot hold (one may come from a
/// peer in a wider field) is written as the greatest that fits, and `ok()` turns false for good:
/// whoever forwards foreign numbers asks before sending.
class Writer {
 public:
  explicit Writer(Varint varint = Varint::quic) : varint_(varint) {}

  Writer& u8(std::uint8_t value);
  Writer& u16(std::uint16_t value);
  Writer& u24(std::uint32_t value);  ///< The low 24 bits.
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  /// Shortest form; but 7 bytes of leading ones, which not all peers read, become 8. Fails above
  /// `max_value()` of the kind.
  Writer& varint(std::uint64_t value);
  Writer& boolean(bool value) { return u8(value ? 1 : 0); }
  /// 0 = none, else the value plus one. Fails from `max_value()` on.
  Writer& optional_varint(std::optional<std::uint64_t> value);
  /// Fails where the number, doubled, is above `max_value()`.
  Writer& zigzag(std::int64_t value);
  Writer& bytes(ByteSpan bytes);
  /// A varint length and the bytes.
  Writer& prefixed(ByteSpan bytes);
  Writer& text(std::string_view text) { return prefixed(as_bytes(text)); }

  /// False once a number did not fit its field.
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteSpan span() const { return out_; }
  [[nodiscard]] Varint varint_kind() const { return varint_; }
  /// Overwrites four bytes at `at` (big endian), as for a box size known only later.
  void patch_u32(std::size_t at, std::uint32_t value);
  /// What was written, copied into one block; the writer is empty after.
  Bytes take();
  std::vector<std::uint8_t> take_vector() { return std::exchange(out_, {}); }

 private:
  Writer& fixed(std::uint64_t value, std::size_t size);
  std::vector<std::uint8_t> out_;
  Varint varint_;
  bool ok_ = true;
};

}  // namespace moq

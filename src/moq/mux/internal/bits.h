#pragma once

#include <cstdint>

#include "moq/base/bytes.h"

namespace moq::mux {

/// Reads big-endian bit fields from a borrowed span. Past the end it yields zeros, and `ok()` turns
/// false for good, so a parser is the list of its fields and one check.
class BitReader {
 public:
  explicit BitReader(ByteSpan in) : in_(in) {}

  bool bit() { return bits(1) != 0; }
  /// At most 32 bits.
  std::uint32_t bits(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) value = value << 1 | next();
    return value;
  }
  void skip(std::size_t count) {
    if (count > remaining()) {
      ok_ = false;
      at_ = in_.size() * 8;
    } else {
      at_ += count;
    }
  }
  /// Exp-Golomb, ITU-T H.264 §9.1. At most 32 leading zeros are legal.
  std::uint32_t ue() {
    unsigned zeros = 0;
    while (ok_ && zeros <= 32 && !bit()) ++zeros;
    if (zeros > 31) {
      ok_ = false;
      return 0;
    }
    return (std::uint32_t{1} << zeros) - 1 + bits(zeros);
  }
  std::int32_t se() {
    const std::uint32_t code = ue();
    const auto half = static_cast<std::int32_t>(code / 2 + code % 2);
    return code % 2 != 0 ? half : -half;
  }
  [[nodiscard]] std::size_t remaining() const { return in_.size() * 8 - at_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::uint32_t next() {
    if (at_ == in_.size() * 8) {
      ok_ = false;
      return 0;
    }
    const std::uint32_t value = in_[at_ / 8] >> (7 - at_ % 8) & 1U;
    ++at_;
    return value;
  }

  ByteSpan in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace moq::mux

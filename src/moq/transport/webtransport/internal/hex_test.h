#pragma once

#include <string_view>
#include <vector>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {

/// The bytes of "00 04 21"; spaces are left out. For tests.
inline std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

inline Bytes hex(std::string_view text) { return Bytes::copy(from_hex(text)); }

/// A frame, capsule or the like with this type and payload.
inline std::vector<std::uint8_t> tlv(std::uint64_t type, ByteSpan value) {
  Writer out;
  out.varint(type).prefixed(value);
  return out.take_vector();
}

inline std::vector<std::uint8_t> concat(std::vector<std::uint8_t> first, ByteSpan second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace moq::transport::webtransport

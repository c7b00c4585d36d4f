#pragma once

#include <cstdint>
#include <optional>

/// How 32-bit application codes travel in HTTP/3's error space: RESET_STREAM and STOP_SENDING on
/// raw QUIC and WebTransport, CONNECTION_CLOSE on WebTransport. draft-ietf-webtrans-http3, §4.4.
namespace moq::transport {

/// The code points that stand for 0 and for 2^32-1.
inline constexpr std::uint64_t kFirstMappedCode = 0x52e4a40fa8db;
inline constexpr std::uint64_t kLastMappedCode = 0x52e5ac983162;

/// The code point on the wire for `code`; steps over HTTP/3's reserved ones (0x1f * N + 0x21).
constexpr std::uint64_t to_wire_code(std::uint32_t code) {
  return kFirstMappedCode + code + code / 30;
}

/// The application code that `wire` stands for; none if it is outside the range or reserved.
constexpr std::optional<std::uint32_t> from_wire_code(std::uint64_t wire) {
  if (wire < kFirstMappedCode || wire > kLastMappedCode) return std::nullopt;
  if ((wire - 0x21) % 0x1f == 0) return std::nullopt;
  const std::uint64_t distance = wire - kFirstMappedCode;
  return static_cast<std::uint32_t>(distance - distance / 31);
}

}  // namespace moq::transport

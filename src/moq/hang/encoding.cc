#include "moq/hang/encoding.h"

#include <array>
#include <cstdint>

namespace moq::hang {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

/// The value of each character in base64, or `kNoDigit`.
constexpr std::array<std::uint8_t, 256> base64_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<std::uint8_t>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kBase64Values = base64_values();

std::uint8_t hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<std::uint8_t>(digit - 'A' + 10);
  return kNoDigit;
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 0xf];
  }
  return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  if (text.empty()) return Bytes();
  Ref<Buffer> buffer = Buffer::allocate(text.size() / 2);
  for (std::size_t i = 0; i < buffer->size(); ++i) {
    const std::uint8_t high = hex_value(text[2 * i]);
    const std::uint8_t low = hex_value(text[2 * i + 1]);
    if (high == kNoDigit || low == kNoDigit) return std::nullopt;
    buffer->data()[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  const std::size_t size = buffer->size();
  return Bytes(std::move(buffer), 0, size);
}

std::string to_base64(ByteSpan bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t triple = std::uint32_t{bytes[i]} << 16;
    if (left > 1) triple |= std::uint32_t{bytes[i + 1]} << 8;
    if (left > 2) triple |= bytes[i + 2];
    out += kBase64Digits[triple >> 18];
    out += kBase64Digits[triple >> 12 & 63];
    out += left > 1 ? kBase64Digits[triple >> 6 & 63] : '=';
    out += left > 2 ? kBase64Digits[triple & 63] : '=';
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return Bytes();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view digits = text.substr(0, text.size() - padding);
  Ref<Buffer> buffer = Buffer::allocate(text.size() / 4 * 3 - padding);
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t at = 0;
  for (const char digit : digits) {
    const std::uint8_t value = kBase64Values[static_cast<std::uint8_t>(digit)];
    if (value == kNoDigit) return std::nullopt;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      buffer->data()[at++] = static_cast<std::uint8_t>(bits >> count);
      bits &= (1U << count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;
  return Bytes(std::move(buffer), 0, at);
}

}  // namespace moq::hang

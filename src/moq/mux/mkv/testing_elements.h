#pragma once

#include "moq/base/wire.h"

/// For tests alone.
namespace moq::mux::mkv::testing {

/// One element: its id, a size of eight bytes, its body.
inline Bytes element(std::uint32_t id, ByteSpan body) {
  Writer out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (id >> shift != 0) out.u8(static_cast<std::uint8_t>(id >> shift));
  }
  out.u64(std::uint64_t{1} << 56 | body.size()).bytes(body);
  return out.take();
}
inline Bytes element(std::uint32_t id, std::string_view text) {
  return element(id, as_bytes(text));
}
inline Bytes number(std::uint32_t id, std::uint64_t value) {
  Writer out;
  out.u64(value);
  const Bytes body = out.take();
  return element(id, body.span());
}
template <typename... Parts>
Bytes all(const Parts&... parts) {
  Writer out;
  (out.bytes(parts.span()), ...);
  return out.take();
}

}  // namespace moq::mux::mkv::testing

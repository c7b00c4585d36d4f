#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/path.h"
#include "moq/net/version.h"

/// Messages of moq-lite (draft-lcurley-moq-lite and its earlier versions 01 to 07-wip), one struct
/// each. A message is framed as `varint length | body`; some have a type before the length.
namespace moq::net::lite {

/// A message that is framed by its length alone.
template <typename M>
concept Message = requires(const M& message, Reader& in, Writer& out, Version version) {
  { M::kName } -> std::convertible_to<std::string_view>;   ///< For logs.
  { M::kMaxBytes } -> std::convertible_to<std::uint64_t>;  ///< Largest body accepted.
  { M::decode(in, version) } -> std::same_as<Result<M, DecodeError>>;
  message.encode(out, version);
};

/// Decodes the body of an `M`; fails with `Code::decode`.
template <Message M>
Result<M> decode_message(ByteSpan body, Version version) {
  Reader in(body, varint_kind(version));
  auto message = M::decode(in, version);
  if (!message) return std::unexpected(to_error(message.error(), M::kName));
  return *std::move(message);
}

/// Appends length and body.
template <typename M>
void write_message(Writer& out, const M& message, Version version) {
  Writer body(varint_kind(version));
  message.encode(body, version);
  out.prefixed(body.span());
}

/// Length and body.
template <Message M>
Bytes encode_message(const M& message, Version version) {
  Writer out(varint_kind(version));
  write_message(out, message, version);
  return out.take();
}

/// What opens a stream: its type, then a first message.
template <typename Type, Message M>
Bytes encode_opening(Type type, const M& message, Version version) {
  Writer out(varint_kind(version));
  out.varint(static_cast<std::uint64_t>(type));
  write_message(out, message, version);
  return out.take();
}

/// A path, normalised. Its limits become the reader's errors.
Path read_path(Reader& in);
std::string read_track_name(Reader& in);
/// Whole milliseconds; beyond what a `Duration` holds is `Duration::max()`.
Duration read_ms(Reader& in);
/// Cut off to whole milliseconds; negative ones are 0.
void write_ms(Writer& out, Duration duration);
/// As `Writer::optional_varint`; the largest varint, which has no code, becomes "none".
void write_optional(Writer& out, std::optional<std::uint64_t> value);

}  // namespace moq::net::lite

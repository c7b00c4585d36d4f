#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The numbers of HTTP/3 and of WebTransport over it, and the error that bad bytes lead to.
/// RFC 9114 §11.2, RFC 9204 §8.3, RFC 9297, draft-ietf-webtrans-http3 (02 to 07).
namespace moq::transport::webtransport {

/// Why a connection is closed; on the wire as the code of CONNECTION_CLOSE. RFC 9114 §8.1.
enum class H3Code : std::uint64_t {
  datagram_error = 0x33,
  no_error = 0x100,
  general_protocol_error = 0x101,
  internal_error = 0x102,
  stream_creation_error = 0x103,
  closed_critical_stream = 0x104,
  frame_unexpected = 0x105,
  frame_error = 0x106,
  excessive_load = 0x107,
  id_error = 0x108,
  settings_error = 0x109,
  missing_settings = 0x10a,
  request_rejected = 0x10b,
  request_cancelled = 0x10c,
  request_incomplete = 0x10d,
  message_error = 0x10e,
  connect_error = 0x10f,
  version_fallback = 0x110,
  qpack_decompression_failed = 0x200,
};
/// "H3_FRAME_UNEXPECTED"; "H3 error" for a code that has no name.
std::string_view to_string(H3Code code);

/// A rule of HTTP/3 that the peer broke: the code to close with, and the cause for both logs.
struct H3Error {
  H3Code code = H3Code::internal_error;
  std::string text;
  bool operator==(const H3Error&) const = default;
};

/// RFC 9114 §7.2.
enum class FrameType : std::uint64_t {
  data = 0x00,
  headers = 0x01,
  cancel_push = 0x03,
  settings = 0x04,
  push_promise = 0x05,
  goaway = 0x07,
  max_push_id = 0x0d,
};
/// Types of HTTP/2 frames that HTTP/3 forbids. RFC 9114 §7.2.8.
constexpr bool is_forbidden_frame(std::uint64_t type) {
  return type == 0x02 || type == 0x06 || type == 0x08 || type == 0x09;
}
/// Reserved ("grease") types of frames, streams and settings: 0x1f * N + 0x21.
constexpr bool is_reserved(std::uint64_t type) { return type >= 0x21 && (type - 0x21) % 0x1f == 0; }

/// The first varint of a unidirectional stream.
enum class StreamType : std::uint64_t {
  control = 0x00,
  push = 0x01,
  qpack_encoder = 0x02,
  qpack_decoder = 0x03,
  webtransport = 0x54,
};
/// The first varint of a bidirectional WebTransport stream, in the place of a frame type.
inline constexpr std::uint64_t kWebTransportBidi = 0x41;
/// The id of the CONNECT stream, so of the session. There is one session per connection.
inline constexpr std::uint64_t kSessionId = 0;

/// Largest frame on a control or CONNECT stream, and largest capsule: as the Rust peers have it.
/// Nothing that WebTransport needs comes near it.
inline constexpr std::size_t kMaxFrameBytes = 65536;
inline constexpr std::size_t kMaxCapsuleBytes = 65536;
/// Largest field section, encoded and decoded (name, value and 32 each): what our SETTINGS say.
inline constexpr std::size_t kMaxFieldSectionBytes = 16384;

}  // namespace moq::transport::webtransport

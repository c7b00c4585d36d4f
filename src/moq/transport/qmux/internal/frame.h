#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "moq/base/bytes.h"
#include "moq/base/wire.h"
#include "moq/transport/qmux/framing.h"

/// The frames of draft-ietf-quic-qmux 00 to 02 and of the framing before it. Those of QUIC are as
/// in RFC 9000 §19, datagrams as in RFC 9221 §4.
namespace moq::transport::qmux {

/// Longest reason of a close that is kept or sent; the rest is cut off.
inline constexpr std::size_t kMaxReasonBytes = 1024;

/// RESET_STREAM, and RESET_STREAM_AT of draft-ietf-quic-reliable-stream-reset.
struct ResetStream {
  std::uint64_t id = 0;
  std::uint32_t code = 0;
  std::uint64_t final_size = 0;  ///< Bytes sent before it; 0 in `webtransport`.
  std::optional<std::uint64_t> reliable_size = std::nullopt;  ///< Of RESET_STREAM_AT.
  bool operator==(const ResetStream&) const = default;
};

struct StopSending {
  std::uint64_t id = 0;
  std::uint32_t code = 0;
  bool operator==(const StopSending&) const = default;
};

/// STREAM. Frames of a stream follow each other, so the offset says nothing new: it is sent, and
/// not looked at, since peers disagree on it.
struct StreamData {
  std::uint64_t id = 0;
  std::uint64_t offset = 0;
  bool fin = false;
  ByteSpan data;  ///< Borrowed.
};

struct MaxData {
  std::uint64_t max = 0;
  bool operator==(const MaxData&) const = default;
};

struct MaxStreamData {
  std::uint64_t id = 0;
  std::uint64_t max = 0;
  bool operator==(const MaxStreamData&) const = default;
};

/// MAX_STREAMS: a count of all streams of a kind that were ever allowed.
struct MaxStreams {
  bool bidi = false;
  std::uint64_t max = 0;
  bool operator==(const MaxStreams&) const = default;
};

/// CONNECTION_CLOSE, or APPLICATION_CLOSE.
struct Close {
  bool application = false;
  std::uint64_t code = 0;
  std::string reason;  ///< As received: cut, and not checked to be text.
  bool operator==(const Close&) const = default;
};

struct Datagram {
  ByteSpan data;                ///< Borrowed.
  std::size_t frame_bytes = 0;  ///< All of the frame, which is what the peer's limit counts.
};

/// QX_PING.
struct Ping {
  bool response = false;
  std::uint64_t sequence = 0;
  bool operator==(const Ping&) const = default;
};

/// QX_TRANSPORT_PARAMETERS, not yet decoded.
struct ParametersFrame {
  ByteSpan body;  ///< Borrowed.
};

/// A frame that asks for nothing: PADDING and those that tell of being blocked.
struct Ignored {
  bool padding = false;
  bool operator==(const Ignored&) const = default;
};

using Frame = std::variant<ResetStream, StopSending, StreamData, MaxData, MaxStreamData, MaxStreams,
                           Close, Datagram, Ping, ParametersFrame, Ignored>;

/// The next frame of `in`, a record of `framing` that is not empty. Fails with `unknown` for a type
/// that the framing does not have.
std::expected<Frame, DecodeError> decode_frame(Reader& in, Framing framing);

// Encoders: each appends one whole frame. `webtransport` has the first four alone.
void encode_stream(Writer& out, const StreamData& stream, Framing framing);
/// The same without the data, of which the caller appends `data_bytes`.
void encode_stream_header(Writer& out, const StreamData& stream, std::size_t data_bytes,
                          Framing framing);
void encode_reset(Writer& out, const ResetStream& reset, Framing framing);
void encode_stop(Writer& out, const StopSending& stop);
void encode_close(Writer& out, const Close& close, Framing framing);
void encode_max_data(Writer& out, std::uint64_t max);
void encode_max_stream_data(Writer& out, const MaxStreamData& max);
void encode_max_streams(Writer& out, const MaxStreams& max);
void encode_ping(Writer& out, const Ping& ping);
void encode_datagram(Writer& out, ByteSpan data);
void encode_parameters(Writer& out, ByteSpan body);

/// Bytes of a STREAM frame beside its data, if that is at most `data_bytes`.
std::size_t stream_overhead(std::uint64_t id, std::uint64_t offset, std::size_t data_bytes,
                            Framing framing);
/// Bytes of a DATAGRAM frame with `data_bytes`.
std::size_t datagram_bytes(std::size_t data_bytes);
/// No frame that carries neither data nor text is larger.
inline constexpr std::size_t kMaxControlFrameBytes = 40;

}  // namespace moq::transport::qmux

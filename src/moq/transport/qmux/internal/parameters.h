#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/wire.h"
#include "moq/transport/qmux/framing.h"

namespace moq::transport::qmux {

/// Names of application protocols that a peer may list; more than all that there are.
inline constexpr std::size_t kMaxProtocols = 64;
/// The longest of them, as in ALPN (RFC 7301 §3.1).
inline constexpr std::size_t kMaxProtocolBytes = 255;
/// Parameters in one frame, known and unknown.
inline constexpr std::size_t kMaxParameters = 128;

/// What one side tells the other first: QX_TRANSPORT_PARAMETERS, RFC 9000 §18. Zero = not there.
struct WireParameters {
  std::uint64_t idle_timeout_ms = 0;
  std::uint64_t max_data = 0;
  /// Of bidirectional streams that the sender of this opened, and that its receiver opened.
  std::uint64_t max_stream_data_bidi_local = 0;
  std::uint64_t max_stream_data_bidi_remote = 0;
  std::uint64_t max_stream_data_uni = 0;
  std::uint64_t max_streams_bidi = 0;
  std::uint64_t max_streams_uni = 0;
  std::uint64_t max_datagram_frame_bytes = 0;
  std::uint64_t max_record_bytes = 0;  ///< 0 = `kMaxRecordBytes`.
  bool reset_stream_at = false;        ///< RESET_STREAM_AT is welcome.
  /// Application protocols by preference, where they are chosen in band. None = not there.
  std::optional<std::vector<std::string>> protocols;

  /// Decodes the body of the frame. Fails if a parameter is not allowed here, comes twice, or is
  /// out of its range. Does not judge whether protocols were expected.
  static std::expected<WireParameters, DecodeError> decode(ByteSpan body);
  void encode(Writer& out) const;
  bool operator==(const WireParameters&) const = default;
};

/// The first of the server's protocols that the client has too; none in common = none.
std::optional<std::string> choose_protocol(const std::vector<std::string>& server,
                                           const std::vector<std::string>& client);

}  // namespace moq::transport::qmux

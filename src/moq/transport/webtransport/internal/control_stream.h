#pragma once

#include <optional>

#include "moq/transport/webtransport/internal/settings.h"
#include "moq/transport/webtransport/internal/tlv_buffer.h"

namespace moq::transport::webtransport {

/// Which side of the connection this is.
enum class Role : std::uint8_t { client, server };

/// Reads the peer's control stream, after its type. Bytes in, settings out; no I/O. RFC 9114
/// §6.2.1.
class ControlStream {
 public:
  explicit ControlStream(Role role) : role_(role) {}

  /// Takes the next bytes. An error ends the connection.
  Result<void, H3Error> push(ByteSpan bytes);
  /// The peer's settings once they came.
  [[nodiscard]] const std::optional<Settings>& settings() const { return settings_; }
  /// The peer sent GOAWAY: it wants no new request. The session that runs goes on.
  [[nodiscard]] bool going_away() const { return goaway_id_.has_value(); }

 private:
  Result<void, H3Error> handle(const Tlv& frame);
  Result<void, H3Error> handle_goaway(ByteSpan payload);
  Result<void, H3Error> handle_push_frame(const Tlv& frame);

  Role role_;
  TlvBuffer frames_{"frame", kMaxFrameBytes};
  std::optional<Settings> settings_;
  std::optional<std::uint64_t> goaway_id_;
};

}  // namespace moq::transport::webtransport

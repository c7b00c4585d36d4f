#pragma once

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {

/// What the peer's SETTINGS frame says about WebTransport. RFC 9114 §7.2.4.
struct Settings {
  bool datagrams = false;     ///< SETTINGS_H3_DATAGRAM, of RFC 9297 or of its drafts, is 1.
  bool webtransport = false;  ///< Some draft's way to allow at least one session.

  /// Decodes the payload of a SETTINGS frame. Ids that are unknown or reserved are ignored.
  static Result<Settings, H3Error> decode(ByteSpan payload);
  bool operator==(const Settings&) const = default;
};

/// More settings than this in one frame are an attack; all that are registered are about 20.
inline constexpr std::size_t kMaxSettings = 128;

/// What we send first on our control stream: its type and the SETTINGS frame, with the ids of
/// every draft that peers look at.
Bytes encode_control_preface();

}  // namespace moq::transport::webtransport

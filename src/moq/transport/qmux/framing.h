#pragma once

#include <cstdint>
#include <string_view>

namespace moq::transport::qmux {

/// How streams become frames, and frames become records.
enum class Framing : std::uint8_t {
  webtransport,  ///< The oldest: one bare frame a message, no flow control, no datagrams.
  qmux_00,       ///< One frame a message; flow control, no pings, no datagrams.
  qmux_01,       ///< Several frames a record; pings and datagrams.
  qmux_02,       ///< The same, with stricter rules.
};

/// "webtransport", "qmux-01": the name as a WebSocket sub-protocol and before a dot in one.
std::string_view to_string(Framing framing);

}  // namespace moq::transport::qmux

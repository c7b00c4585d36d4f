#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::net {

/// What a code ends: the two have different tables. 0 is clean for a session, a failure for a
/// stream.
enum class Scope : std::uint8_t {
  session,  ///< Close codes of a session.
  stream,   ///< RESET_STREAM and STOP_SENDING.
};

/// Close codes of a session.
enum class SessionCode : std::uint32_t {
  no_error = 0x0,
  internal = 0x1,
  unauthorized = 0x2,
  protocol_violation = 0x3,
  key_value_formatting = 0x6,
  goaway_timeout = 0x10,
  control_timeout = 0x11,
  version_negotiation_failed = 0x15,
};

/// Codes that end one half of a stream.
enum class StreamCode : std::uint32_t {
  internal = 0x0,
  cancelled = 0x1,
  delivery_timeout = 0x2,
  session_closed = 0x3,
  going_away = 0x4,
  too_far_behind = 0x5,
  malformed_track = 0x12,
  control_timeout = 0x31,
  group_too_large = 0x32,
  not_found = 0x33,
  old = 0x34,
  evicted = 0x35,
  unroutable = 0x36,
  wrong_size = 0x37,
  frame_too_large = 0x38,
  timestamp_mismatch = 0x39,
};

/// Codes from here on belong to the application: 64 + n is its code n.
inline constexpr std::uint32_t kApplicationCodeBase = 64;

/// The code to send for `error`. An application error goes out with the code it carries, and so
/// does what `goaway_timeout` makes.
std::uint32_t to_code(const Error& error, Scope scope);

/// What a code of the peer means; `wire` keeps the code itself. Codes that nobody defined become
/// `application`.
Error from_code(std::uint64_t code, Scope scope, std::string text = {});

/// The failure of a stream or session as the transport reported it, with the peer's code, if it
/// carries one, read by `from_code`.
Error from_transport(Error error, Scope scope);

/// Why a session is closed whose peer has not left in time after our GOAWAY: code 0x10. Any other
/// `going_away` ends it cleanly.
Error goaway_timeout(std::string text = {});
/// The application's own failure `code`, sent as 64 + code.
Error application_error(std::uint32_t code, std::string text = {});
/// The application's own code in `error`, if it has one.
std::optional<std::uint32_t> application_code(const Error& error);

}  // namespace moq::net

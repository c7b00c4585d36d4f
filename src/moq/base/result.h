#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace moq {

/// What went wrong, by cause. The number is ours alone: `net::to_code()` maps it to the wire.
enum class Code : std::uint8_t {
  internal,              ///< A bug, or a failure with no better name.
  invalid_argument,      ///< The caller passed something unusable.
  bad_config,            ///< A flag, file or environment value is unusable; retrying cannot help.
  unsupported,           ///< The peer or this build cannot do what was asked.
  closed,                ///< The other end closed cleanly, or the handle's owner did.
  cancelled,             ///< Nobody wants the result any more.
  timeout,               ///< A deadline passed.
  io,                    ///< The operating system refused a read, a write or a file.
  name_not_found,        ///< The host name does not resolve.
  refused,               ///< Nothing listens there.
  unreachable,           ///< No route to the peer.
  tls,                   ///< The TLS handshake failed; the text names the check.
  transport,             ///< The transport failed without an application code.
  version,               ///< No protocol version in common.
  unauthorized,          ///< Credentials refused.
  forbidden,             ///< Known, and not allowed: HTTP 403.
  rejected,              ///< The server answered that it will not serve this, now or later.
  going_away,            ///< The peer drains (GOAWAY).
  protocol_violation,    ///< The peer broke a rule of the protocol.
  decode,                ///< Bytes of a message that do not decode.
  key_value_formatting,  ///< A malformed parameter list.
  control_timeout,       ///< The peer did not answer a control message in time.
  not_found,             ///< No such broadcast, track or group.
  unroutable,            ///< The path is known, but no route leads there now.
  duplicate,             ///< It exists already.
  old,                   ///< A group older than anybody wants.
  evicted,               ///< A group that the cache no longer holds.
  too_far_behind,        ///< A reader that fell out of the cache.
  restarted,             ///< The publisher started over; its numbering is new.
  wrong_size,            ///< A frame shorter or longer than announced.
  frame_too_large,       ///< Above `net::kMaxFrameBytes`.
  group_too_large,       ///< Above `net::kMaxGroupBytes` or `net::kMaxGroupFrames`.
  too_many,              ///< A named count limit was reached.
  timestamp_mismatch,    ///< Timestamps contradict the track.
  malformed_track,       ///< The track's content does not decode.
  application,           ///< A code of the application; see `Error::wire`.
};

/// The word for `code` in logs, e.g. "not found".
std::string_view to_string(Code code);

/// A failure: its cause, text for a person, and the peer's application code if it sent one.
struct Error {
  Code code = Code::internal;
  std::string text;                   ///< Names the cause, for logs; may be empty.
  std::optional<std::uint64_t> wire;  ///< Code as received from the peer, unmapped; or to send.

  Error() = default;
  Error(Code cause, std::string why = {}, std::optional<std::uint64_t> wire_code = std::nullopt)
      : code(cause), text(std::move(why)), wire(wire_code) {}

  /// "not found: no broadcast 'a/b'".
  [[nodiscard]] std::string describe() const;
  /// The same failure with `context: ` in front of its text.
  [[nodiscard]] Error with_context(std::string_view context) const;

  bool operator==(const Error&) const = default;
};

template <typename T, typename E = Error>
using Result = std::expected<T, E>;

/// Shorthand for the failing value of any `Result<T>`.
inline std::unexpected<Error> fail(Code code, std::string text = {}) {
  return std::unexpected<Error>(Error(code, std::move(text)));
}

/// Reports a bug of ours and ends the process. Never reached by bytes of a peer.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace moq

#define MOQ_CONCAT_INNER(a, b) a##b
#define MOQ_CONCAT(a, b) MOQ_CONCAT_INNER(a, b)

#define MOQ_ASSERT(condition) \
  (static_cast<bool>(condition) ? void() : ::moq::assertion_failed(#condition, __FILE__, __LINE__))

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a word take none.
#define MOQ_TRY_IMPL(name, declaration, expression, return_word)   \
  auto name = (expression);                                        \
  if (!name) return_word std::unexpected(std::move(name).error()); \
  declaration = *std::move(name)
// NOLINTEND(bugprone-macro-parentheses)

/// `MOQ_TRY(auto x, f());` assigns the value of a `Result`, or returns its error.
#define MOQ_TRY(declaration, expression) \
  MOQ_TRY_IMPL(MOQ_CONCAT(moq_try_, __LINE__), declaration, expression, return)

/// `MOQ_CO_TRY(auto x, co_await g());` is the same inside a coroutine.
#define MOQ_CO_TRY(declaration, expression) \
  MOQ_TRY_IMPL(MOQ_CONCAT(moq_try_, __LINE__), declaration, expression, co_return)

/// `MOQ_CHECK(f());` returns the error of a `Result<void>` (or drops its value).
#define MOQ_CHECK(expression)                               \
  do {                                                      \
    if (auto moq_check = (expression); !moq_check)          \
      return std::unexpected(std::move(moq_check).error()); \
  } while (false)

/// `MOQ_CO_CHECK(co_await g());` is the same inside a coroutine.
#define MOQ_CO_CHECK(expression)                               \
  do {                                                         \
    if (auto moq_check = (expression); !moq_check)             \
      co_return std::unexpected(std::move(moq_check).error()); \
  } while (false)

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::native {

/// How a URL's scheme says to reach the relay.
enum class Scheme : std::uint8_t {
  https,        ///< WebTransport over HTTP/3, and WebSocket where UDP does not pass.
  http,         ///< The same, after fetching the certificate's hash in the clear. Development only.
  moqt,         ///< Raw QUIC.
  moql,         ///< Another name of the same.
  wss,          ///< WebSocket over TLS.
  ws,           ///< WebSocket in the clear.
  tcp,          ///< qmux over TCP, in the clear: for networks that can be trusted.
  unix_socket,  ///< qmux over a Unix socket: `unix:///path/to/socket?path=/room`.
};
std::string_view to_string(Scheme scheme);

/// Of plain HTTP, and of WebSocket on it.
inline constexpr std::uint16_t kDefaultWebPort = 80;

/// Where to connect.
struct Url {
  Scheme scheme = Scheme::https;
  std::string host;  ///< Name or address, IPv6 without brackets; "" for `unix`.
  std::uint16_t port = 443;
  std::string path;   ///< "" or begins with '/'; for `unix` that of the socket.
  std::string query;  ///< Without '?'; may hold a token, so it stays out of logs.
  /// Of `http` alone: where the certificate's hash is fetched, the URL's port or else 80.
  std::uint16_t web_port = 0;

  /// Fails with `bad_config`, saying what is wrong and what would do.
  static Result<Url> parse(std::string_view text);

  /// `host:port`, IPv6 in brackets; without the scheme's default port.
  [[nodiscard]] std::string authority() const;
  /// Path and query as they go into a request; "" for neither. For `unix` what `?path=` says.
  [[nodiscard]] std::string request() const;
  /// Of `unix` alone: the socket's file, without escapes.
  [[nodiscard]] std::string socket_path() const;
  /// For logs: without the query.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool raw_quic() const { return scheme == Scheme::moqt || scheme == Scheme::moql; }
  [[nodiscard]] bool websocket() const { return scheme == Scheme::wss || scheme == Scheme::ws; }
  /// Where the same server takes WebSockets: `wss` for `https`, `ws` for `http`. Others stay.
  [[nodiscard]] Url as_websocket() const;
  bool operator==(const Url&) const = default;
};

}  // namespace moq::native

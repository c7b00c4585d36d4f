#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/http/head.h"
#include "moq/transport/websocket/pipe.h"
#include "moq/transport/websocket/subprotocol.h"

/// The HTTP request that turns a stream of bytes into a WebSocket, RFC 6455 §4.
namespace moq::transport::websocket {

/// What to ask a server for.
struct ConnectOptions {
  ConnectOptions(std::string server, std::string request, std::vector<std::string> offered)
      : authority(std::move(server)),
        target(std::move(request)),
        subprotocols(std::move(offered)) {}

  std::string authority;                  ///< `host[:port]`, as in the URL.
  std::string target;                     ///< Path and query; "" means "/".
  std::vector<std::string> subprotocols;  ///< As `offers` makes them.
  std::string user_agent;                 ///< Sent if not empty.
  PipeOptions pipe;
};

/// A WebSocket that is open, and what was agreed on.
struct Connected {
  Connected(std::unique_ptr<Pipe> opened, Subprotocol chosen)
      : pipe(std::move(opened)), subprotocol(std::move(chosen)) {}
  std::unique_ptr<Pipe> pipe;
  Subprotocol subprotocol;
};

/// Client: sends the request and waits for the answer; the caller sets the deadline. `clock` and
/// `random` must outlive the pipe.
///
/// Fails as `http::status_error` for an answer other than 101; with `protocol_violation` if the
/// server breaks a rule, as by choosing a sub-protocol that was not offered; with `decode` if it
/// does not speak HTTP; with `closed` if it ends the connection, or as the stream does.
kio::Task<Result<Connected>> connect(kio::Clock& clock, Random& random,
                                     std::unique_ptr<ByteStream> stream, ConnectOptions options);

/// Whether a client asks for a WebSocket, well or badly.
bool asks_for_websocket(const http::Request& request);

/// A client's request for a WebSocket.
struct UpgradeRequest {
  std::string key;
  std::vector<std::string> subprotocols;  ///< At most `kMaxSubprotocols`; others are not looked at.

  /// Fails with `unsupported` for another version than 13 (status 426), with `decode` for what is
  /// no request for a WebSocket (400).
  static Result<UpgradeRequest> parse(const http::Request& request);
  /// The head of the answer, after which the stream is a WebSocket.
  [[nodiscard]] std::string accept(std::string_view subprotocol) const;
};

/// Twelve versions under three names each, with room to grow.
inline constexpr std::size_t kMaxSubprotocols = 128;

}  // namespace moq::transport::websocket

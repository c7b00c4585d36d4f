#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moq/http/head.h"
#include "moq/native/client.h"
#include "moq/net/session.h"
#include "moq/transport/byte_stream.h"
#include "moq/transport/websocket/handshake.h"

namespace moq::native {

struct WebSocketServerOptions {
  std::vector<net::Version> versions{net::session_versions().begin(),
                                     net::session_versions().end()};
  /// What a client may take until we know what it wants.
  Duration handshake_timeout = 10s;
  /// Streams of each kind that a client may have open at once. More come as they end; browsers'
  /// peers count on no more than that of a web listener.
  std::uint64_t max_streams = 100;
};

/// Makes moq sessions of the requests for WebSockets that come to a web server: that reads the
/// request, judges who may come in, and hands over the stream. Belongs to one executor's thread;
/// its sessions outlive it.
class WebSocketServer {
 public:
  WebSocketServer(const Environment& environment, WebSocketServerOptions options);

  /// A request that will be granted.
  struct Upgrade {
    transport::websocket::UpgradeRequest request;
    transport::websocket::Subprotocol subprotocol;
    std::string target;  ///< Path and query.
  };
  /// Whether it is a request for a WebSocket at all.
  static bool asked_for(const http::Request& request);
  /// Reads one, and chooses the sub-protocol. Fails with what to answer in `Error::wire`: 426 for a
  /// version of WebSocket that is not ours, 400 for a malformed request, or for one that offers
  /// sub-protocols of which we know none.
  [[nodiscard]] Result<Upgrade> judge(const http::Request& request) const;

  /// Answers 101, and waits until the client has said what it wants. `rest` is what it sent behind
  /// its request. Fails as `qmux::establish` and `net::accept` do, or with `control_timeout`.
  kio::Task<Result<net::Request>> accept(Upgrade upgrade,
                                         std::unique_ptr<transport::ByteStream> stream, Bytes rest);

 private:
  [[nodiscard]] kio::Task<Result<std::unique_ptr<transport::Session>>> open(
      Upgrade upgrade, std::unique_ptr<transport::ByteStream> stream, Bytes rest) const;

  Environment environment_;
  WebSocketServerOptions options_;
  std::shared_ptr<kio::TaskGroup> session_tasks_;  ///< Kept by the sessions.
};

}  // namespace moq::native

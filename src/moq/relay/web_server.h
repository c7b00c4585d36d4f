#pragma once

#include "moq/native/websocket_server.h"
#include "moq/relay/web_pages.h"

namespace moq::relay {

/// What a client gets that comes by TCP, whoever accepted it: a page, or, at any path, a WebSocket
/// session with the relay. Who may come in is judged before the WebSocket opens, so that a refusal
/// is an HTTP status: 401, 400, 503.
class WebServer {
 public:
  /// Both must outlive it.
  WebServer(const native::Environment& environment, Relay& relay);

  /// Serves one connection; ends when the client has its page, or when the relay has its session.
  kio::Task<void> serve(std::unique_ptr<transport::ByteStream> stream);

 private:
  using Upgrade = native::WebSocketServer::Upgrade;
  /// What came of a request: a WebSocket to open, or nothing more to do.
  kio::Task<std::optional<Upgrade>> answer(HttpExchange& exchange, std::string peer);
  [[nodiscard]] Result<Upgrade> judge(const HttpRequest& request) const;

  kio::Clock& clock_;
  Relay& relay_;
  WebPages pages_;
  native::WebSocketServer websockets_;
};

}  // namespace moq::relay

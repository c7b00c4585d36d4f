#include "moq/relay/web_server.h"

#include "moq/app/events.h"
#include "moq/base/log.h"

namespace moq::relay {
namespace {

constexpr std::string_view kLog = "web";

}  // namespace

WebServer::WebServer(const native::Environment& environment, Relay& relay)
    : clock_(environment.executor->clock()),
      relay_(relay),
      pages_(clock_, relay),
      websockets_(environment, relay.websocket_options()) {}

Result<WebServer::Upgrade> WebServer::judge(const HttpRequest& request) const {
  MOQ_CHECK(relay_.judge(request.target()));
  return websockets_.judge(request);
}

kio::Task<std::optional<WebServer::Upgrade>> WebServer::answer(HttpExchange& exchange,
                                                               std::string peer) {
  const std::optional<HttpRequest> request = co_await exchange.receive();
  if (!request) co_return std::nullopt;
  if (!native::WebSocketServer::asked_for(*request)) {
    co_await pages_.answer(exchange, *request);
    co_return std::nullopt;
  }
  auto upgrade = judge(*request);
  if (upgrade) co_return *std::move(upgrade);
  const Error& error = upgrade.error();
  app::Event("session_refused")
      .add("remote", peer)
      .add("status", error.wire.value_or(400))
      .add("reason", error.text)
      .write(log::Level::warn);
  HttpResponse refusal(static_cast<int>(error.wire.value_or(400)), error.text + "\n");
  co_await exchange.answer(std::move(refusal));
  co_return std::nullopt;
}

kio::Task<void> WebServer::serve(std::unique_ptr<transport::ByteStream> stream) {
  const std::string peer = stream->peer();
  std::optional<Upgrade> upgrade;
  Bytes rest;
  {
    HttpExchange exchange(clock_, *stream, *stream);
    upgrade = co_await answer(exchange, peer);
    if (!upgrade) {
      stream->finish();
      co_await exchange.drain();
      co_return;
    }
    rest = exchange.rest();
  }
  auto request =
      co_await websockets_.accept(*std::move(upgrade), std::move(stream), std::move(rest));
  if (request) {
    relay_.take(*std::move(request));
  } else {
    MOQ_LOG(warn, kLog, "{}: no moq session: {}", peer, request.error().describe());
  }
}

}  // namespace moq::relay

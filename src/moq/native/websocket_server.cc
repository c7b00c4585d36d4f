#include "moq/native/websocket_server.h"

#include "moq/native/internal/kept_session.h"
#include "moq/transport/qmux/session.h"

namespace moq::native {
namespace {

namespace websocket = transport::websocket;

std::unexpected<Error> refuse(int status, Code code, std::string why) {
  return std::unexpected(Error(code, std::move(why), static_cast<std::uint64_t>(status)));
}

}  // namespace

WebSocketServer::WebSocketServer(const Environment& environment, WebSocketServerOptions options)
    : environment_(environment),
      options_(std::move(options)),
      session_tasks_(std::make_shared<kio::TaskGroup>(*environment.executor)) {}

bool WebSocketServer::asked_for(const http::Request& request) {
  return websocket::asks_for_websocket(request);
}

Result<WebSocketServer::Upgrade> WebSocketServer::judge(const http::Request& request) const {
  auto wanted = websocket::UpgradeRequest::parse(request);
  if (!wanted) {
    const Error& error = wanted.error();
    return refuse(error.code == Code::unsupported ? 426 : 400, error.code, error.text);
  }
  std::vector<std::string> protocols;
  for (const std::string_view name : net::alpn_names(options_.versions)) {
    protocols.emplace_back(name);
  }
  auto chosen = websocket::choose(wanted->subprotocols, protocols);
  if (!chosen) return refuse(400, Code::version, "no sub-protocol in common");
  return Upgrade{*std::move(wanted), *std::move(chosen), request.target()};
}

/// From the answer to the client's parameters.
kio::Task<Result<std::unique_ptr<transport::Session>>> WebSocketServer::open(
    Upgrade upgrade, std::unique_ptr<transport::ByteStream> stream, Bytes rest) const {
  Bytes answer = Bytes::copy(upgrade.request.accept(upgrade.subprotocol.name));
  const auto written = co_await stream->write(answer);
  if (!written) co_return std::unexpected(written.error());
  auto pipe = std::make_unique<websocket::Pipe>(environment_.executor->clock(),
                                                *environment_.random, std::move(stream),
                                                websocket::Role::server, std::move(rest));
  transport::qmux::Options session(upgrade.subprotocol.framing, transport::qmux::Side::server);
  session.carrier = "websocket";
  session.protocol = upgrade.subprotocol.protocol;
  session.path = upgrade.target;
  session.parameters.max_streams_uni = options_.max_streams;
  session.parameters.max_streams_bidi = options_.max_streams;
  co_return co_await transport::qmux::establish(*session_tasks_, std::move(pipe),
                                                std::move(session));
}

kio::Task<Result<net::Request>> WebSocketServer::accept(
    Upgrade upgrade, std::unique_ptr<transport::ByteStream> stream, Bytes rest) {
  using Opened = Result<std::unique_ptr<transport::Session>>;
  kio::Executor& executor = *environment_.executor;
  kio::Timer timer(executor.clock());
  timer.set_after(options_.handshake_timeout);
  const TimePoint deadline = *timer.deadline();
  kio::Spawned<Opened> opening =
      executor.spawn(open(std::move(upgrade), std::move(stream), std::move(rest)));
  auto opened = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Opened> {
    if (auto joined = opening.poll_join(waiter)) return joined;
    if (timer.poll(waiter)) return Opened(fail(Code::control_timeout, "no session in time"));
    return kio::kPending;
  });
  if (!opened) co_return std::unexpected(opened.error());
  std::unique_ptr<transport::Session> kept =
      std::make_unique<KeptSession>(session_tasks_, *std::move(opened));
  co_return co_await net::accept(environment_.runtime(), std::move(kept), options_.versions,
                                 deadline - executor.clock().now());
}

}  // namespace moq::native

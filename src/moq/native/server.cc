#include "moq/native/server.h"

#include <deque>

#include "moq/base/log.h"
#include "moq/native/internal/kept_session.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::native {
namespace {

constexpr std::string_view kLog = "server";

}  // namespace

struct Server::Core {
  Core(const Environment& where, ServerOptions how, transport::quic::Server bound)
      : environment(where),
        options(std::move(how)),
        quic(std::move(bound)),
        session_tasks(std::make_shared<kio::TaskGroup>(*environment.executor)),
        tasks(*environment.executor),
        accepting(environment.executor->spawn(accept_all())) {}

  kio::Task<void> accept_all();
  kio::Task<void> greet(std::unique_ptr<transport::Session> connection);
  kio::Task<Result<std::unique_ptr<transport::Session>>> open_webtransport(
      std::unique_ptr<transport::Session> connection, TimePoint deadline);
  void push(net::Request request);

  Environment environment;
  ServerOptions options;
  transport::quic::Server quic;
  std::deque<net::Request> ready;
  std::optional<Error> failed;
  kio::WaiterList on_ready;
  kio::WaiterList on_room;
  std::shared_ptr<kio::TaskGroup> session_tasks;  ///< Of WebTransport, kept by its sessions.
  kio::TaskGroup tasks;                           ///< Handshakes.
  kio::Spawned<void> accepting;
};

kio::Task<void> Server::Core::accept_all() {
  for (;;) {
    co_await kio::wait([this](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (ready.size() < kMaxReadyRequests) return kio::Unit{};
      on_room.add(waiter);
      return kio::kPending;
    });
    auto connection = co_await quic.accept();
    if (!connection) {
      failed = connection.error();
      on_ready.wake();
      co_return;
    }
    tasks.spawn(greet(*std::move(connection)));
  }
}

kio::Task<Result<std::unique_ptr<transport::Session>>> Server::Core::open_webtransport(
    std::unique_ptr<transport::Session> connection, TimePoint deadline) {
  using Opening = Result<transport::webtransport::Request>;
  kio::Spawned<Opening> opening = environment.executor->spawn(
      transport::webtransport::accept(*session_tasks, std::move(connection)));
  kio::Timer timer(environment.executor->clock());
  timer.set(deadline);
  auto request = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Opening> {
    if (auto joined = opening.poll_join(waiter)) return joined;
    if (timer.poll(waiter)) return fail(Code::control_timeout, "no CONNECT request");
    return kio::kPending;
  });
  if (!request) co_return std::unexpected(request.error());
  std::vector<std::string> supported;
  for (const std::string_view name : net::alpn_names(options.versions)) {
    supported.emplace_back(name);
  }
  const auto protocol = request->choose(supported);
  std::unique_ptr<transport::Session> kept =
      std::make_unique<KeptSession>(session_tasks, std::move(*request).respond(protocol));
  co_return std::move(kept);
}

kio::Task<void> Server::Core::greet(std::unique_ptr<transport::Session> connection) {
  const std::string peer = connection->peer();
  kio::Clock& clock = environment.executor->clock();
  const TimePoint deadline = clock.now() + options.quic.handshake_timeout;
  if (connection->protocol() == "h3") {
    auto opened = co_await open_webtransport(std::move(connection), deadline);
    if (!opened) {
      MOQ_LOG(warn, kLog, "{}: no WebTransport session: {}", peer, opened.error().describe());
      co_return;
    }
    connection = *std::move(opened);
  }
  auto request = co_await net::accept(environment.runtime(), std::move(connection),
                                      options.versions, deadline - clock.now());
  if (!request) {
    MOQ_LOG(warn, kLog, "{}: no moq session: {}", peer, request.error().describe());
    co_return;
  }
  push(*std::move(request));
}

void Server::Core::push(net::Request request) {
  ready.push_back(std::move(request));
  on_ready.wake();
}

Result<Server> Server::create(const Environment& environment, ServerOptions options) {
  std::vector<std::string> alpn;
  for (const std::string_view name : net::alpn_names(options.versions)) alpn.emplace_back(name);
  alpn.emplace_back("h3");
  transport::quic::ServerOptions listen(options.address, std::move(alpn), options.tls);
  listen.parameters = options.quic;
  listen.reset_key = options.reset_key;
  MOQ_TRY(auto bound, transport::quic::Server::create(environment.quic(), std::move(listen)));
  return Server(std::make_shared<Core>(environment, std::move(options), std::move(bound)));
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}

kio::Poll<Result<net::Request>> Server::poll_accept(const kio::Waiter& waiter) {
  if (!core_->ready.empty()) {
    Result<net::Request> request(std::move(core_->ready.front()));
    core_->ready.pop_front();
    core_->on_room.wake();
    return request;
  }
  if (core_->failed) return Result<net::Request>(std::unexpected(*core_->failed));
  core_->on_ready.add(waiter);
  return kio::kPending;
}

transport::SocketAddress Server::local_address() const { return core_->quic.local_address(); }
void Server::set_tls(transport::quic::ServerTls tls) { core_->quic.set_tls(std::move(tls)); }
void Server::stop_accepting() { core_->quic.stop_accepting(); }
kio::Poll<kio::Unit> Server::poll_idle(const kio::Waiter& waiter) {
  return core_->quic.poll_idle(waiter);
}

}  // namespace moq::native

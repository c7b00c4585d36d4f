#include "moq/native/server.h"

#include <deque>

#include "moq/base/log.h"
#include "moq/native/internal/kept_session.h"
#include "moq/native/internal/stream_listener.h"
#include "moq/net/wire_code.h"
#include "moq/transport/qmux/stream_pipe.h"
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
        tasks(*environment.executor) {
    accepting.push_back(environment.executor->spawn(accept_all()));
  }

  void add(std::unique_ptr<StreamListener> listener) {
    listeners.push_back(std::move(listener));
    accepting.push_back(environment.executor->spawn(accept_streams(*listeners.back())));
  }
  kio::Task<void> accept_all();
  kio::Task<void> accept_streams(StreamListener& listener);
  kio::Task<void> greet_stream(std::unique_ptr<transport::ByteStream> stream,
                               std::string_view carrier);
  void refuse(StreamListener::Accepted accepted, std::string_view carrier);
  [[nodiscard]] transport::qmux::Options qmux_options(std::string_view carrier) const;
  void fail_with(const Error& error);
  kio::Task<void> greet(std::unique_ptr<transport::Session> connection);
  kio::Task<Result<std::unique_ptr<transport::Session>>> open_webtransport(
      std::unique_ptr<transport::Session> connection, TimePoint deadline);
  void push(net::Request request);

  Environment environment;
  ServerOptions options;
  transport::quic::Server quic;
  std::vector<std::unique_ptr<StreamListener>> listeners;
  std::size_t stream_handshakes = 0;
  std::deque<net::Request> ready;
  std::optional<Error> failed;
  kio::WaiterList on_ready;
  kio::WaiterList on_room;
  /// Of sessions that are not raw QUIC, which keep it.
  std::shared_ptr<kio::TaskGroup> session_tasks;
  kio::TaskGroup tasks;  ///< Handshakes.
  std::vector<kio::Spawned<void>> accepting;
};

void Server::Core::fail_with(const Error& error) {
  failed = error;
  on_ready.wake();
}

kio::Task<void> Server::Core::accept_all() {
  for (;;) {
    co_await kio::wait([this](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (ready.size() < kMaxReadyRequests) return kio::Unit{};
      on_room.add(waiter);
      return kio::kPending;
    });
    auto connection = co_await quic.accept();
    if (!connection) {
      fail_with(connection.error());
      co_return;
    }
    tasks.spawn(greet(*std::move(connection)));
  }
}

kio::Task<void> Server::Core::accept_streams(StreamListener& listener) {
  for (;;) {
    co_await kio::wait([this](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (ready.size() < kMaxReadyRequests && stream_handshakes < kMaxStreamHandshakes) {
        return kio::Unit{};
      }
      on_room.add(waiter);
      return kio::kPending;
    });
    auto accepted = co_await listener.accept();
    if (!accepted) {
      fail_with(accepted.error().with_context(listener.carrier()));
      co_return;
    }
    if (accepted->refused) {
      refuse(*std::move(accepted), listener.carrier());
    } else {
      ++stream_handshakes;
      tasks.spawn(greet_stream(std::move(accepted->stream), listener.carrier()));
    }
  }
}

transport::qmux::Options Server::Core::qmux_options(std::string_view carrier) const {
  transport::qmux::Options qmux(transport::qmux::Framing::qmux_01, transport::qmux::Side::server);
  qmux.carrier = carrier;
  qmux.offers.emplace();
  for (const std::string_view name : net::alpn_names(options.versions)) {
    qmux.offers->emplace_back(name);
  }
  qmux.parameters = options.qmux;
  qmux.parameters.setup_timeout = options.quic.handshake_timeout;
  return qmux;
}

void Server::Core::refuse(StreamListener::Accepted accepted, std::string_view carrier) {
  MOQ_LOG(warn, kLog, "{}: refused: {}", accepted.stream->peer(), accepted.refused->describe());
  transport::qmux::refuse(
      *session_tasks, transport::qmux::make_stream_pipe(std::move(accepted.stream)),
      qmux_options(carrier), net::to_code(*accepted.refused, net::Scope::session),
      accepted.refused->text);
}

kio::Task<void> Server::Core::greet_stream(std::unique_ptr<transport::ByteStream> stream,
                                           std::string_view carrier) {
  const std::string peer = stream->peer();
  auto session = co_await transport::qmux::establish(
      *session_tasks, transport::qmux::make_stream_pipe(std::move(stream)), qmux_options(carrier));
  --stream_handshakes;
  on_room.wake();
  if (!session) {
    MOQ_LOG(warn, kLog, "{}: no qmux session: {}", peer, session.error().describe());
    co_return;
  }
  std::unique_ptr<transport::Session> kept =
      std::make_unique<KeptSession>(session_tasks, *std::move(session));
  co_await greet(std::move(kept));
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

transport::quic::ServerOptions Server::quic_options(const ServerOptions& options) {
  std::vector<std::string> alpn;
  for (const std::string_view name : net::alpn_names(options.versions)) alpn.emplace_back(name);
  alpn.emplace_back("h3");
  transport::quic::ServerOptions listen(options.address, std::move(alpn), options.tls);
  listen.parameters = options.quic;
  listen.reset_key = options.reset_key;
  return listen;
}

Result<Server> Server::create(const Environment& environment, ServerOptions options) {
  MOQ_TRY(auto bound, transport::quic::Server::create(environment.quic(), quic_options(options)));
  return Server(std::make_shared<Core>(environment, std::move(options), std::move(bound)));
}

Result<Server> Server::create(const Environment& environment, ServerOptions options,
                              ServerMember member) {
  if (environment.loop == nullptr) return fail(Code::unsupported, "a group needs loops");
  MOQ_TRY(auto socket, io::UdpSocket::adopt(*environment.loop, std::move(member.socket)));
  transport::quic::ServerOptions listen = quic_options(options);
  listen.share = member.share;
  MOQ_TRY(auto bound, transport::quic::Server::create(environment.quic(), std::move(listen),
                                                      std::move(socket)));
  return Server(std::make_shared<Core>(environment, std::move(options), std::move(bound)));
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Result<transport::SocketAddress> Server::listen_tcp(const transport::SocketAddress& address) {
  io::Loop* loop = core_->environment.loop;
  if (loop == nullptr) return fail(Code::unsupported, "TCP needs a loop");
  MOQ_TRY(auto listener, native::listen_tcp(*loop, address));
  const auto bound = *listener->address();
  core_->add(std::move(listener));
  return bound;
}

Result<void> Server::listen_unix(UnixListen where) {
  io::Loop* loop = core_->environment.loop;
  if (loop == nullptr) return fail(Code::unsupported, "Unix sockets need a loop");
  MOQ_TRY(auto listener, native::listen_unix(*loop, std::move(where)));
  core_->add(std::move(listener));
  return {};
}

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
void Server::stop_accepting() {
  core_->quic.stop_accepting();
  // The first is QUIC's, which goes on so that it can refuse.
  core_->accepting.resize(1);
  core_->listeners.clear();
}
kio::Poll<kio::Unit> Server::poll_idle(const kio::Waiter& waiter) {
  auto quic = core_->quic.poll_idle(waiter);
  auto others = core_->session_tasks->poll_empty(waiter);
  if (quic.pending() || others.pending()) return kio::kPending;
  return kio::Unit{};
}

}  // namespace moq::native

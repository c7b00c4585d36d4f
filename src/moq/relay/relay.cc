#include "moq/relay/relay.h"

#include <fmt/chrono.h>

#include "moq/app/events.h"

namespace moq::relay {
namespace {

void tell_new(std::string_view event, const transport::quic::Identity& identity) {
  const std::time_t expires = std::chrono::system_clock::to_time_t(identity.expires());
  app::Event(event)
      .add("fingerprint", transport::quic::to_hex(identity.fingerprint()))
      .add("expires", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(expires)))
      .write(log::Level::info);
}

void tell_failed(const Error& error) {
  app::Event("certificate_failed").add("error", error.describe()).write(log::Level::error);
}

/// Binds. With several workers, the server is the first of a group, and the rest is for `others`.
Result<native::Server> listen(const native::Environment& environment,
                              const native::ServerOptions& options, std::uint32_t workers,
                              std::vector<native::ServerMember>& others) {
  if (workers == 1) return native::Server::create(environment, options);
  MOQ_TRY(auto sockets, io::BoundUdp::bind_group(options.address, workers));
  for (std::uint32_t i = 1; i < workers; ++i) {
    others.push_back({.socket = std::move(sockets[i]), .share = {.index = i, .servers = workers}});
  }
  native::ServerMember first{.socket = std::move(sockets[0]), .share = {.servers = workers}};
  return native::Server::create(environment, options, std::move(first));
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::create(const native::Environment& environment,
                                             const Config& config) {
  MOQ_TRY(Certificates certificates, Certificates::create(config));
  native::ServerOptions options(config.listen, certificates.tls());
  options.versions = config.versions;
  options.quic = config.quic.parameters;
  options.qmux.max_streams_uni = options.quic.max_streams_uni;
  options.qmux.max_streams_bidi = options.quic.max_streams_bidi;
  MOQ_TRY(options.reset_key, config.reset_key());
  std::vector<native::ServerMember> others;
  auto server = listen(environment, options, config.workers, others);
  if (!server) return std::unexpected(server.error().with_context("--listen"));
  std::optional<transport::SocketAddress> tcp;
  if (config.tcp_listen) {
    const auto bound = server->listen_tcp(*config.tcp_listen);
    if (!bound) return std::unexpected(bound.error().with_context("--listen-tcp-bind"));
    tcp = *bound;
  }
  if (!config.unix_listen.path.empty()) {
    const auto bound = server->listen_unix(config.unix_listen);
    if (!bound) return std::unexpected(bound.error().with_context("--listen-unix-bind"));
  }
  // Below 2^53, so that JavaScript reads it right.
  const std::uint64_t hop = config.hop.value_or(1 + environment.random->below((1ULL << 53) - 1));
  net::origin::Producer origin(hop);
  origin.set_cache_limit(config.cache_bytes);
  std::unique_ptr<Relay> relay(new Relay(environment, config, *std::move(server), std::move(origin),
                                         std::move(certificates)));
  relay->tcp_address_ = tcp;
  for (native::ServerMember& member : others) {
    auto started = WorkerThread::start(relay->node_, options, std::move(member), config.quic.gso);
    if (!started) return std::unexpected(started.error().with_context("--workers"));
    relay->threads_.push_back(*std::move(started));
  }
  return relay;
}

Relay::Relay(const native::Environment& environment, const Config& config, native::Server server,
             net::origin::Producer origin, Certificates certificates)
    : environment_(environment),
      versions_(config.versions),
      handshake_timeout_(config.quic.parameters.handshake_timeout),
      node_(config.grants, std::move(origin)),
      certificates_(std::move(certificates)),
      worker_(environment, node_, std::move(server)),
      tasks_(*environment.executor) {}

void Relay::show_certificates() {
  worker_.server().set_tls(certificates_.tls());
  for (const auto& thread : threads_) thread->set_tls(certificates_.tls());
}

native::WebSocketServerOptions Relay::websocket_options() const {
  native::WebSocketServerOptions options;
  options.versions = versions_;
  options.handshake_timeout = handshake_timeout_;
  return options;
}

void Relay::reload_certificates() {
  const Result<void> reloaded = certificates_.reload();
  if (!reloaded) return tell_failed(reloaded.error());
  show_certificates();
  tell_new("certificates_reloaded", certificates_.first());
}

kio::Task<void> Relay::renew_certificates() {
  Duration wait = kRenewalCheck;
  for (;;) {
    co_await kio::sleep(environment_.executor->clock(), wait);
    wait = kRenewalCheck;
    if (!certificates_.renewal_due()) continue;
    const auto renewed = certificates_.renew();
    if (renewed) {
      show_certificates();
      tell_new("certificate_renewed", *renewed);
    } else {
      tell_failed(renewed.error());
      wait = kRenewalRetry;
    }
  }
}

kio::Task<Error> Relay::run() {
  tasks_.spawn(renew_certificates());
  kio::Spawned<Error> own = environment_.executor->spawn(worker_.run());
  Error failed = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Error> {
    for (const auto& thread : threads_) {
      if (auto ended = thread->poll_failed(waiter)) return ended;
    }
    return own.poll_join(waiter);
  });
  co_return failed;
}

Result<void> Relay::judge(std::string_view target) const {
  const auto refuse = [](int status, const Error& error) {
    return std::unexpected(Error(error.code, error.text, static_cast<std::uint64_t>(status)));
  };
  if (worker_.draining()) return refuse(503, Error(Code::going_away, "the relay is draining"));
  const auto admission = admit(target);
  if (!admission) {
    const bool unknown = admission.error().code == Code::unauthorized;
    return refuse(unknown ? 401 : 400, admission.error());
  }
  if (Grants::reach(grants().publish, admission->root) ||
      Grants::reach(grants().subscribe, admission->root)) {
    return {};
  }
  return refuse(401, nobody_may(admission->root));
}

kio::Task<void> Relay::drain(Duration timeout) {
  app::Event("draining").add("sessions", sessions()).write(log::Level::info);
  for (const auto& thread : threads_) thread->drain(timeout);
  std::size_t left = co_await worker_.drain(timeout);
  for (const auto& thread : threads_) {
    left +=
        co_await kio::wait([&](const kio::Waiter& waiter) { return thread->poll_drained(waiter); });
  }
  app::Event("drained").add("sessions", left).write(log::Level::info);
}

}  // namespace moq::relay

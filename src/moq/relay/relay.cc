#include "moq/relay/relay.h"

#include <fmt/chrono.h>

#include "moq/app/events.h"
#include "moq/net/wire_code.h"

namespace moq::relay {
namespace {

void tell_new(std::string_view event, const transport::quic::Identity& identity) {
  const std::time_t expires = std::chrono::system_clock::to_time_t(identity.expires());
  app::Event(event)
      .add("fingerprint", transport::quic::to_hex(identity.fingerprint()))
      .add("expires", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(expires)))
      .write(log::Level::info);
}

Error nobody_may(const net::Path& root) {
  return Error(Code::unauthorized,
               "nobody may do that below '" + root.text() + "', see --auth-public");
}

void tell_failed(const Error& error) {
  app::Event("certificate_failed").add("error", error.describe()).write(log::Level::error);
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
  auto server = native::Server::create(environment, std::move(options));
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
  std::unique_ptr<Relay> relay(new Relay(environment, config, *std::move(server),
                                         net::origin::Producer(hop), std::move(certificates)));
  relay->tcp_address_ = tcp;
  return relay;
}

Relay::Relay(const native::Environment& environment, const Config& config, native::Server server,
             net::origin::Producer origin, Certificates certificates)
    : environment_(environment),
      grants_(config.grants),
      versions_(config.versions),
      handshake_timeout_(config.quic.parameters.handshake_timeout),
      server_(std::move(server)),
      origin_(std::move(origin)),
      certificates_(std::move(certificates)),
      tasks_(*environment.executor) {
  origin_.set_cache_limit(config.cache_bytes);
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
  server_.set_tls(certificates_.tls());
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
      server_.set_tls(certificates_.tls());
      tell_new("certificate_renewed", *renewed);
    } else {
      tell_failed(renewed.error());
      wait = kRenewalRetry;
    }
  }
}

kio::Task<Error> Relay::run() {
  tasks_.spawn(renew_certificates());
  for (;;) {
    auto request = co_await server_.accept();
    if (!request) co_return request.error();
    tasks_.spawn(serve(*std::move(request)));
  }
}

Result<net::SessionOptions> Relay::admit_session(const net::Request& request) const {
  MOQ_TRY(const Admission admission, admit(request.path()));
  const net::Path root = admission.root;
  // A session that could do nothing is refused, so that its owner learns why nothing comes.
  const bool asks = request.wants_publish() || request.wants_subscribe();
  const bool may_publish = request.wants_publish() && Grants::reach(grants_.publish, root);
  const bool may_subscribe = request.wants_subscribe() && Grants::reach(grants_.subscribe, root);
  if (asks && !may_publish && !may_subscribe) {
    return std::unexpected(nobody_may(root));
  }
  const auto allowed = [root](std::vector<Pattern> patterns) -> net::origin::Filter {
    return [root, patterns = std::move(patterns)](const net::Path& path) {
      const auto whole = root.join(path);
      return whole && Grants::covers(patterns, *whole);
    };
  };
  net::SessionOptions options;
  options.hop = origin_.hop();
  options.retraction_delay = kRetractionDelay;
  if (request.wants_subscribe()) {
    MOQ_TRY(options.publish, origin_.consume().scope(root, allowed(grants_.subscribe)));
  }
  if (request.wants_publish()) {
    MOQ_TRY(options.subscribe, origin_.scope(root, allowed(grants_.publish)));
  }
  return options;
}

Result<void> Relay::judge(std::string_view target) const {
  const auto refuse = [](int status, const Error& error) {
    return std::unexpected(Error(error.code, error.text, static_cast<std::uint64_t>(status)));
  };
  if (draining_) return refuse(503, Error(Code::going_away, "the relay is draining"));
  const auto admission = admit(target);
  if (!admission) {
    const bool unknown = admission.error().code == Code::unauthorized;
    return refuse(unknown ? 401 : 400, admission.error());
  }
  if (Grants::reach(grants_.publish, admission->root) ||
      Grants::reach(grants_.subscribe, admission->root)) {
    return {};
  }
  return refuse(401, nobody_may(admission->root));
}

kio::Task<void> Relay::serve(net::Request request) {
  auto options = admit_session(request);
  if (!options || draining_) {
    const Error error =
        options ? Error(Code::going_away, "the relay is draining") : options.error();
    app::Event("session_refused")
        .add("remote", request.peer())
        .add("code", net::to_code(error, net::Scope::session))
        .add("reason", error.describe())
        .write(log::Level::warn);
    std::move(request).reject(error);
    co_return;
  }
  net::Session session = std::move(request).accept(*std::move(options));
  const std::uint64_t id = next_id_++;
  sessions_.emplace(id, &session);
  app::Event("session_accepted")
      .add("id", id)
      .add("remote", session.peer())
      .add("version", net::to_string(session.version()))
      .add("transport", session.carrier())
      .write(log::Level::info);
  const Error ended = co_await session.closed();
  app::Event("session_closed")
      .add("id", id)
      .add("code", ended.wire.value_or(net::to_code(ended, net::Scope::session)))
      .add("reason", ended.describe())
      .write(log::Level::info);
  sessions_.erase(id);
  on_left_.wake();
}

kio::Task<void> Relay::drain(Duration timeout) {
  draining_ = true;
  app::Event("draining").add("sessions", sessions_.size()).write(log::Level::info);
  for (const auto& [id, session] : sessions_) session->goaway("");
  kio::Timer timer(environment_.executor->clock());
  timer.set_after(timeout);
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (sessions_.empty() || timer.poll(waiter)) return kio::Unit{};
    on_left_.add(waiter);
    return kio::kPending;
  });
  const std::size_t left = sessions_.size();
  for (const auto& [id, session] : sessions_) {
    session->close(net::goaway_timeout("the relay stops"));
  }
  app::Event("drained").add("sessions", left).write(log::Level::info);
}

}  // namespace moq::relay

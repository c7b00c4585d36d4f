#include "moq/native/client.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "moq/base/log.h"
#include "moq/io/tcp.h"
#include "moq/io/udp_network.h"
#include "moq/io/unix_socket.h"
#include "moq/native/internal/bootstrap.h"
#include "moq/native/internal/carrier_race.h"
#include "moq/native/internal/knock.h"
#include "moq/native/internal/race.h"
#include "moq/net/wire_code.h"
#include "moq/transport/qmux/stream_pipe.h"
#include "moq/transport/tls/stream.h"
#include "moq/transport/websocket/handshake.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::native {
namespace {

constexpr std::string_view kLog = "client";
/// Versions without a SETUP may say nothing for long: then a session that lives this long is up.
constexpr Duration kSilentEstablished = 200ms;
/// The least round-trip time that a new dial begins with: a server may take that long to sign.
constexpr Duration kLeastInitialRtt = 25ms;
/// Servers of which is known that WebSocket gets there sooner.
constexpr std::size_t kMaxWebSocketHosts = 256;
/// A server that once answered faster than this is not there, or lost what we sent.
constexpr Duration kSilentDial = 1s;

/// A connection that is up, whatever carries it, before any moq was spoken.
struct Dialed {
  Dialed(std::unique_ptr<transport::Session> session, std::optional<std::string> setup_path,
         transport::quic::Connection* below = nullptr)
      : transport(std::move(session)), path(std::move(setup_path)), quic(below) {}
  std::unique_ptr<transport::Session> transport;
  /// What moq's SETUP asks for; none where the carrier has a request of its own.
  std::optional<std::string> path;
  transport::quic::Connection* quic;  ///< Below `transport`; null on other carriers.
};

}  // namespace

/// What one attempt learns for the next.
struct Client::History {
  /// The address that refused us last, to knock on.
  std::optional<transport::SocketAddress> refused;
  /// Round-trip time of the session before.
  std::optional<Duration> rtt;
};

struct Client::Core {
  Core(const Environment& where, ClientOptions how, transport::quic::ClientTls checked)
      : options(std::move(how)),
        trust(std::move(checked)),
        environment(with_network(where)),
        quic(environment.quic()),
        tasks(*environment.executor) {}

  ClientOptions options;
  /// Made once: reading the system's roots takes longer than many a dial.
  transport::quic::ClientTls trust;
  std::unique_ptr<io::UdpNetwork> network;  ///< If the options ask for one of our own.
  Environment environment;
  transport::quic::Client quic;
  kio::TaskGroup tasks;                   ///< Of sessions that are not raw QUIC.
  std::set<std::string> websocket_hosts;  ///< Where WebSocket won the last race.

  Environment with_network(Environment where) {
    if (!options.bind && options.segmentation) return where;
    if (!where.loop) return where;  // There is no GSO either.
    network = std::make_unique<io::UdpNetwork>(
        *where.loop,
        io::UdpNetwork::Options{.local = options.bind, .segmentation = options.segmentation});
    where.network = network.get();
    return where;
  }
  /// One attempt by the carrier that the URL's scheme names.
  kio::Task<Result<Dialed>> dial(const Url& url, std::shared_ptr<History> history);
  kio::Task<Result<Dialed>> dial_quic(const Url& url, std::shared_ptr<History> history);
  kio::Task<Result<Dialed>> dial_websocket(Url url);
  /// Both, for a server that takes both.
  kio::Task<Result<Dialed>> dial_both(const Url& url, std::shared_ptr<History> history);
  kio::Task<Race::Dialed> open_websocket(const Url& url, transport::SocketAddress address);
  kio::Task<Race::Dialed> race_quic(const Url& url, std::shared_ptr<History> history);
  kio::Task<Result<Dialed>> dial_tcp(const Url& url);
  kio::Task<Result<Dialed>> dial_unix(const Url& url);
  [[nodiscard]] transport::qmux::Options qmux_options(std::string_view carrier) const;
  kio::Task<Result<transport::quic::ClientTls>> tls_for(const Url& url);
  [[nodiscard]] std::vector<std::string> protocols() const;
};

std::vector<std::string> Client::Core::protocols() const {
  std::vector<std::string> names;
  for (const std::string_view name : net::alpn_names(options.versions)) names.emplace_back(name);
  return names;
}

kio::Task<Result<transport::quic::ClientTls>> Client::Core::tls_for(const Url& url) {
  if (url.scheme != Scheme::http) co_return trust;
  if (options.tls_configured) {
    MOQ_LOG(warn, kLog, "not fetching the certificate's hash: another check is configured");
    co_return trust;
  }
  if (!environment.loop) co_return fail(Code::unsupported, "http:// needs TCP");
  auto pin = co_await fetch_fingerprint(*environment.loop, *environment.resolver, url);
  if (!pin) co_return std::unexpected(pin.error());
  transport::quic::ClientTlsOptions pinned = options.tls;
  pinned.pins = {*pin};
  co_return transport::quic::ClientTls::create(std::move(pinned));
}

namespace {

kio::Task<Race::Dialed> dial_address(transport::quic::Client& quic,
                                     transport::quic::DialOptions options) {
  auto dialed = co_await quic.dial(std::move(options));
  if (!dialed) co_return std::unexpected(dialed.error());
  std::unique_ptr<transport::Session> session = *std::move(dialed);
  co_return std::move(session);
}

}  // namespace

kio::Task<Race::Dialed> Client::Core::race_quic(const Url& url, std::shared_ptr<History> history) {
  auto tls = co_await tls_for(url);
  if (!tls && tls.error().code != Code::refused) co_return std::unexpected(tls.error());
  auto addresses = co_await environment.resolver->resolve(url.host, url.port);
  if (!addresses) co_return std::unexpected(addresses.error());
  if (!tls) {
    // The web listener is gone, and so, likely, is its neighbour, who can be knocked on.
    history->refused = addresses->front();
    co_return std::unexpected(tls.error());
  }
  const std::vector<std::string> alpn =
      url.raw_quic() ? protocols() : std::vector<std::string>{"h3"};

  RaceOptions race_options;
  race_options.stagger = options.address_race;
  if (history->rtt) race_options.beside_after = kSilentDial;
  Race race(*environment.executor, *std::move(addresses), race_options,
            [&](const transport::SocketAddress& address) {
              transport::quic::DialOptions dial(address, url.host, alpn, *tls);
              dial.parameters = options.quic;
              if (history->rtt) {
                dial.parameters.initial_rtt =
                    std::min(std::max(*history->rtt, kLeastInitialRtt), options.quic.initial_rtt);
              }
              return dial_address(quic, std::move(dial));
            });
  auto dialed =
      co_await kio::wait([&race](const kio::Waiter& waiter) { return race.poll(waiter); });
  history->refused = race.refused();
  co_return dialed;
}

kio::Task<Result<Dialed>> Client::Core::dial_quic(const Url& url,
                                                  std::shared_ptr<History> history) {
  auto raced = co_await race_quic(url, std::move(history));
  if (!raced) co_return std::unexpected(raced.error());
  std::unique_ptr<transport::Session> session = *std::move(raced);
  auto* connection = static_cast<transport::quic::Connection*>(session.get());
  if (url.raw_quic()) co_return Dialed(std::move(session), url.request(), connection);
  transport::webtransport::ConnectOptions request(url.authority(), url.request(), protocols());
  request.user_agent = options.user_agent;
  auto connected =
      co_await transport::webtransport::connect(tasks, std::move(session), std::move(request));
  if (!connected) co_return std::unexpected(connected.error());
  co_return Dialed(*std::move(connected), std::nullopt, connection);
}

transport::qmux::Options Client::Core::qmux_options(std::string_view carrier) const {
  transport::qmux::Options qmux(transport::qmux::Framing::qmux_01, transport::qmux::Side::client);
  qmux.carrier = carrier;
  qmux.offers = protocols();
  qmux.parameters = options.qmux;
  return qmux;
}

namespace {

/// A server may refuse with a session's code before there is a session.
Error refusal_of(const Error& error) { return net::from_transport(error, net::Scope::session); }

kio::Task<Race::Dialed> dial_tcp_address(io::Loop& loop, kio::TaskGroup& tasks,
                                         transport::SocketAddress address,
                                         transport::qmux::Options options) {
  auto stream = co_await io::TcpStream::connect(loop, address);
  if (!stream) co_return std::unexpected(stream.error());
  auto session = co_await transport::qmux::establish(
      tasks, transport::qmux::make_stream_pipe(*std::move(stream)), std::move(options));
  if (!session) co_return std::unexpected(refusal_of(session.error()));
  co_return std::move(session);
}

}  // namespace

kio::Task<Result<Dialed>> Client::Core::dial_tcp(const Url& url) {
  if (!environment.loop) co_return fail(Code::unsupported, "tcp:// needs TCP");
  auto addresses = co_await environment.resolver->resolve(url.host, url.port);
  if (!addresses) co_return std::unexpected(addresses.error());
  RaceOptions race_options;
  race_options.stagger = options.address_race;
  Race race(*environment.executor, *std::move(addresses), race_options,
            [this](const transport::SocketAddress& address) {
              return dial_tcp_address(*environment.loop, tasks, address, qmux_options("tcp"));
            });
  auto session =
      co_await kio::wait([&race](const kio::Waiter& waiter) { return race.poll(waiter); });
  if (!session) co_return std::unexpected(session.error());
  co_return Dialed(*std::move(session), url.request());
}

kio::Task<Result<Dialed>> Client::Core::dial_unix(const Url& url) {
  if (!environment.loop) co_return fail(Code::unsupported, "unix:// needs Unix sockets");
  auto stream = co_await io::UnixStream::connect(*environment.loop, url.socket_path());
  if (!stream) co_return std::unexpected(stream.error());
  auto session = co_await transport::qmux::establish(
      tasks, transport::qmux::make_stream_pipe(*std::move(stream)), qmux_options("unix"));
  if (!session) co_return std::unexpected(refusal_of(session.error()));
  co_return Dialed(*std::move(session), url.request());
}

kio::Task<Result<Dialed>> Client::Core::dial(const Url& url, std::shared_ptr<History> history) {
  switch (url.scheme) {
    case Scheme::https:
    case Scheme::http:
      if (options.websocket && environment.loop) return dial_both(url, std::move(history));
      return dial_quic(url, std::move(history));
    case Scheme::moqt:
    case Scheme::moql:
      return dial_quic(url, std::move(history));
    case Scheme::wss:
    case Scheme::ws:
      return dial_websocket(url);
    case Scheme::tcp:
      return dial_tcp(url);
    case Scheme::unix_socket:
      return dial_unix(url);
  }
  std::unreachable();
}

/// One address, from TCP to a session.
kio::Task<Race::Dialed> Client::Core::open_websocket(const Url& url,
                                                     transport::SocketAddress address) {
  auto connected = co_await io::TcpStream::connect(*environment.loop, address);
  if (!connected) co_return std::unexpected(connected.error());
  std::unique_ptr<transport::ByteStream> stream = *std::move(connected);
  if (url.scheme == Scheme::wss) {
    std::vector<std::string> alpn(1, "http/1.1");
    auto secured = co_await transport::tls::Stream::connect(std::move(stream), trust, url.host,
                                                            std::move(alpn));
    if (!secured) co_return std::unexpected(secured.error());
    stream = *std::move(secured);
  }
  const bool legacy = std::ranges::any_of(options.versions, net::has_legacy_setup);
  transport::websocket::ConnectOptions request(url.authority(), url.request(),
                                               transport::websocket::offers(protocols(), legacy));
  request.user_agent = options.user_agent;
  auto opened = co_await transport::websocket::connect(
      environment.executor->clock(), *environment.random, std::move(stream), std::move(request));
  if (!opened) co_return std::unexpected(opened.error());
  transport::qmux::Options session(opened->subprotocol.framing, transport::qmux::Side::client);
  session.carrier = "websocket";
  session.protocol = opened->subprotocol.protocol;
  session.path = url.request();
  session.parameters = options.qmux;
  co_return co_await transport::qmux::establish(tasks, std::move(opened->pipe), std::move(session));
}

kio::Task<Result<Dialed>> Client::Core::dial_websocket(Url url) {
  if (!environment.loop) co_return fail(Code::unsupported, "WebSocket needs TCP");
  auto addresses = co_await environment.resolver->resolve(url.host, url.port);
  if (!addresses) co_return std::unexpected(addresses.error());
  RaceOptions race_options;
  race_options.stagger = options.address_race;
  Race race(*environment.executor, *std::move(addresses), race_options,
            [&](const transport::SocketAddress& address) { return open_websocket(url, address); });
  auto raced = co_await kio::wait([&race](const kio::Waiter& waiter) { return race.poll(waiter); });
  if (!raced) co_return std::unexpected(raced.error());
  co_return Dialed(*std::move(raced), std::nullopt);
}

kio::Task<Result<Dialed>> Client::Core::dial_both(const Url& url,
                                                  std::shared_ptr<History> history) {
  const Url beside = url.as_websocket();
  const std::string host = beside.authority();
  const Duration head_start =
      websocket_hosts.contains(host) ? Duration::zero() : options.websocket_delay;
  CarrierRace<Dialed> race(*environment.executor, dial_quic(url, std::move(history)),
                           dial_websocket(beside), head_start);
  auto raced = co_await kio::wait([&race](const kio::Waiter& waiter) { return race.poll(waiter); });
  if (raced) {
    if (!race.websocket_won()) {
      websocket_hosts.erase(host);
    } else {
      if (websocket_hosts.size() == kMaxWebSocketHosts) websocket_hosts.clear();
      websocket_hosts.insert(host);
    }
  }
  co_return raced;
}

namespace {

Result<void> check_folder(const std::string& folder) {
  if (folder.empty()) return {};
  const auto what = [&folder](int error) {
    return fail(Code::bad_config,
                "qlog folder '" + folder + "': " + std::generic_category().message(error));
  };
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return what(errno);
  if (!S_ISDIR(status.st_mode)) return what(ENOTDIR);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return what(errno);
  return {};
}

}  // namespace

Result<Client> Client::create(const Environment& environment, ClientOptions options) {
  if (options.versions.empty()) return fail(Code::bad_config, "no protocol version is enabled");
  if (options.bind && !environment.loop) {
    return fail(Code::bad_config, "only a machine's own network sends from a given address");
  }
  MOQ_CHECK(check_folder(options.quic.qlog_directory));
  // Tells of bad files now, not at the first dial.
  MOQ_TRY(auto tls, transport::quic::ClientTls::create(options.tls));
  return Client(std::make_shared<Core>(environment, std::move(options), std::move(tls)));
}

const ClientOptions& Client::options() const { return core_->options; }

kio::Poll<kio::Unit> Client::poll_idle(const kio::Waiter& waiter) const {
  auto quic = core_->quic.poll_idle(waiter);
  auto others = core_->tasks.poll_empty(waiter);
  if (quic.pending() || others.pending()) return kio::kPending;
  return kio::Unit{};
}

kio::Task<Result<Established>> Client::connect_within(std::shared_ptr<Core> core, Url url,
                                                      net::SessionOptions options,
                                                      std::shared_ptr<History> history) {
  auto dialed = co_await core->dial(url, history);
  if (!dialed) co_return std::unexpected(dialed.error());
  // No request of the carrier names the host there.
  if (url.scheme == Scheme::moqt && !options.authority) options.authority = url.authority();
  auto session =
      co_await net::connect(core->environment.runtime(), std::move(dialed->transport),
                            std::move(options), std::move(dialed->path), core->options.versions);
  if (!session) co_return std::unexpected(session.error());

  kio::Timer timer(core->environment.executor->clock());
  if (!net::has_setup_stream(session->version())) timer.set_after(kSilentEstablished);
  auto up = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<void>> {
    if (auto established = session->poll_established(waiter)) return established;
    if (timer.poll(waiter)) return Result<void>();
    return kio::kPending;
  });
  if (!up) co_return std::unexpected(up.error());
  if (dialed->quic != nullptr) history->rtt = session->stats().rtt;
  Established established{*std::move(session), dialed->quic};
  co_return std::move(established);
}

kio::Task<Result<Established>> Client::connect(Url url, net::SessionOptions options) const {
  return connect_after(std::make_shared<History>(), std::move(url), std::move(options));
}

kio::Task<Result<Established>> Client::connect_after(std::shared_ptr<History> history, Url url,
                                                     net::SessionOptions options) const {
  const Duration limit = core_->options.connect_timeout;
  kio::Executor& executor = *core_->environment.executor;
  const std::string where = url.to_string();
  kio::Spawned<Result<Established>> connecting =
      executor.spawn(connect_within(core_, std::move(url), std::move(options), std::move(history)));
  kio::Timer timer(executor.clock());
  if (limit > Duration::zero()) timer.set_after(limit);
  auto connected =
      co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Established>> {
        if (auto joined = connecting.poll_join(waiter)) return joined;
        if (timer.poll(waiter)) return fail(Code::timeout, "no session within the time limit");
        return kio::kPending;
      });
  if (!connected) co_return std::unexpected(connected.error().with_context(where));
  co_return connected;
}

namespace {

/// A moq session as a link.
class SessionLink final : public Link {
 public:
  SessionLink(Established established, std::string url)
      : established_(std::move(established)), url_(std::move(url)) {}

  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) override {
    return established_.session.poll_closed(waiter);
  }
  kio::Poll<kio::Unit> poll_suspect(const kio::Waiter& waiter) override {
    if (!established_.connection) return kio::kPending;  // Nothing tells, but silence.
    return established_.connection->poll_path_suspect(waiter);
  }
  kio::Poll<kio::Unit> poll_alive(const kio::Waiter& waiter) override {
    if (!established_.connection) return kio::Unit{};
    return established_.connection->poll_path_alive(waiter);
  }
  kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) override {
    return established_.session.poll_goaway(waiter);
  }
  void close(const Error& error) override { established_.session.close(error); }
  kio::Task<void> finish(Duration limit) override { return established_.session.finish(limit); }
  [[nodiscard]] LinkInfo info() const override {
    const net::Session& session = established_.session;
    return {url_, std::string(net::to_string(session.version())), std::string(session.carrier())};
  }

  [[nodiscard]] std::optional<net::StatsReader> stats_reader() const override {
    return established_.session.stats_reader();
  }

 private:
  Established established_;
  std::string url_;
};

}  // namespace

/// Dials one URL, or where its server sent us.
class UrlDialer final : public Dialer {
 public:
  UrlDialer(Client client, Url url, net::SessionOptions options)
      : client_(std::move(client)), url_(std::move(url)), options_(std::move(options)) {
    if (client_.options().linger) options_.linger = std::make_shared<net::Linger>();
  }

  kio::Task<Result<std::unique_ptr<Link>>> dial() override {
    history_->refused.reset();
    auto established = co_await client_.connect_after(history_, url_, options_.clone());
    if (!established) co_return std::unexpected(established.error());
    const net::Session& session = established->session;
    MOQ_LOG(debug, kLog, "{} up: {} over {}", url_.to_string(), net::to_string(session.version()),
            session.carrier());
    std::unique_ptr<Link> link =
        std::make_unique<SessionLink>(*std::move(established), url_.to_string());
    co_return std::move(link);
  }

  kio::Task<void> listening_again() override {
    const auto address = history_->refused;
    if (!address) {
      co_await kio::wait([](const kio::Waiter&) -> kio::Poll<kio::Unit> { return kio::kPending; });
    }
    co_await knock(client_.core_->environment, *address);
  }

  Result<void> redirect(const std::string& uri) override {
    const ClientOptions& how = client_.options();
    MOQ_TRY(Url next, check_redirect(url_, uri, how.redirects, !how.tls.pins.empty()));
    url_ = std::move(next);
    return {};
  }

  void stopped() override {
    if (options_.linger) options_.linger->end();
  }

 private:
  Client client_;
  Url url_;
  net::SessionOptions options_;
  std::shared_ptr<Client::History> history_ = std::make_shared<Client::History>();
};

Reconnect Client::reconnect(Url url, net::SessionOptions options, const Backoff& backoff) const {
  auto dialer = std::make_unique<UrlDialer>(Client(core_), std::move(url), std::move(options));
  return {*core_->environment.executor, *core_->environment.random, std::move(dialer), backoff,
          core_->options.handover};
}

namespace {

/// A redirect never goes to less.
int trust_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::https:
    case Scheme::moqt:
    case Scheme::moql:
    case Scheme::wss:
      return 2;  // A name checked by TLS.
    case Scheme::http:
    case Scheme::ws:
    case Scheme::tcp:
      return 1;
    case Scheme::unix_socket:
      return 0;
  }
  std::unreachable();
}

bool is_local(const Url& url) {
  if (url.scheme == Scheme::unix_socket || url.host == "localhost") return true;
  const auto address = transport::SocketAddress::parse(
      url.host.find(':') == std::string::npos ? url.host + ":1" : "[" + url.host + "]:1");
  return address && address->is_loopback();
}

}  // namespace

Result<Url> check_redirect(const Url& from, std::string_view uri, RedirectPolicy policy,
                           bool pinned) {
  if (policy == RedirectPolicy::ignore) return fail(Code::unauthorized, "redirects are ignored");
  MOQ_TRY(Url to, Url::parse(uri));
  if (policy == RedirectPolicy::same_host && to.host != from.host) {
    return fail(Code::unauthorized, "a redirect to another host, '" + to.host + "'");
  }
  if (pinned && to.host != from.host) {
    return fail(Code::unauthorized,
                "a redirect to '" + to.host + "', whose certificate is not the pinned one");
  }
  if (trust_of(to.scheme) < trust_of(from.scheme)) {
    return fail(Code::unauthorized, "a redirect from " + std::string(to_string(from.scheme)) +
                                        " to " + std::string(to_string(to.scheme)) +
                                        ", which is worth less trust");
  }
  if (is_local(to) && !is_local(from)) {
    return fail(Code::unauthorized, "a redirect to this machine");
  }
  return to;
}

}  // namespace moq::native

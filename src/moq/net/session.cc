#include "moq/net/session.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "moq/base/log.h"
#include "moq/net/internal/legacy_exchange.h"
#include "moq/net/lite/internal/connection.h"
#include "moq/net/moqt/internal/connection.h"

namespace moq::net {
namespace {

constexpr std::array kSessionVersions = {
    Version::lite_06, Version::lite_05, Version::lite_04, Version::lite_03, Version::lite_02,
    Version::lite_01, Version::moqt_22, Version::moqt_21, Version::moqt_20, Version::moqt_19,
    Version::moqt_18, Version::moqt_17, Version::moqt_16, Version::moqt_15, Version::moqt_14};

/// What the transport's protocol name says of the version.
struct Agreed {
  std::optional<Version> version;  ///< None: the legacy SETUP exchange picks one of `choice`.
  std::vector<Version> choice;
};

Result<Agreed> agreed_version(const transport::Session& transport,
                              std::span<const Version> versions) {
  MOQ_TRY(const std::optional<Version> named, version_of_protocol(transport.protocol(), versions));
  Agreed agreed;
  if (!named) {
    std::ranges::copy_if(versions, std::back_inserter(agreed.choice), has_legacy_setup);
  } else if (has_legacy_setup(*named)) {
    agreed.choice.push_back(*named);
  } else {
    agreed.version = *named;
  }
  return agreed;
}

void fill_hop(SessionOptions& options) {
  if (options.hop != 0) return;
  if (options.publish) {
    options.hop = options.publish->hop();
  } else if (options.subscribe) {
    options.hop = options.subscribe->hop();
  }
}

/// What a connection is made with.
struct Start {
  Start(Version of, std::optional<LegacyGreeting> exchanged, bool for_server)
      : version(of), greeting(std::move(exchanged)), server(for_server) {}
  Version version;
  std::optional<LegacyGreeting> greeting;  ///< Where there was one.
  bool server;
};

std::shared_ptr<Connection> make_connection(Runtime runtime,
                                            std::unique_ptr<transport::Session> transport,
                                            Start start) {
  if (is_moqt(start.version)) {
    return std::make_shared<moqt::Connection>(runtime, std::move(transport), start.version,
                                              start.server, std::move(start.greeting));
  }
  return std::make_shared<lite::Connection>(runtime, std::move(transport), start.version,
                                            start.server, std::move(start.greeting));
}

/// Waits for the peer's part of the handshake, until `timer`. Fails with `control_timeout`.
template <typename T>
kio::Task<Result<T>> in_time(kio::Spawned<Result<T>> task, kio::Timer& timer,
                             std::string_view missing) {
  co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<T>> {
    if (auto done = task.poll_join(waiter)) return done;
    if (timer.poll(waiter)) return Result<T>(fail(Code::control_timeout, std::string(missing)));
    return kio::kPending;
  });
}

Error refuse(transport::Session& transport, Error error) {
  MOQ_LOG(warn, "net", "{} {}: {}", transport.carrier(), transport.peer(), error.describe());
  transport.close(to_code(error, Scope::session), error.text);
  return error;
}

}  // namespace

SessionOptions SessionOptions::clone() const {
  SessionOptions copy;
  if (publish) copy.publish = publish->clone();
  if (subscribe) copy.subscribe = subscribe->clone();
  copy.hop = hop;
  copy.link_cost = link_cost;
  copy.retraction_delay = retraction_delay;
  copy.authority = authority;
  copy.linger = linger;
  return copy;
}

std::span<const Version> session_versions() { return kSessionVersions; }

Session::Session(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

Version Session::version() const { return connection_->version(); }
std::string Session::peer() const { return connection_->transport().peer(); }
std::string_view Session::carrier() const { return connection_->transport().carrier(); }
transport::Stats Session::stats() const { return connection_->transport().stats(); }
StatsReader Session::stats_reader() const { return connection_->stats_reader(); }
kio::Consumer<PathEstimate> Session::probe() const { return connection_->probe(); }
void Session::close(const Error& error) const { connection_->close(error); }
kio::Task<void> Session::finish(Duration limit) const { return connection_->finish(limit); }
void Session::goaway(std::string_view uri) const { connection_->send_goaway(uri); }

kio::Poll<Error> Session::poll_closed(const kio::Waiter& waiter) const {
  return connection_->poll_closed(waiter);
}
kio::Poll<std::string> Session::poll_goaway(const kio::Waiter& waiter) const {
  return connection_->poll_goaway(waiter);
}
kio::Poll<Result<void>> Session::poll_established(const kio::Waiter& waiter) const {
  return connection_->poll_established(waiter);
}

kio::Task<Result<Session>> connect(Runtime runtime, std::unique_ptr<transport::Session> transport,
                                   SessionOptions options, std::optional<std::string> path,
                                   std::span<const Version> versions) {
  auto agreed = agreed_version(*transport, versions);
  if (!agreed) co_return std::unexpected(refuse(*transport, std::move(agreed).error()));
  std::optional<LegacyGreeting> greeting;
  if (!agreed->version) {
    kio::Timer timer(runtime.clock);
    timer.set_after(kHandshakeTimeout);
    LegacyOffer offer(std::move(agreed->choice));
    offer.path = path;
    if (path) offer.authority = options.authority;
    auto task = runtime.executor.spawn(offer_versions(runtime.clock, *transport, std::move(offer)));
    auto picked = co_await in_time(std::move(task), timer, "no SETUP from the server");
    if (!picked) co_return std::unexpected(refuse(*transport, std::move(picked).error()));
    agreed->version = picked->version;
    greeting = *std::move(picked);
  }
  fill_hop(options);
  Start start(*agreed->version, std::move(greeting), false);
  auto connection = make_connection(runtime, std::move(transport), std::move(start));
  connection->greet(options, std::move(path));
  connection->start(std::move(options));
  co_return Session(std::move(connection));
}

Request::Request(Runtime, std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

Request::~Request() {
  if (connection_) connection_->close(Error(Code::unauthorized, "refused"));
}

Version Request::version() const { return connection_->version(); }
std::string_view Request::path() const { return connection_->request_path(); }
std::string Request::peer() const { return connection_->transport().peer(); }
std::string_view Request::carrier() const { return connection_->transport().carrier(); }
bool Request::wants_publish() const { return connection_->peer_publishes(); }
bool Request::wants_subscribe() const { return connection_->peer_subscribes(); }

Session Request::accept(SessionOptions options) && {
  auto connection = std::exchange(connection_, nullptr);
  fill_hop(options);
  connection->greet(options, std::nullopt);
  connection->start(std::move(options));
  return Session(std::move(connection));
}

void Request::reject(const Error& error) && { std::exchange(connection_, nullptr)->close(error); }

kio::Task<Result<Request>> accept(Runtime runtime, std::unique_ptr<transport::Session> transport,
                                  std::span<const Version> versions, Duration timeout) {
  auto agreed = agreed_version(*transport, versions);
  if (!agreed) co_return std::unexpected(refuse(*transport, std::move(agreed).error()));
  kio::Timer timer(runtime.clock);
  timer.set_after(timeout);
  constexpr std::string_view kMissing = "no SETUP from the client";
  std::optional<LegacyGreeting> greeting;
  if (!agreed->version) {
    auto task = runtime.executor.spawn(pick_version(runtime.clock, *transport, agreed->choice));
    auto picked = co_await in_time(std::move(task), timer, kMissing);
    if (!picked) co_return std::unexpected(refuse(*transport, std::move(picked).error()));
    agreed->version = picked->version;
    greeting = *std::move(picked);
  }
  Start start(*agreed->version, std::move(greeting), true);
  auto connection = make_connection(runtime, std::move(transport), std::move(start));
  auto greeted =
      co_await in_time(runtime.executor.spawn(connection->read_greeting()), timer, kMissing);
  if (!greeted) {
    Error error = greeted.error();
    MOQ_LOG(warn, "net", "{}: {}", describe(*connection), error.describe());
    connection->close(error);
    co_return std::unexpected(std::move(error));
  }
  co_return Request(runtime, std::move(connection));
}

}  // namespace moq::net

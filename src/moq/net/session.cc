#include "moq/net/session.h"

#include <array>

#include "moq/base/log.h"
#include "moq/net/lite/internal/connection.h"
#include "moq/net/moqt/internal/connection.h"

namespace moq::net {
namespace {

constexpr std::array kSessionVersions = {Version::lite_06, Version::lite_05, Version::lite_04,
                                         Version::lite_03};

/// The version that the transport's protocol name stands for. Without a name the legacy SETUP
/// exchange would have to pick one.
Result<Version> agreed_version(const transport::Session& transport,
                               std::span<const Version> versions) {
  MOQ_TRY(const std::optional<Version> version,
          version_of_protocol(transport.protocol(), versions));
  if (!version) {
    return fail(Code::version,
                "the peer agreed on no protocol name, and no version is enabled "
                "that is negotiated without one");
  }
  return *version;
}

void fill_hop(SessionOptions& options) {
  if (options.hop != 0) return;
  if (options.publish) {
    options.hop = options.publish->hop();
  } else if (options.subscribe) {
    options.hop = options.subscribe->hop();
  }
}

std::shared_ptr<Connection> make_connection(Runtime runtime,
                                            std::unique_ptr<transport::Session> transport,
                                            Version version, bool server) {
  if (is_moqt(version)) {
    return std::make_shared<moqt::Connection>(runtime, std::move(transport), version, server);
  }
  return std::make_shared<lite::Connection>(runtime, std::move(transport), version, server);
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
  const auto version = agreed_version(*transport, versions);
  if (!version) {
    transport->close(to_code(version.error(), Scope::session), version.error().text);
    co_return std::unexpected(version.error());
  }
  fill_hop(options);
  auto connection = make_connection(runtime, std::move(transport), *version, false);
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
  const auto version = agreed_version(*transport, versions);
  if (!version) {
    transport->close(to_code(version.error(), Scope::session), version.error().text);
    co_return std::unexpected(version.error());
  }
  auto connection = make_connection(runtime, std::move(transport), *version, true);
  kio::Spawned<Result<void>> reading = runtime.executor.spawn(connection->read_greeting());
  kio::Timer timer(runtime.clock);
  timer.set_after(timeout);
  auto greeted = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<void>> {
    auto read = reading.poll_join(waiter);
    if (read) return read;
    if (timer.poll(waiter)) return fail(Code::control_timeout, "no SETUP from the client");
    return kio::kPending;
  });
  if (!greeted) {
    reading.cancel();
    Error error = greeted.error();
    MOQ_LOG(warn, "net", "{}: {}", describe(*connection), error.describe());
    connection->close(error);
    co_return std::unexpected(std::move(error));
  }
  co_return Request(runtime, std::move(connection));
}

}  // namespace moq::net

#include "moq/net/internal/connection.h"

#include <fmt/format.h>

#include "moq/base/log.h"
#include "moq/net/internal/session_stats_state.h"

namespace moq::net {
namespace {

constexpr std::string_view kLog = "net";

}  // namespace

std::string describe(const Connection& connection) {
  return fmt::format("{} {} {}", connection.transport().carrier(), to_string(connection.version()),
                     connection.transport().peer());
}

Connection::Connection(Runtime runtime, std::unique_ptr<transport::Session> transport,
                       Version version, bool server)
    : runtime_(runtime),
      transport_(std::move(transport)),
      version_(version),
      server_(server),
      answers_(runtime.executor),
      tasks_(runtime.executor) {
  if (const auto path = transport_->path()) path_ = *path;
}

Connection::~Connection() {
  end_tasks();
  end_stats();
  transport_->close(static_cast<std::uint64_t>(SessionCode::no_error), "dropped");
}

void Connection::end_tasks() {
  tasks_.clear();
  answers_.clear();
}

void Connection::start(SessionOptions options) {
  options_ = std::move(options);
  tasks_.spawn(watch_transport());
  start_protocol();
}

void Connection::mark_established() {
  if (status_.read()->established) return;
  status_.write([](Status& status) { return !std::exchange(status.established, true); });
}

void Connection::mark_greeted(std::optional<std::string> path) {
  if (server_ && !transport_->path()) path_ = std::move(path).value_or("");
  status_.write([](Status& status) {
    status.greeted = true;
    status.established = true;
    return true;
  });
}

void Connection::set_closed(const Error& error) {
  status_.write([&error](Status& status) {
    if (status.closed) return false;
    status.closed = error;
    return true;
  });
  end_stats();
}

void Connection::close(const Error& error) {
  const bool clean = error.code == Code::closed || error.code == Code::cancelled;
  const std::uint64_t code = clean ? 0 : close_code(error);
  transport_->close(code, clean ? std::string_view() : std::string_view(error.text));
  set_closed(error);
}

std::uint64_t Connection::close_code(const Error& error) const {
  return to_code(error, Scope::session);
}

Error Connection::read_close(Error ended) const {
  return from_transport(std::move(ended), Scope::session);
}

kio::Task<void> Connection::finish(Duration limit) {
  kio::Timer timer(runtime_.clock);
  timer.set_after(limit);
  co_await kio::wait([this, &timer](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (answers_.poll_empty(waiter) || timer.poll(waiter)) return kio::Unit{};
    return kio::kPending;
  });
  close(Error(Code::closed));
}

void Connection::send_goaway(std::string_view uri) {
  // A second one would be a violation.
  if (!has_goaway(version_) || std::exchange(goaway_sent_, true)) return;
  drain();
  tasks_.spawn(goaway_task(std::string(uri)));
}

void Connection::receive_goaway(std::string uri) {
  bool again = false;
  status_.write([&](Status& status) {
    again = status.goaway.has_value();
    if (again) return false;
    status.goaway = uri;
    return true;
  });
  if (again) {
    close(Error(Code::protocol_violation, "GOAWAY twice"));
    return;
  }
  MOQ_LOG(info, kLog, "{}: peer is going away, uri '{}'", describe(*this), uri);
  drain();
}

void Connection::drain() {
  draining_ = true;
  drain_protocol();
}

kio::Consumer<PathEstimate> Connection::probe() {
  if (!estimate_) {
    kio::Producer<PathEstimate> estimate;
    estimate_ = estimate.consume();
    if (!status_.read()->closed) tasks_.spawn(follow_probe(std::move(estimate)));
  }
  return estimate_->clone();
}

StatsReader Connection::stats_reader() {
  if (!stats_) {
    stats_ = std::make_shared<StatsReader::Shared>(transport_->stats_cell(), version_,
                                                   transport_->carrier());
    if (status_.read()->closed) {
      stats_->close();
    } else {
      tasks_.spawn(follow_stats(stats_));
    }
  }
  return StatsReader(stats_);
}

kio::Task<void> Connection::follow_stats(std::shared_ptr<StatsReader::Shared> stats) {
  auto wanted = [](const bool& now) -> kio::Poll<kio::Unit> {
    if (now) return kio::Unit{};
    return kio::kPending;
  };
  co_await stats->wanted.when(wanted);
  stats->follow(probe());
}

void Connection::end_stats() {
  if (stats_) stats_->close();
}

kio::Task<void> Connection::watch_transport() {
  const Error ended = co_await transport_->closed();
  const Error error = read_close(ended);
  set_closed(error);
  MOQ_LOG(debug, kLog, "{}: session over: {}", describe(*this), error.describe());
  end_tasks();
  stop_protocol();
}

kio::Task<void> Connection::expect_greeting() {
  kio::Timer timer(runtime_.clock);
  timer.set_after(kHandshakeTimeout);
  const bool greeted = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<bool> {
    if (poll_peer_ready(waiter)) return true;
    if (timer.poll(waiter)) return false;
    return kio::kPending;
  });
  if (greeted) co_return;
  MOQ_LOG(warn, kLog, "{}: no SETUP from the server", describe(*this));
  close(Error(Code::control_timeout, "no SETUP from the server"));
}

kio::Poll<kio::Unit> Connection::poll_peer_ready(const kio::Waiter& waiter) const {
  if (!has_greeting(version_)) return kio::Unit{};
  auto ready = status_.poll(waiter, [](const Status& status) -> kio::Poll<kio::Unit> {
    if (status.greeted) return kio::Unit{};
    return kio::kPending;
  });
  if (ready.pending()) return kio::kPending;
  return kio::Unit{};
}

kio::Poll<Error> Connection::poll_closed(const kio::Waiter& waiter) const {
  auto ended = status_.poll(waiter, [](const Status& status) -> kio::Poll<Error> {
    if (status.closed) return *status.closed;
    return kio::kPending;
  });
  if (ended.pending()) return kio::kPending;
  return **ended;
}

kio::Poll<std::string> Connection::poll_goaway(const kio::Waiter& waiter) const {
  auto asked = status_.poll(waiter, [](const Status& status) -> kio::Poll<std::string> {
    if (status.goaway) return *status.goaway;
    return kio::kPending;
  });
  if (asked.pending()) return kio::kPending;
  return **asked;
}

kio::Poll<Result<void>> Connection::poll_established(const kio::Waiter& waiter) const {
  auto known = status_.poll(waiter, [](const Status& status) -> kio::Poll<Result<void>> {
    if (status.closed) return Result<void>(std::unexpected(*status.closed));
    if (status.established) return Result<void>();
    return kio::kPending;
  });
  if (known.pending()) return kio::kPending;
  return **known;
}

}  // namespace moq::net

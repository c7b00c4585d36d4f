#include "moq/net/lite/internal/connection.h"

#include <fmt/format.h>

#include "moq/base/log.h"
#include "moq/net/internal/session_stats_state.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/internal/publisher.h"
#include "moq/net/lite/internal/subscriber.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";

/// Refuses a stream of a kind that cannot be: only that stream dies.
void refuse(Bidi& stream, std::string_view why, const Connection& connection) {
  MOQ_LOG(warn, kLog, "{}: refused a stream: {}", describe(connection), why);
  stream.send->reset(static_cast<std::uint32_t>(StreamCode::cancelled));
  stream.reader.stop(static_cast<std::uint32_t>(StreamCode::internal));
}

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
  tasks_.clear();
  answers_.clear();
  if (subscriber_) subscriber_->stop();
  end_stats();
  transport_->close(static_cast<std::uint64_t>(SessionCode::no_error), "dropped");
}

std::string_view Connection::request_path() const { return path_; }

void Connection::send_setup(Setup setup) {
  if (!has_setup_stream(version_)) return;
  tasks_.spawn([](Connection& self, Setup message) -> kio::Task<void> {
    auto stream = co_await self.transport_->open_uni();
    if (!stream) co_return;
    (*stream)->set_priority(transport::kControlPriority);
    (*stream)->write(encode_opening(UniType::setup, message, self.version_));
    (*stream)->finish();
  }(*this, std::move(setup)));
}

Result<void> Connection::apply_setup(Result<std::optional<Setup>> setup) {
  if (!setup) {
    // Whatever the peer did to its SETUP, it broke the rules of the session, not of a stream.
    const bool over = transport_->poll_closed(kio::Waiter::none()).ready();
    if (over) return std::unexpected(setup.error());
    return fail(Code::protocol_violation, "SETUP: " + setup.error().describe());
  }
  if (!*setup) return fail(Code::protocol_violation, "SETUP stream without SETUP");
  if (std::exchange(have_peer_setup_, true)) {
    return fail(Code::protocol_violation, "SETUP twice");
  }
  peer_setup_ = **std::move(setup);
  if (server_ && !transport_->path()) path_ = peer_setup_.path.value_or("");
  status_.write([this](Status& status) {
    status.peer_setup = peer_setup_;
    status.established = true;
    return true;
  });
  return {};
}

kio::Task<Result<void>> Connection::read_setup() {
  for (;;) {
    auto stream = co_await transport_->accept_uni();
    if (!stream) co_return std::unexpected(from_transport(stream.error(), Scope::session));
    StreamReader reader(*std::move(stream), version_);
    auto type = co_await reader.varint();
    if (!type || !*type) continue;  // That stream died; the client may still greet on another.
    if (**type != static_cast<std::uint64_t>(UniType::setup)) {
      MOQ_LOG(warn, kLog, "{}: refused a stream of type {} before SETUP", describe(*this), **type);
      reader.stop(static_cast<std::uint32_t>(StreamCode::internal));
      continue;
    }
    auto setup = co_await reader.message<Setup>();
    const auto applied = apply_setup(std::move(setup));
    if (applied) tasks_.spawn(read_end(std::move(reader)));
    co_return applied;
  }
}

kio::Task<void> Connection::read_end(StreamReader reader) {
  const auto ended = co_await reader.end();
  static_cast<void>(ended);
}

void Connection::start(SessionOptions options) {
  options_ = std::move(options);
  publisher_ = std::make_unique<Publisher>(*this);
  subscriber_ = std::make_unique<Subscriber>(*this);
  tasks_.spawn(watch_transport());
  tasks_.spawn(accept_bidi());
  tasks_.spawn(accept_uni());
  if (has_datagrams(version_)) tasks_.spawn(receive_datagrams());
  if (!server_ && has_setup_stream(version_)) tasks_.spawn(expect_setup());
  subscriber_->start();
}

void Connection::mark_established() {
  if (status_.read()->established) return;
  status_.write([](Status& status) { return !std::exchange(status.established, true); });
}

void Connection::close(const Error& error) {
  const bool clean = error.code == Code::closed || error.code == Code::cancelled;
  const std::uint32_t code = clean ? 0 : to_code(error, Scope::session);
  transport_->close(code, clean ? std::string_view() : std::string_view(error.text));
  status_.write([&error](Status& status) {
    if (status.closed) return false;
    status.closed = error;
    return true;
  });
  end_stats();
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

void Connection::drain() {
  draining_ = true;
  subscriber_->drain();
}

kio::Task<void> Connection::goaway_task(std::string uri) {
  auto stream = co_await transport_->open_bidi();
  if (!stream) co_return;
  stream->send->set_priority(transport::kControlPriority);
  Goaway message;
  message.uri = std::move(uri);
  stream->send->write(encode_opening(BidiType::goaway, message, version_));
  stream->send->finish();
  (void)co_await stream->send->finished();
}

kio::Consumer<PathEstimate> Connection::probe() {
  if (!estimate_) {
    kio::Producer<PathEstimate> estimate;
    estimate_ = estimate.consume();
    if (!status_.read()->closed) tasks_.spawn(subscriber_->follow_probe(std::move(estimate)));
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
  const Error error = from_transport(ended, Scope::session);
  status_.write([&error](Status& status) {
    if (status.closed) return false;
    status.closed = error;
    return true;
  });
  end_stats();
  MOQ_LOG(debug, kLog, "{}: session over: {}", describe(*this), error.describe());
  // Everything that served or followed tracks lets go of them now, so that they can resume.
  answers_.clear();
  tasks_.clear();
  subscriber_->stop();
}

kio::Task<void> Connection::accept_bidi() {
  for (;;) {
    auto accepted = co_await transport_->accept_bidi();
    if (!accepted) co_return;
    Bidi stream{std::move(accepted->send), StreamReader(std::move(accepted->recv), version_)};
    stream.send->set_priority(transport::kControlPriority);
    answers_.spawn(serve_bidi(std::move(stream)));
  }
}

kio::Task<void> Connection::serve_bidi(Bidi stream) {
  auto number = co_await stream.reader.varint();
  if (!number || !*number) {
    stream.send->reset(static_cast<std::uint32_t>(StreamCode::cancelled));
    co_return;
  }
  mark_established();
  const auto type = bidi_type(**number, version_);
  if (!type) {
    refuse(stream, fmt::format("unknown type {}", **number), *this);
    co_return;
  }
  switch (*type) {
    case BidiType::announce:
      // Announcements are no answer that a graceful end waits for.
      tasks_.spawn(publisher_->serve_announce(std::move(stream)));
      break;
    case BidiType::subscribe:
      co_await publisher_->serve_subscribe(std::move(stream));
      break;
    case BidiType::fetch:
      co_await publisher_->serve_fetch(std::move(stream));
      break;
    case BidiType::track:
      co_await publisher_->serve_track(std::move(stream));
      break;
    case BidiType::probe:
      tasks_.spawn(publisher_->serve_probe(std::move(stream)));
      break;
    case BidiType::goaway:
      stream.send->finish();
      co_await serve_goaway(std::move(stream.reader));
      break;
  }
}

kio::Task<void> Connection::serve_goaway(StreamReader reader) {
  auto message = co_await reader.message<Goaway>();
  if (!message || !*message) {
    MOQ_LOG(warn, kLog, "{}: ignored a malformed GOAWAY", describe(*this));
    co_return;
  }
  bool again = false;
  status_.write([&](Status& status) {
    again = status.goaway.has_value();
    if (again) return false;
    status.goaway = (*message)->uri;
    return true;
  });
  if (again) {
    close(Error(Code::protocol_violation, "GOAWAY twice"));
    co_return;
  }
  MOQ_LOG(info, kLog, "{}: peer is going away, uri '{}'", describe(*this), (*message)->uri);
  drain();
}

kio::Task<void> Connection::accept_uni() {
  for (;;) {
    auto stream = co_await transport_->accept_uni();
    if (!stream) co_return;
    tasks_.spawn(serve_uni(StreamReader(*std::move(stream), version_)));
  }
}

kio::Task<void> Connection::serve_uni(StreamReader reader) {
  auto number = co_await reader.varint();
  if (!number || !*number) co_return;
  const auto type = uni_type(**number, version_);
  if (!type) {
    MOQ_LOG(warn, kLog, "{}: refused a unidirectional stream of unknown type {}", describe(*this),
            **number);
    reader.stop(static_cast<std::uint32_t>(StreamCode::internal));
    co_return;
  }
  if (*type == UniType::setup) {
    co_await serve_setup(std::move(reader));
    co_return;
  }
  mark_established();
  co_await subscriber_->receive_group(std::move(reader));
}

kio::Task<void> Connection::serve_setup(StreamReader reader) {
  auto setup = co_await reader.message<Setup>();
  const auto applied = apply_setup(std::move(setup));
  if (applied) {
    co_await read_end(std::move(reader));
    co_return;
  }
  // At the session's end `watch_transport` tells the cause.
  if (applied.error().code != Code::protocol_violation) co_return;
  MOQ_LOG(warn, kLog, "{}: {}", describe(*this), applied.error().describe());
  close(applied.error());
}

kio::Task<void> Connection::receive_datagrams() {
  for (;;) {
    auto datagram = co_await transport_->recv_datagram();
    if (!datagram) co_return;
    subscriber_->receive_datagram(*datagram);
  }
}

kio::Poll<kio::Unit> Connection::poll_peer_ready(const kio::Waiter& waiter) const {
  if (!has_setup_stream(version_)) return kio::Unit{};
  auto ready = status_.poll(waiter, [](const Status& status) -> kio::Poll<kio::Unit> {
    if (status.peer_setup) return kio::Unit{};
    return kio::kPending;
  });
  if (ready.pending()) return kio::kPending;
  return kio::Unit{};
}

kio::Task<void> Connection::expect_setup() {
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

}  // namespace moq::net::lite

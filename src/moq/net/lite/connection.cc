#include "moq/net/lite/internal/connection.h"

#include <fmt/format.h>

#include "moq/base/log.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/internal/publisher.h"
#include "moq/net/lite/internal/subscriber.h"
#include "moq/net/lite/legacy_setup.h"

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

Connection::Connection(Runtime runtime, std::unique_ptr<transport::Session> transport,
                       Version version, bool server, std::optional<LegacyGreeting> greeting)
    : net::Connection(runtime, std::move(transport), version, server) {
  MOQ_ASSERT(greeting.has_value() == has_legacy_setup(version));
  if (!greeting) return;
  session_stream_.emplace(std::move(greeting->send),
                          StreamReader(std::move(greeting->recv), version));
}

Connection::~Connection() {
  end_tasks();
  if (subscriber_) subscriber_->stop();
}

bool Connection::peer_publishes() const { return peer_setup_.role != Role::subscriber; }
bool Connection::peer_subscribes() const { return peer_setup_.role != Role::publisher; }

void Connection::greet(const SessionOptions& options, std::optional<std::string> path) {
  if (server() && session_stream_) {
    ServerSetup setup;
    setup.version = setup_code(version());
    session_stream_->send->write(setup.encode());
  }
  if (!has_setup_stream(version())) return;
  Setup setup;
  setup.probe = ProbeLevel::report;
  setup.cost = options.link_cost;
  setup.hop = options.hop;
  if (path && !path->empty()) setup.path = std::move(path);
  if (!server()) {
    if (!options.subscribe) {
      setup.role = Role::publisher;
    } else if (!options.publish) {
      setup.role = Role::subscriber;
    }
  }
  tasks().spawn(send_setup(std::move(setup)));
}

kio::Task<void> Connection::send_setup(Setup setup) {
  auto stream = co_await transport().open_uni();
  if (!stream) co_return;
  (*stream)->set_priority(transport::kControlPriority);
  (*stream)->write(encode_opening(UniType::setup, setup, version()));
  (*stream)->finish();
}

Result<void> Connection::apply_setup(Result<std::optional<Setup>> setup) {
  if (!setup) {
    // Whatever the peer did to its SETUP, it broke the rules of the session, not of a stream.
    if (transport_over()) return std::unexpected(setup.error());
    return fail(Code::protocol_violation, "SETUP: " + setup.error().describe());
  }
  if (!*setup) return fail(Code::protocol_violation, "SETUP stream without SETUP");
  if (std::exchange(have_peer_setup_, true)) {
    return fail(Code::protocol_violation, "SETUP twice");
  }
  peer_setup_ = **std::move(setup);
  mark_greeted(peer_setup_.path);
  return {};
}

kio::Task<Result<void>> Connection::read_greeting() {
  if (!has_setup_stream(version())) co_return Result<void>();
  for (;;) {
    auto stream = co_await transport().accept_uni();
    if (!stream) co_return std::unexpected(from_transport(stream.error(), Scope::session));
    StreamReader reader(*std::move(stream), version());
    auto type = co_await reader.varint();
    if (!type || !*type) continue;  // That stream died; the client may still greet on another.
    if (**type != static_cast<std::uint64_t>(UniType::setup)) {
      MOQ_LOG(warn, kLog, "{}: refused a stream of type {} before SETUP", describe(*this), **type);
      reader.stop(static_cast<std::uint32_t>(StreamCode::internal));
      continue;
    }
    auto setup = co_await reader.message<Setup>();
    const auto applied = apply_setup(std::move(setup));
    if (applied) tasks().spawn(read_end(std::move(reader)));
    co_return applied;
  }
}

kio::Task<void> Connection::read_end(StreamReader reader) {
  const auto ended = co_await reader.end();
  static_cast<void>(ended);
}

void Connection::start_protocol() {
  publisher_ = std::make_unique<Publisher>(*this);
  subscriber_ = std::make_unique<Subscriber>(*this);
  tasks().spawn(accept_bidi());
  tasks().spawn(accept_uni());
  if (has_datagrams(version())) tasks().spawn(receive_datagrams());
  if (session_stream_) {
    mark_established();  // The peer's SETUP was read before.
    tasks().spawn(follow_session_stream());
  }
  if (!server() && has_setup_stream(version())) tasks().spawn(expect_greeting());
  subscriber_->start();
}

void Connection::stop_protocol() { subscriber_->stop(); }

void Connection::drain_protocol() { subscriber_->drain(); }

kio::Task<void> Connection::goaway_task(std::string uri) {
  auto stream = co_await transport().open_bidi();
  if (!stream) co_return;
  stream->send->set_priority(transport::kControlPriority);
  Goaway message;
  message.uri = std::move(uri);
  stream->send->write(encode_opening(BidiType::goaway, message, version()));
  stream->send->finish();
  (void)co_await stream->send->finished();
}

kio::Task<void> Connection::follow_probe(kio::Producer<PathEstimate> out) {
  return subscriber_->follow_probe(std::move(out));
}

kio::Task<void> Connection::accept_bidi() {
  for (;;) {
    auto accepted = co_await transport().accept_bidi();
    if (!accepted) co_return;
    Bidi stream{std::move(accepted->send), StreamReader(std::move(accepted->recv), version())};
    stream.send->set_priority(transport::kControlPriority);
    answers().spawn(serve_bidi(std::move(stream)));
  }
}

kio::Task<void> Connection::serve_bidi(Bidi stream) {
  auto number = co_await stream.reader.varint();
  if (!number || !*number) {
    stream.send->reset(static_cast<std::uint32_t>(StreamCode::cancelled));
    co_return;
  }
  mark_established();
  const auto type = bidi_type(**number, version());
  if (!type) {
    refuse(stream, fmt::format("unknown type {}", **number), *this);
    co_return;
  }
  switch (*type) {
    case BidiType::announce:
      // Announcements are no answer that a graceful end waits for.
      tasks().spawn(publisher_->serve_announce(std::move(stream)));
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
      tasks().spawn(publisher_->serve_probe(std::move(stream)));
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
  receive_goaway((*message)->uri);
}

kio::Task<void> Connection::accept_uni() {
  for (;;) {
    auto stream = co_await transport().accept_uni();
    if (!stream) co_return;
    tasks().spawn(serve_uni(StreamReader(*std::move(stream), version())));
  }
}

kio::Task<void> Connection::serve_uni(StreamReader reader) {
  auto number = co_await reader.varint();
  if (!number || !*number) co_return;
  const auto type = uni_type(**number, version());
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

kio::Task<void> Connection::follow_session_stream() {
  for (;;) {
    auto info = co_await session_stream_->reader.message<SessionInfo>();
    if (info && *info) continue;  // Estimates of the bandwidth: nobody asks for them.
    Error error(Code::closed);
    if (!info) {
      error = info.error();
      // WebTransport resets the streams of a session that closes, and the cause comes behind them.
      if (error.wire) co_await kio::sleep(clock(), kCloseFollows);
      if (error.code == Code::decode) error.code = Code::protocol_violation;
    }
    if (!transport_over()) close(error.with_context("session stream"));
    co_return;
  }
}

kio::Task<void> Connection::receive_datagrams() {
  for (;;) {
    auto datagram = co_await transport().recv_datagram();
    if (!datagram) co_return;
    subscriber_->receive_datagram(*datagram);
  }
}

}  // namespace moq::net::lite

#include "moq/net/moqt/internal/connection.h"

#include <algorithm>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/control_stream.h"
#include "moq/net/moqt/internal/publisher.h"
#include "moq/net/moqt/internal/subscriber.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";
constexpr std::string_view kImplementation = "libmoq";
/// WebTransport resets the streams of a session that closes, and the cause comes behind them.
constexpr Duration kCloseFollows = 1s;

/// Whatever a peer did to its SETUP, it broke the rules of the session, not of a stream.
std::unexpected<Error> bad_setup(const Error& error) {
  return std::unexpected(Error(Code::protocol_violation, "SETUP: " + error.describe()));
}

/// A SETUP without its frame, of the type that `sender` has.
Result<Setup> decode_setup(const RawMessage& raw, Role sender, Draft draft) {
  const std::uint64_t type = has_request_streams(draft) ? kSetupType
                             : sender == Role::client   ? kClientSetupType
                                                        : kServerSetupType;
  if (raw.type != type) return fail(Code::protocol_violation, "no SETUP at first");
  auto message = decode_message(raw, draft);
  if (!message) return bad_setup(message.error());
  return std::get<Setup>(*std::move(message));
}

}  // namespace

Connection::Connection(Runtime runtime, std::unique_ptr<transport::Session> transport,
                       Version version, bool server, std::optional<LegacyGreeting> greeting)
    : net::Connection(runtime, std::move(transport), version, server),
      draft_(Draft{draft_number(version)}),
      ids_(server, draft_),
      control_(std::make_unique<ControlStream>(*this)) {
  MOQ_ASSERT(greeting.has_value() == has_legacy_setup(version));
  if (!greeting) return;
  control_->open(std::move(greeting->send));
  early_control_.emplace(std::move(greeting->recv), draft_);
  early_setup_ = RawMessage{.type = server ? kClientSetupType : kServerSetupType,
                            .body = std::move(greeting->setup)};
}

Connection::~Connection() {
  end_tasks();
  if (subscriber_) subscriber_->stop();
}

bool Connection::has_own_stream(RequestKind kind) const {
  return has_request_streams(draft_) ||
         (kind == RequestKind::subscribe_namespace && has_namespace_streams(draft_));
}

std::uint64_t Connection::close_code(const Error& error) const {
  return to_close_code(error, draft_);
}

Error Connection::read_close(Error ended) const {
  if (ended.code != Code::closed || !ended.wire) return ended;
  return from_close_code(*ended.wire, std::move(ended.text));
}

void Connection::violated(const Error& error) {
  if (transport_over()) return;
  MOQ_LOG(warn, kLog, "{}: {}", describe(*this), error.describe());
  const bool names_a_code = error.wire || error.code != Code::decode;
  close(names_a_code ? error : Error(Code::protocol_violation, error.text));
}

// --- SETUP --------------------------------------------------------------------------------------

Setup Connection::own_setup(const SessionOptions& options, std::optional<std::string> path) const {
  Setup setup;
  setup.sender = server() ? Role::server : Role::client;
  setup.versions = {version_number(draft_)};
  setup.implementation = kImplementation;
  setup.max_request_id = kMaxRequestId;
  if (!server() && path) {
    if (!path->empty()) setup.path = std::move(path);
    setup.authority = options.authority;
  }
  return setup;
}

void Connection::greet(const SessionOptions& options, std::optional<std::string> path) {
  if (early_setup_ && !server()) {
    // Ours went out in the exchange.
    const auto applied = receive_setup(std::exchange(early_setup_, std::nullopt));
    if (!applied) violated(applied.error());
    return;
  }
  auto bytes = encode_message(own_setup(options, std::move(path)), draft_);
  if (!bytes) {
    close(bytes.error().with_context("SETUP"));
    return;
  }
  control_->send(*std::move(bytes));
  if (has_request_streams(draft_) || !server()) tasks().spawn(open_control());
}

kio::Task<void> Connection::open_control() {
  if (has_request_streams(draft_)) {
    auto stream = co_await transport().open_uni();
    if (stream) control_->open(*std::move(stream));
    co_return;
  }
  auto stream = co_await transport().open_bidi();
  if (!stream) co_return;
  control_->open(std::move(stream->send));
  StreamReader reader(std::move(stream->recv), draft_);
  auto raw = co_await reader.raw();
  co_await serve_control(std::move(reader), std::move(raw));
}

kio::Task<void> Connection::close_to_follow() {
  // `watch_transport` tells the cause, and ends this task.
  co_await kio::sleep(clock(), kCloseFollows);
}

kio::Task<void> Connection::serve_control(StreamReader reader,
                                          Result<std::optional<RawMessage>> raw) {
  const bool broke_off = raw ? !*raw : raw.error().code != Code::decode;
  if (broke_off) co_await close_to_follow();
  auto applied = receive_setup(std::move(raw));
  if (!applied) {
    violated(applied.error());
    co_return;
  }
  co_await control_->read(std::move(reader));
}

Result<void> Connection::receive_setup(Result<std::optional<RawMessage>> raw) {
  if (!raw) {
    if (transport_over()) return std::unexpected(raw.error());
    return bad_setup(raw.error());
  }
  if (!*raw) return fail(Code::protocol_violation, "control stream without SETUP");
  const Role sender = server() ? Role::client : Role::server;
  MOQ_TRY(const Setup setup, decode_setup(**raw, sender, draft_));
  return apply_setup(setup);
}

Result<void> Connection::apply_setup(const Setup& setup) {
  const auto refuse = [](CloseCode code, std::string text) {
    return std::unexpected(close_error(code, std::move(text)));
  };
  if (std::exchange(have_peer_setup_, true)) {
    return refuse(CloseCode::protocol_violation, "SETUP twice");
  }
  if (has_version_list(draft_) &&
      std::ranges::find(setup.versions, version_number(draft_)) == setup.versions.end()) {
    return refuse(CloseCode::version_negotiation_failed, "no version in common");
  }
  const bool may_name_place = server() && !transport().path();
  if (setup.path && !may_name_place) return refuse(CloseCode::invalid_path, "PATH out of place");
  if (setup.authority && !may_name_place) {
    return refuse(CloseCode::invalid_authority, "AUTHORITY out of place");
  }
  peer_setup_ = setup;
  if (has_max_request_id(draft_)) MOQ_CHECK(ids_.raise(setup.max_request_id));
  MOQ_LOG(debug, kLog, "{}: peer is '{}'", describe(*this), setup.implementation);
  mark_greeted(setup.path);
  return {};
}

kio::Task<Result<void>> Connection::read_greeting() {
  if (early_setup_) co_return receive_setup(std::exchange(early_setup_, std::nullopt));
  if (!has_request_streams(draft_)) {
    auto stream = co_await transport().accept_bidi();
    if (!stream) co_return std::unexpected(read_close(stream.error()));
    control_->open(std::move(stream->send));
    early_control_.emplace(std::move(stream->recv), draft_);
    auto raw = co_await early_control_->raw();
    co_return receive_setup(std::move(raw));
  }
  for (;;) {
    auto stream = co_await transport().accept_uni();
    if (!stream) co_return std::unexpected(read_close(stream.error()));
    StreamReader reader(*std::move(stream), draft_);
    auto type = co_await reader.varint();
    if (!type || !*type) continue;  // That stream died; the client may still greet on another.
    if (stream_kind(**type, draft_) != StreamKind::control) {
      MOQ_LOG(debug, kLog, "{}: dropped a stream of type {} before SETUP", describe(*this), **type);
      reader.stop(to_reset_code(Error(Code::cancelled), draft_));
      continue;
    }
    auto body = co_await reader.body();
    auto greeted = receive_setup(to_raw(std::move(body)));
    if (greeted) early_control_.emplace(std::move(reader));
    co_return greeted;
  }
}

Result<std::optional<RawMessage>> Connection::to_raw(Result<Bytes> body) {
  if (!body) return std::unexpected(body.error());
  return RawMessage{.type = kSetupType, .body = *std::move(body)};
}

// --- The protocol -------------------------------------------------------------------------------

void Connection::start_protocol() {
  publisher_ = std::make_unique<Publisher>(*this);
  subscriber_ = std::make_unique<Subscriber>(*this);
  if (early_control_) {
    tasks().spawn(control_->read(*std::exchange(early_control_, std::nullopt)));
  }
  tasks().spawn(accept_bidi());
  tasks().spawn(accept_uni());
  tasks().spawn(receive_datagrams());
  if (!server()) tasks().spawn(expect_greeting());
  publisher_->start();
  subscriber_->start();
}

void Connection::stop_protocol() { subscriber_->stop(); }

void Connection::drain_protocol() { subscriber_->drain(); }

kio::Task<void> Connection::goaway_task(std::string uri) {
  Goaway message;
  // Only a server can tell where to go.
  if (server()) message.uri = std::move(uri);
  if (has_goaway_request_id(draft_)) message.request_id = 0;
  if (auto bytes = encode_message(message, draft_)) control_->send(*std::move(bytes));
  co_return;
}

void Connection::apply_goaway(const Goaway& goaway) {
  if (server() && !goaway.uri.empty()) {
    violated(close_error(CloseCode::protocol_violation, "GOAWAY with a URI from a client"));
    return;
  }
  receive_goaway(goaway.uri);
}

kio::Task<void> Connection::follow_probe(kio::Producer<PathEstimate> out) {
  // Nothing in the protocol asks a peer what it measures.
  static_cast<void>(out);
  co_return;
}

void Connection::serve(IncomingRequest request) {
  if (served_ > kMaxRequests) {
    request.reject(RequestCode::excessive_load, "too many requests");
    return;
  }
  // An answer is what a graceful end waits for.
  switch (request.kind()) {
    case RequestKind::subscribe:
      answers().spawn(publisher_->serve_subscribe(std::move(request)));
      break;
    case RequestKind::fetch:
      answers().spawn(publisher_->serve_fetch(std::move(request)));
      break;
    case RequestKind::track_status:
      answers().spawn(publisher_->serve_track_status(std::move(request)));
      break;
    case RequestKind::subscribe_namespace:
      tasks().spawn(publisher_->serve_subscribe_namespace(std::move(request)));
      break;
    case RequestKind::subscribe_tracks:
      tasks().spawn(publisher_->serve_subscribe_tracks(std::move(request)));
      break;
    case RequestKind::publish:
      tasks().spawn(subscriber_->serve_publish(std::move(request)));
      break;
    case RequestKind::publish_namespace:
      tasks().spawn(subscriber_->serve_publish_namespace(std::move(request)));
      break;
    default:
      request.reject(RequestCode::not_supported, "");
      break;
  }
}

kio::Task<void> Connection::accept_bidi() {
  for (;;) {
    auto accepted = co_await transport().accept_bidi();
    if (!accepted) co_return;
    if (!has_namespace_streams(draft_)) {
      violated(close_error(CloseCode::protocol_violation, "a second bidirectional stream"));
      co_return;
    }
    accepted->send->set_priority(transport::kControlPriority);
    tasks().spawn(serve_bidi(
        Bidi{std::move(accepted->send), StreamReader(std::move(accepted->recv), draft_)}));
  }
}

kio::Task<void> Connection::serve_bidi(Bidi stream) {
  auto message = co_await stream.reader.message();
  if (!message) {
    if (message.error().code == Code::decode) violated(message.error());
    co_return;
  }
  if (!*message) co_return;
  Message& request = **message;
  const auto kind = request_kind(request);
  if (!kind || !has_own_stream(*kind)) {
    violated(close_error(CloseCode::protocol_violation,
                         std::string(name_of(request)) + " begins a bidirectional stream"));
    co_return;
  }
  if (auto accepted = ids_.accept(request_id_of(request)); !accepted) {
    violated(accepted.error());
    co_return;
  }
  co_await peer_ready();
  serve(IncomingRequest(*this, std::move(request), stream_channel(std::move(stream))));
}

kio::Task<void> Connection::accept_uni() {
  for (;;) {
    auto stream = co_await transport().accept_uni();
    if (!stream) co_return;
    tasks().spawn(serve_uni(StreamReader(*std::move(stream), draft_)));
  }
}

kio::Task<void> Connection::serve_uni(StreamReader reader) {
  auto type = co_await reader.varint();
  if (!type || !*type) co_return;
  switch (stream_kind(**type, draft_)) {
    case StreamKind::control: {
      auto body = co_await reader.body();
      co_await serve_control(std::move(reader), to_raw(std::move(body)));
      break;
    }
    case StreamKind::subgroup:
      co_await subscriber_->receive_subgroup(std::move(reader), **type);
      break;
    case StreamKind::fetch:
      co_await subscriber_->receive_fetch(std::move(reader));
      break;
    case StreamKind::padding: {
      const auto ended = co_await reader.discard();
      static_cast<void>(ended);
      break;
    }
    case StreamKind::unknown:
      violated(close_error(CloseCode::protocol_violation,
                           "a stream of unknown type " + std::to_string(**type)));
      break;
  }
}

kio::Task<void> Connection::receive_datagrams() {
  for (;;) {
    auto bytes = co_await transport().recv_datagram();
    if (!bytes) co_return;
    auto datagram = Datagram::decode(*bytes, draft_);
    if (!datagram) {
      violated(close_error(CloseCode::protocol_violation,
                           "datagram: " + std::string(to_string(datagram.error()))));
      co_return;
    }
    if (*datagram) subscriber_->receive_datagram(**datagram);
  }
}

}  // namespace moq::net::moqt

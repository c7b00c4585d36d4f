#include "moq/transport/webtransport/internal/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "moq/base/log.h"
#include "moq/http/head.h"
#include "moq/transport/code_mapping.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::size_t kReadBytes = 16384;

/// What the end of the QUIC session means for the session on it.
Error session_error(const Error& quic) {
  if (quic.code != Code::closed || !quic.wire) return quic;
  if (const auto code = from_wire_code(*quic.wire)) return Error(Code::closed, quic.text, *code);
  const auto code = static_cast<H3Code>(*quic.wire);
  std::string text = fmt::format("{} ({:#x})", to_string(code), *quic.wire);
  if (!quic.text.empty()) text += ": " + quic.text;
  return Error(code == H3Code::no_error ? Code::closed : Code::transport, std::move(text));
}

/// Closes the session when the driver's coroutine goes, whatever the reason.
class AbandonAtExit {
 public:
  explicit AbandonAtExit(Core& core) : core_(core) {}
  AbandonAtExit(const AbandonAtExit&) = delete;
  AbandonAtExit& operator=(const AbandonAtExit&) = delete;
  ~AbandonAtExit() { core_.abandon(); }

 private:
  Core& core_;
};

}  // namespace

kio::Task<void> drive(kio::Clock& clock, std::shared_ptr<Core> core) {
  kio::Timer linger(clock);
  const AbandonAtExit guard(*core);
  co_await kio::wait(
      [&core, &linger](const Waiter& waiter) { return core->poll_drive(waiter, linger); });
}

Core::Core(Role role, std::unique_ptr<Session> quic, const Limits& limits, Bytes request)
    : role_(role),
      quic_(std::move(quic)),
      request_bytes_(std::move(request)),
      incoming_(role, limits),
      control_(role) {}

// --- Ends ---------------------------------------------------------------------------------------

void Core::end_with(Error why) {
  if (end_) return;
  end_ = std::move(why);
  incoming_.clear();
  on_command_.wake();
  on_handshake_.wake();
  on_end_.wake();
}

void Core::close_quic(std::uint64_t code, std::string_view reason) {
  if (std::exchange(quic_closed_, true)) return;
  quic_->close(code, reason);
}

void Core::fail(H3Code code, Error why) {
  if (end_) return;
  close_quic(std::to_underlying(code), why.text);
  end_with(std::move(why));
}

void Core::violate(const H3Error& error) {
  if (end_) return;
  MOQ_LOG(warn, "webtransport", "{}: closing with {}: {}", quic_->peer(), to_string(error.code),
          error.text);
  fail(error.code, Error(Code::protocol_violation, error.text));
}

void Core::close(std::uint64_t code, std::string_view reason) {
  if (end_) return;
  const CloseInfo close{static_cast<std::uint32_t>(std::min<std::uint64_t>(code, UINT32_MAX)),
                        cut_reason(reason)};
  Error why(Code::closed, close.reason, close.code);
  if (!established_) return fail(H3Code::request_cancelled, std::move(why));
  connect_send_->write(encode_close(close));
  connect_send_->finish();
  goodbye_ = Goodbye{to_wire_code(close.code), close.reason};
  end_with(std::move(why));
}

void Core::abandon() {
  end_with(Error(Code::cancelled, "the session's tasks were dropped"));
  if (goodbye_) return close_quic(goodbye_->code, goodbye_->reason);
  close_quic(established_ ? to_wire_code(0) : std::to_underlying(H3Code::no_error), "");
}

Poll<Error> Core::poll_closed(const Waiter& waiter) {
  if (end_) return *end_;
  on_end_.add(waiter);
  return kio::kPending;
}

Duration Core::linger_time() const {
  const Duration rtt = quic_->stats().rtt.value_or(Duration::zero());
  return std::clamp(std::min(rtt, kMaxLinger) * 3, kMinLinger, kMaxLinger);
}

// --- The driver ---------------------------------------------------------------------------------

Poll<Unit> Core::poll_drive(const Waiter& waiter, kio::Timer& linger) {
  if (!end_) {
    on_command_.add(waiter);
    poll_protocol(waiter);
  }
  if (!end_) return kio::kPending;
  return poll_shutdown(waiter, linger);
}

void Core::poll_protocol(const Waiter& waiter) {
  open_control(waiter);
  if (auto sorted = incoming_.poll(*quic_, waiter); !sorted) return violate(sorted.error());
  adopt_streams();
  read_connect(waiter);
  if (end_) return;
  // After the CONNECT stream, which says more of a close; before the control stream, whose end is
  // no violation if all ends.
  if (auto closed = quic_->poll_closed(waiter)) {
    quic_closed_ = true;
    return end_with(session_error(*closed));
  }
  read_control(waiter);
  if (!end_ && role_ == Role::client) open_connect(waiter);
}

Poll<Unit> Core::poll_shutdown(const Waiter& waiter, kio::Timer& linger) {
  if (quic_closed_) return Unit{};
  if (quic_->poll_closed(waiter)) {
    quic_closed_ = true;
    return Unit{};
  }
  if (!linger.deadline()) linger.set_after(linger_time());
  if (linger.poll(waiter).pending()) return kio::kPending;
  close_quic(goodbye_->code, goodbye_->reason);
  return Unit{};
}

void Core::open_control(const Waiter& waiter) {
  if (control_send_) return;
  auto opened = quic_->poll_open_uni(waiter);
  if (!opened || !*opened) return;
  control_send_ = std::move(**opened);
  control_send_->set_priority(kControlPriority);
  control_send_->write(encode_control_preface());
}

void Core::open_connect(const Waiter& waiter) {
  if (connect_send_ || !control_.settings() || !control_send_) return;
  auto opened = quic_->poll_open_bidi(waiter);
  if (!opened || !*opened) return;
  connect_send_ = std::move((*opened)->send);
  connect_recv_ = std::move((*opened)->recv);
  connect_send_->set_priority(kControlPriority);
  connect_send_->write(std::exchange(request_bytes_, {}));
  read_connect(waiter);
}

void Core::adopt_streams() {
  if (std::optional<IncomingStream> control = incoming_.take_control()) {
    control_recv_ = std::move(control->recv);
    take_control_bytes(control->read.span());
  }
  if (end_) return;
  if (std::optional<IncomingStream> request = incoming_.take_request()) {
    connect_send_ = std::move(request->send);
    connect_recv_ = std::move(request->recv);
    connect_send_->set_priority(kControlPriority);
    connect_.push(request->read.span());
    take_connect_events();
  }
}

// --- The control stream -------------------------------------------------------------------------

void Core::read_control(const Waiter& waiter) {
  while (!end_ && control_recv_) {
    auto chunk = control_recv_->poll_read(waiter, kReadBytes);
    if (chunk.pending()) return;
    if (!*chunk || (*chunk)->empty()) {
      return violate({H3Code::closed_critical_stream, "the peer closed its control stream"});
    }
    take_control_bytes((*chunk)->span());
  }
}

void Core::take_control_bytes(ByteSpan bytes) {
  const bool had_settings = control_.settings().has_value();
  if (auto taken = control_.push(bytes); !taken) return violate(taken.error());
  if (control_.going_away() && !std::exchange(goaway_logged_, true)) {
    MOQ_LOG(info, "webtransport", "{}: GOAWAY of HTTP/3; the session goes on", quic_->peer());
  }
  if (had_settings || !control_.settings()) return;
  if (role_ == Role::server) return check_request();
  if (!peer_supports_webtransport()) {
    fail(H3Code::settings_error, Error(Code::unsupported, "the server speaks no WebTransport"));
  }
}

bool Core::peer_supports_webtransport() const {
  return control_.settings()->datagrams && control_.settings()->webtransport;
}

// --- The CONNECT stream -------------------------------------------------------------------------

void Core::read_connect(const Waiter& waiter) {
  while (!end_ && connect_recv_) {
    auto chunk = connect_recv_->poll_read(waiter, kReadBytes);
    if (chunk.pending()) return;
    if (!*chunk) {
      if (quic_ended()) return;
      return fail(H3Code::no_error, Error(Code::transport, "the peer reset the CONNECT stream"));
    }
    if ((*chunk)->empty()) return finish_connect();
    connect_.push((*chunk)->span());
    take_connect_events();
  }
}

void Core::take_connect_events() {
  while (!end_) {
    auto event = connect_.next();
    if (!event) return violate(event.error());
    if (std::holds_alternative<ConnectStream::NeedMore>(*event)) return;
    if (const auto* headers = std::get_if<std::vector<Header>>(&*event)) {
      take_headers(*headers);
    } else {
      take_close(std::get<CloseInfo>(*event));
    }
  }
}

void Core::finish_connect() {
  const auto close = connect_.finish();
  if (!close) return violate(close.error());
  take_close(*close);
}

void Core::take_close(const CloseInfo& close) {
  close_quic(to_wire_code(close.code), close.reason);
  end_with(Error(Code::closed, close.reason, close.code));
}

void Core::take_headers(const std::vector<Header>& headers) {
  if (role_ == Role::server) {
    take_request(headers);
  } else {
    take_response(headers);
  }
}

void Core::take_request(const std::vector<Header>& headers) {
  auto request = parse_request(headers);
  if (request) {
    request_ = *std::move(request);
    return check_request();
  }
  const Refusal& refusal = request.error();
  MOQ_LOG(info, "webtransport", "{}: status {}: {}", quic_->peer(), refusal.status, refusal.text);
  const Code code = refusal.status == 400 ? Code::protocol_violation : Code::unsupported;
  refuse(refusal.status, Error(code, refusal.text));
}

void Core::check_request() {
  if (!request_ || !control_.settings()) return;
  if (!peer_supports_webtransport()) {
    return fail(H3Code::settings_error,
                Error(Code::unsupported, "the client's SETTINGS allow no WebTransport"));
  }
  request_ready_ = true;
  on_handshake_.wake();
}

void Core::take_response(const std::vector<Header>& headers) {
  auto response = parse_response(headers);
  if (!response) return violate(response.error());
  if (response->status < 200) {
    if (++informational_ > kMaxInformational) {
      return violate({H3Code::excessive_load, "too many informational answers"});
    }
    return connect_.expect_more_headers();
  }
  if (response->status != 200) return fail(H3Code::no_error, http::status_error(response->status));
  response_ = *std::move(response);
  on_handshake_.wake();
}

// --- The handshake, for its callers -------------------------------------------------------------

Poll<Result<ConnectRequest>> Core::poll_request(const Waiter& waiter) {
  if (end_) return Result<ConnectRequest>(std::unexpected(*end_));
  if (request_ready_) return Result<ConnectRequest>(*request_);
  on_handshake_.add(waiter);
  return kio::kPending;
}

Poll<Result<ConnectResponse>> Core::poll_response(const Waiter& waiter) {
  // An answer that came together with the session's end still counts.
  if (response_) return Result<ConnectResponse>(*response_);
  if (end_) return Result<ConnectResponse>(std::unexpected(*end_));
  on_handshake_.add(waiter);
  return kio::kPending;
}

void Core::accept(const std::string& protocol) {
  if (end_) return;
  established_ = true;
  connect_send_->write(encode_response({.status = 200, .protocol = protocol}));
}

void Core::refuse(int status, Error why) {
  if (end_) return;
  connect_send_->write(encode_response({.status = status, .protocol = {}}));
  connect_send_->finish();
  goodbye_ = Goodbye{std::to_underlying(H3Code::no_error), {}};
  end_with(std::move(why));
}

}  // namespace moq::transport::webtransport

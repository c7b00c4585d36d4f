// How a connection ends: errors of either side, the close and what follows it.
#include "moq/base/log.h"
#include "moq/base/wire.h"
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/internal/endpoint.h"

namespace moq::transport::quic::internal {
namespace {

// RFC 9000 §20.1: CRYPTO_ERROR carries a TLS alert in its low byte.
bool is_tls_alert(std::uint64_t code) { return code >= 0x100 && code <= 0x1ff; }

std::string transport_code_name(std::uint64_t code) {
  static constexpr const char* kNames[] = {"no error",
                                           "internal error",
                                           "connection refused",
                                           "flow control error",
                                           "stream limit error",
                                           "stream state error",
                                           "final size error",
                                           "frame encoding error",
                                           "transport parameter error",
                                           "connection id limit error",
                                           "protocol violation",
                                           "invalid token",
                                           "application error",
                                           "crypto buffer exceeded",
                                           "key update error",
                                           "AEAD limit reached",
                                           "no viable path"};
  if (code < std::size(kNames)) return kNames[code];
  return fmt::format("code {:#x}", code);
}

/// A peer's text, made safe for a log.
std::string clean_reason(ByteSpan reason) {
  std::string text(as_text(reason.subspan(0, std::min(reason.size(), kMaxReasonBytes))));
  if (!is_utf8(as_bytes(text))) return "(reason is not text)";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

Error Conn::peer_close_error() const {
  if (stateless_reset_) {
    return Error(Code::transport, "stateless reset: the peer no longer knows this session");
  }
  const ngtcp2_ccerr* close = ngtcp2_conn_get_ccerr(conn_.get());
  const std::string reason = clean_reason({close->reason, close->reasonlen});
  if (close->type == NGTCP2_CCERR_TYPE_APPLICATION) {
    return Error(Code::closed, reason, close->error_code);
  }
  if (is_tls_alert(close->error_code)) {
    return alert_error(static_cast<std::uint8_t>(close->error_code), "the peer refuses");
  }
  if (close->error_code == NGTCP2_NO_ERROR) return Error(Code::closed, reason);
  std::string text = "the peer closed: " + transport_code_name(close->error_code);
  if (!reason.empty()) text += " (" + reason + ")";
  const bool refused = close->error_code == NGTCP2_CONNECTION_REFUSED;
  return Error(refused ? Code::refused : Code::transport, std::move(text));
}

Error Conn::local_error(int error) const {
  switch (error) {
    case NGTCP2_ERR_IDLE_CLOSE:
      return Error(Code::timeout, fmt::format("nothing heard from the peer for {} ms",
                                              to_ms(parameters_.idle_timeout)));
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return Error(Code::timeout, fmt::format("no QUIC handshake within {} ms",
                                              to_ms(parameters_.handshake_timeout)));
    case NGTCP2_ERR_NO_VIABLE_PATH:
      return Error(Code::unreachable, "the path carries no packets of 1200 bytes");
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
    case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE:
      return Error(Code::version, "the peer does not speak QUIC version 1");
    case NGTCP2_ERR_CRYPTO:
      if (tls_ && tls_->failure()) return *tls_->failure();
      if (const std::uint8_t alert = ngtcp2_conn_get_tls_alert(conn_.get()); alert != 0) {
        return alert_error(alert, "TLS handshake failed");
      }
      return Error(Code::tls, "TLS handshake failed");
    case NGTCP2_ERR_NOMEM:
    case NGTCP2_ERR_CALLBACK_FAILURE:
    case NGTCP2_ERR_INTERNAL:
      return Error(Code::internal, std::string("ngtcp2: ") + ngtcp2_strerror(error));
    default:
      return Error(Code::protocol_violation,
                   std::string("the peer broke a rule of QUIC: ") + ngtcp2_strerror(error));
  }
}

void Conn::on_read_error(int error) {
  switch (error) {
    case NGTCP2_ERR_DRAINING:
      end(peer_close_error(), nullptr);
      return;
    case NGTCP2_ERR_CLOSING:
      return;
    case NGTCP2_ERR_DROP_CONN:
      end(Error(Code::transport, "the handshake cannot go on"), nullptr);
      if (state_ != State::over) set_over();
      return;
    default:
      fail(error, local_error(error));
  }
}

void Conn::fail(int error, Error why) {
  ngtcp2_ccerr close;
  if (error == NGTCP2_ERR_CRYPTO) {
    const std::uint8_t alert =
        tls_ && tls_->alert() != 0 ? tls_->alert() : ngtcp2_conn_get_tls_alert(conn_.get());
    ngtcp2_ccerr_set_tls_alert(&close, alert, nullptr, 0);
  } else {
    ngtcp2_ccerr_set_liberr(&close, error, nullptr, 0);
  }
  end(std::move(why), &close);
}

void Conn::close(std::uint64_t code, std::string_view reason) {
  if (error_) return;
  reason = reason.substr(0, kMaxReasonBytes);
  ngtcp2_ccerr close;
  // What does not fit a varint cannot be sent; the largest number is as good as any other.
  ngtcp2_ccerr_set_application_error(&close, std::min(code, kMaxVarint), as_bytes(reason).data(),
                                     reason.size());
  end(Error(Code::closed, std::string(reason), code), &close);
}

void Conn::close_transport(std::uint64_t code, std::string_view reason, Error error) {
  if (error_) return;
  ngtcp2_ccerr close;
  ngtcp2_ccerr_set_transport_error(&close, code, as_bytes(reason).data(), reason.size());
  end(std::move(error), &close);
}

void Conn::end(Error error, const ngtcp2_ccerr* close) {
  if (error_) return;
  MOQ_LOG(debug, "quic", "{} ended: {}", remote_.to_string(), error.describe());
  error_ = std::move(error);
  if (stats_cell_) stats_cell_->close();
  Duration linger{};
  if (alive() && endpoint_ != nullptr) {
    const bool draining = ngtcp2_conn_in_draining_period(conn_.get()) != 0;
    if ((close != nullptr && write_close(*close)) || draining) {
      // RFC 9000 §10.2: three probe timeouts, for what is still on its way.
      linger = 3 * Duration(static_cast<std::int64_t>(ngtcp2_conn_get_pto(conn_.get())));
    }
  }
  drop_state();
  drop_streams();
  datagrams_in_.clear(0);
  datagrams_out_.clear(0);
  wake_all();
  if (endpoint_ == nullptr) return;
  endpoint_->on_ended(*this);
  if (linger > Duration::zero()) {
    state_ = State::lingering;
    deadline_ = now() + linger;
    schedule();
  } else {
    set_over();
  }
}

bool Conn::write_close(const ngtcp2_ccerr& close) {
  close_packet_.resize(kMaxPacketBytes);
  Path path;
  ngtcp2_pkt_info info{};
  const ngtcp2_ssize size =
      ngtcp2_conn_write_connection_close(conn_.get(), path.get(), &info, close_packet_.data(),
                                         close_packet_.size(), &close, to_timestamp(now()));
  close_packet_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  close_packet_.shrink_to_fit();
  if (close_packet_.empty()) return false;
  write_linger(endpoint_->output());
  endpoint_->send_now();
  return true;
}

void Conn::write_linger(Output& output) {
  const std::span<std::uint8_t> room = output.room(close_packet_.size());
  // A full buffer loses this close; a later packet from the peer asks for it again.
  if (room.empty()) return;
  std::memcpy(room.data(), close_packet_.data(), close_packet_.size());
  output.add({.size = close_packet_.size(),
              .to = remote_,
              .from = server_ ? local_ : SocketAddress{},
              .socket = endpoint_->socket_for(local_)});
  bytes_sent_ += close_packet_.size();
  ++packets_sent_;
}

void Conn::set_over() {
  state_ = State::over;
  deadline_ = TimePoint::max();
  close_packet_ = std::vector<std::uint8_t>();
  if (endpoint_ != nullptr) endpoint_->on_over(*this);
}

void Conn::detach() {
  endpoint_ = nullptr;
  end(Error(Code::closed, "the endpoint is gone"), nullptr);
  state_ = State::over;
  timer_place = kNotInHeap;
  scheduled = false;
}

void Conn::wake_all() {
  kio::WaiterList woken = on_closed_.take();
  for (kio::WaiterList* list : {&on_established_, &on_datagram_, &on_path_, &on_accept_[0],
                                &on_accept_[1], &on_credit_[0], &on_credit_[1]}) {
    woken.append(list->take());
  }
  streams_.for_each([&](Stream& stream) {
    woken.append(stream.on_writable.take());
    woken.append(stream.on_finished.take());
    woken.append(stream.on_readable.take());
  });
  woken.wake();
}

void Conn::on_refused() {
  if (error_) return;
  // A server that has answered may still be killed before the handshake is over.
  if (state_ == State::handshaking) {
    end(Error(Code::refused, "nothing listens there"), nullptr);
    return;
  }
  MOQ_LOG(debug, "quic", "{}: ICMP port unreachable", remote_.to_string());
  set_suspect(true);
}

}  // namespace moq::transport::quic::internal

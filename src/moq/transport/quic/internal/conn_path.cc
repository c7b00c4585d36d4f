// The path: whether it looks dead, and a client's move to another.
#include "moq/base/log.h"
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/internal/endpoint.h"

namespace moq::transport::quic::internal {
namespace {

// RFC 9002 §6.2.2: of a path of which nothing is known yet, with ngtcp2's acknowledgement delay.
constexpr Duration kInitialProbeTimeout = 1024ms;

}  // namespace

Duration Conn::suspect_delay() const {
  // Probes go out one, three, seven... probe timeouts after what they ask about (RFC 9002 §6.2.1).
  const Duration timeout(static_cast<std::int64_t>(ngtcp2_conn_get_pto(conn_.get())));
  return std::clamp<Duration>(timeout * ((1 << kSuspectProbes) - 1), kMinSuspectDelay,
                              kMaxSuspectDelay);
}

std::uint64_t Conn::bytes_in_flight() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn_.get(), &info);
  return info.bytes_in_flight;
}

void Conn::note_sent(TimePoint time) {
  if (unanswered_since_ || state_ != State::open) return;
  if (bytes_in_flight() > 0) unanswered_since_ = time;
}

void Conn::check_path(TimePoint time) {
  if (!suspect_ && unanswered_since_ && time - *unanswered_since_ >= suspect_delay()) {
    MOQ_LOG(debug, "quic", "{}: no answer for {} ms", remote_.to_string(),
            to_ms(time - *unanswered_since_));
    set_suspect(true);
    next_look_ = time;
  }
  check_stall(time);
  if (unproven_since_ && time - *unproven_since_ >= kMaxUnprovenTime) {
    close_transport(
        NGTCP2_NO_VIABLE_PATH, "your new address does not answer",
        Error(Code::unreachable, fmt::format("{} does not answer for {} ms", remote_.to_string(),
                                             to_ms(time - *unproven_since_))));
    return;
  }
  if (suspect_ && !server_ && time >= next_look_) {
    next_look_ = time + kPathLookInterval;
    look_for_better_path();
  }
}

void Conn::note_stall() {
  if (unacked_ > 0 && !stalled_since_) stalled_since_ = now();
}

bool Conn::may_shrink_packets() const {
  return packet_limit_ > kMinPacketBytes &&
         ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_.get()) > kMinPacketBytes;
}

// Mere loss can look like this, too. Then smaller packets cost little, until the next path.
void Conn::check_stall(TimePoint time) {
  if (!stalled_since_ || time - *stalled_since_ < suspect_delay() || !may_shrink_packets()) return;
  MOQ_LOG(info, "quic", "{}: nothing sent arrives, though the peer is heard: smaller packets",
          remote_.to_string());
  packet_limit_ = kMinPacketBytes;
  stalled_since_.reset();
}

void Conn::set_suspect(bool suspect) {
  if (std::exchange(suspect_, suspect) == suspect) return;
  on_path_.wake();
}

Poll<Unit> Conn::poll_path(bool suspect, const Waiter& waiter) {
  if (error_) {
    if (suspect) return Unit{};
    return kio::kPending;
  }
  if (suspect_ == suspect) return Unit{};
  on_path_.add(waiter);
  return kio::kPending;
}

Result<void> Conn::migrate() {
  if (server_) return moq::fail(Code::unsupported, "only a client can migrate");
  if (error_) return std::unexpected(*error_);
  MOQ_TRY(auto socket, endpoint_->new_socket(remote_));
  return move_to(std::move(socket));
}

Result<void> Conn::move_to(std::unique_ptr<DatagramSocket> socket) {
  const SocketAddress local = socket->local_address();
  Path path(local, remote_);
  // Off a dead path at once; off a living one when the new one has proved itself.
  const ngtcp2_tstamp time = to_timestamp(now());
  end_pacing(time);
  const int error = suspect_
                        ? ngtcp2_conn_initiate_immediate_migration(conn_.get(), path.get(), time)
                        : ngtcp2_conn_initiate_migration(conn_.get(), path.get(), time);
  if (error != 0) {
    return moq::fail(Code::unsupported, std::string("cannot migrate now: ") +
                                            (error == NGTCP2_ERR_CONN_ID_BLOCKED
                                                 ? "the peer gave no spare connection id"
                                                 : ngtcp2_strerror(error)));
  }
  MOQ_LOG(info, "quic", "{}: migrating from {} to {}", remote_.to_string(), local_.to_string(),
          local.to_string());
  if (suspect_) local_ = local;
  endpoint_->add_socket(std::move(socket));
  schedule();
  return {};
}

void Conn::note_peer(const Arrival& arrival) {
  const bool short_header = (arrival.packet.front() & 0x80) == 0;
  if (!short_header || arrival.packet.size() <= kConnectionIdBytes || !alive()) return;
  const ConnectionId used = to_connection_id(arrival.packet.data() + 1);
  if (arrival.remote != remote_) {
    follow_peer(used);
  } else if (std::exchange(fell_back_, false)) {
    unproven_since_.reset();  // The peer is where it was before.
  }
  peer_uses_ = used;
}

void Conn::follow_peer(ConnectionId used) {
  const ngtcp2_path* path = ngtcp2_conn_get_path(conn_.get());
  const SocketAddress remote = from_sockaddr(path->remote);
  if (remote == remote_) return;
  MOQ_LOG(debug, "quic", "{} moved to {}", remote_.to_string(), remote.to_string());
  if (used == peer_uses_) {
    rebinding_ = Rebinding{.before = rebinding_ ? rebinding_->before : remote_,
                           .id = used,
                           .until = now() + 3 * kInitialProbeTimeout};
  } else {
    rebinding_.reset();
  }
  remote_ = remote;
  local_ = from_sockaddr(path->local);
  packet_limit_ = kMaxPacketBytes;
  if (!unproven_since_) unproven_since_ = now();
  fell_back_ = false;
}

void Conn::on_peer_path_validated(bool success, const ngtcp2_path* fallback) {
  if (!success) {
    rebinding_.reset();
    if (fallback == nullptr) return;
    remote_ = from_sockaddr(fallback->remote);
    local_ = from_sockaddr(fallback->local);
    fell_back_ = true;
    return;
  }
  unproven_since_.reset();
  if (!rebinding_) return;
  // ngtcp2 now asks the old address whether it is still there, and waits this long.
  const Duration probe(static_cast<std::int64_t>(ngtcp2_conn_get_pto(conn_.get())));
  rebinding_->until = now() + 3 * std::max(probe, kInitialProbeTimeout) + 100ms;
}

// A client that migrates while we validate where a NAT has moved it: ngtcp2 1.11 would retire the
// id of the path it may have to fall back to, and soon count one id too many. Such packets are
// dropped until the validation is over, for about three seconds; the client repeats them.
bool Conn::must_wait_for_validation(const Arrival& arrival) const {
  if (!rebinding_ || arrival.remote == remote_ || arrival.remote == rebinding_->before) {
    return false;
  }
  if (now() >= rebinding_->until) return false;
  const bool short_header = (arrival.packet.front() & 0x80) == 0;
  return short_header && arrival.packet.size() > kConnectionIdBytes &&
         to_connection_id(arrival.packet.data() + 1) != rebinding_->id;
}

void Conn::on_path_valid(const SocketAddress& local) {
  local_ = local;
  packet_limit_ = kMaxPacketBytes;
  moved_ = true;
}

void Conn::look_for_better_path() {
  // A fresh socket shows which address the system would use now.
  auto socket = endpoint_->new_socket(remote_);
  if (!socket) return;
  const SocketAddress local = (*socket)->local_address();
  if (local.ip == local_.ip && local.v6 == local_.v6) return;
  const Result<void> moved = move_to(*std::move(socket));
  if (!moved) MOQ_LOG(debug, "quic", "{}", moved.error().describe());
}

void Conn::on_socket_error(const Error& error) {
  if (error_) return;
  if (server_ || state_ == State::handshaking) {
    end(error, nullptr);
    return;
  }
  // The session lives on if the system has another way; else the idle timeout ends it.
  MOQ_LOG(info, "quic", "{}: {}", remote_.to_string(), error.describe());
  set_suspect(true);
  const Result<void> moved = migrate();
  if (!moved) MOQ_LOG(info, "quic", "{}", moved.error().describe());
}

}  // namespace moq::transport::quic::internal

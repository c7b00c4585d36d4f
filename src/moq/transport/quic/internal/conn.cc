#include "moq/transport/quic/internal/conn.h"

#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "moq/base/log.h"
#include "moq/transport/quic/internal/callbacks.h"
#include "moq/transport/quic/internal/endpoint.h"

namespace moq::transport::quic::internal {
namespace {

// Connection ids that a peer may give us: one in use, the rest for migration.
constexpr std::uint64_t kPeerIds = 4;
// Length of the random id that a client's first Initial goes to (RFC 9000 §7.2: at least 8).
constexpr std::size_t kInitialIdBytes = 16;
// How long the acknowledgement of a mere ping may wait for data to go with: below the 25 ms of
// max_ack_delay that the peer reckons with (RFC 9000 §13.2.1).
constexpr Duration kPingAckDelay = 20ms;

std::string hex(const std::uint8_t* bytes, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

ngtcp2_cid random_id(Random& random, std::size_t size) {
  ngtcp2_cid id;
  id.datalen = size;
  fill_random(random, id.data, size);
  return id;
}

}  // namespace

Conn::Conn(Endpoint& endpoint, Parameters parameters, const SocketAddress& local,
           const SocketAddress& remote)
    : endpoint_(&endpoint), parameters_(std::move(parameters)), local_(local), remote_(remote) {}

Conn::~Conn() {
  if (stats_cell_) stats_cell_->close();
  drop_state();
}

void Conn::drop_state() {
  raw_ = nullptr;
  conn_.reset();  // Writes the last of the qlog.
  tls_.reset();
  if (qlog_ != nullptr) std::fclose(std::exchange(qlog_, nullptr));
}

TimePoint Conn::now() const { return endpoint_->now(); }

ngtcp2_settings Conn::make_settings() const {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = to_timestamp(now());
  settings.cc_algo = parameters_.congestion_control == CongestionControl::bbr
                         ? NGTCP2_CC_ALGO_BBR
                         : NGTCP2_CC_ALGO_CUBIC;
  settings.max_tx_udp_payload_size = kMaxPacketBytes;
  settings.initial_rtt = to_duration(parameters_.initial_rtt);
  settings.handshake_timeout = to_duration(parameters_.handshake_timeout);
  settings.no_pmtud = parameters_.path_mtu_discovery ? 0 : 1;
  settings.rand_ctx.native_handle = &endpoint_->random();
  if (qlog_ != nullptr) settings.qlog_write = Callbacks::qlog;
  return settings;
}

ngtcp2_transport_params Conn::make_parameters() const {
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = parameters_.stream_window;
  params.initial_max_stream_data_bidi_remote = parameters_.stream_window;
  params.initial_max_stream_data_uni = parameters_.stream_window;
  params.initial_max_data = parameters_.connection_window;
  params.initial_max_streams_bidi = std::min(parameters_.max_streams_bidi, kMaxStreamCredit);
  params.initial_max_streams_uni = std::min(parameters_.max_streams_uni, kMaxStreamCredit);
  params.max_idle_timeout = to_duration(parameters_.idle_timeout);
  params.max_datagram_frame_size = 65535;
  params.active_connection_id_limit = kPeerIds;
  return params;
}

void Conn::open_qlog(const ngtcp2_cid& original) {
  if (parameters_.qlog_directory.empty()) return;
  const std::string path = parameters_.qlog_directory + "/" + hex(original.data, original.datalen) +
                           (server_ ? "_server.sqlog" : "_client.sqlog");
  qlog_ = std::fopen(path.c_str(), "we");
  if (qlog_ == nullptr) MOQ_LOG(warn, "quic", "cannot write qlog '{}'", path);
}

Result<void> Conn::start_client(ClientTls tls, const std::string& host,
                                const std::vector<std::string>& alpn) {
  await_confirmation_ = tls.state().options.identity.has_value();
  if (tls.state().options.insecure) {
    MOQ_LOG(warn, "quic",
            "CERTIFICATE VERIFICATION IS OFF for {} ({}): anybody on the way can read and change "
            "everything",
            host, remote_.to_string());
  }
  tls_ = std::make_unique<TlsSession>(std::move(tls), host, alpn, &raw_);
  const ngtcp2_cid theirs = random_id(endpoint_->random(), kInitialIdBytes);
  const ngtcp2_cid ours = random_id(endpoint_->random(), kConnectionIdBytes);
  open_qlog(theirs);
  const ngtcp2_settings settings = make_settings();
  const ngtcp2_transport_params params = make_parameters();
  Path path(local_, remote_);
  ngtcp2_conn* conn = nullptr;
  const int error = ngtcp2_conn_client_new(&conn, &theirs, &ours, path.get(), NGTCP2_PROTO_VER_V1,
                                           Callbacks::client(), &settings, &params, nullptr, this);
  if (error != 0) return library_error(error);
  adopt(conn);
  endpoint_->add_id(*this, to_connection_id(ours.data));
  ids_.push_back(to_connection_id(ours.data));
  schedule();
  return {};
}

Result<void> Conn::start_server(ServerTls tls, const std::vector<std::string>& alpn,
                                const Accept& accept) {
  server_ = true;
  const ngtcp2_pkt_hd& header = *accept.header;
  original_id_.assign(reinterpret_cast<const char*>(header.dcid.data), header.dcid.datalen);
  tls_ = std::make_unique<TlsSession>(std::move(tls), alpn, &raw_);
  open_qlog(accept.original_id);
  ngtcp2_settings settings = make_settings();
  settings.token = header.token;
  settings.tokenlen = accept.after_retry ? header.tokenlen : 0;
  settings.token_type = accept.after_retry ? NGTCP2_TOKEN_TYPE_RETRY : NGTCP2_TOKEN_TYPE_UNKNOWN;
  ngtcp2_cid ours = random_id(endpoint_->random(), kConnectionIdBytes);
  endpoint_->mark_id(ours.data);
  ngtcp2_transport_params params = make_parameters();
  params.original_dcid = accept.original_id;
  params.original_dcid_present = 1;
  if (accept.after_retry) {
    params.retry_scid = header.dcid;
    params.retry_scid_present = 1;
  }
  params.stateless_reset_token_present = 1;
  endpoint_->reset_token(params.stateless_reset_token, ours);
  Path path(local_, remote_);
  ngtcp2_conn* conn = nullptr;
  const int error = ngtcp2_conn_server_new(&conn, &header.scid, &ours, path.get(), header.version,
                                           Callbacks::server(), &settings, &params, nullptr, this);
  if (error != 0) return library_error(error);
  adopt(conn);
  endpoint_->add_id(*this, to_connection_id(ours.data));
  ids_.push_back(to_connection_id(ours.data));
  return {};
}

std::unexpected<Error> Conn::library_error(int error) {
  return moq::fail(Code::internal, std::string("ngtcp2: ") + ngtcp2_strerror(error));
}

void Conn::adopt(ngtcp2_conn* conn) {
  conn_.reset(conn);
  raw_ = conn;
  ngtcp2_conn_set_tls_native_handle(conn, tls_->handle());
  if (parameters_.keep_alive > Duration::zero()) {
    ngtcp2_conn_set_keep_alive_timeout(conn, to_duration(parameters_.keep_alive));
  }
}

void Conn::schedule() {
  if (endpoint_ != nullptr) endpoint_->schedule(*this);
}

void Conn::update_deadline() {
  if (!alive()) return;
  // After the pacing of a burst, there may be nothing to send.
  deadline_ = from_timestamp(pacing_end_ != 0 ? idle_until_ : ngtcp2_conn_get_expiry(conn_.get()));
  if (suspect_) {
    if (!server_) deadline_ = std::min(deadline_, next_look_);
  } else if (unanswered_since_) {
    deadline_ = std::min(deadline_, *unanswered_since_ + suspect_delay());
  }
  if (unproven_since_) deadline_ = std::min(deadline_, *unproven_since_ + kMaxUnprovenTime);
  if (stalled_since_ && may_shrink_packets()) {
    deadline_ = std::min(deadline_, *stalled_since_ + suspect_delay());
  }
}

int Conn::receive(const Arrival& arrival) {
  if (!alive()) {
    // RFC 9000 §10.2.1: a late packet is answered by the close again, ever more rarely.
    ++packets_after_close_;
    if (state_ == State::lingering && (packets_after_close_ & (packets_after_close_ - 1)) == 0) {
      repeat_close_ = !close_packet_.empty();
      if (repeat_close_) schedule();
    }
    return 0;
  }
  if (must_wait_for_validation(arrival)) return 0;
  bytes_received_ += arrival.packet.size();
  ++packets_received_;
  Path path(arrival.local, arrival.remote);
  ngtcp2_pkt_info info{.ecn = arrival.ecn};
  authentic_ = false;
  only_acks_ = false;
  const ngtcp2_tstamp timestamp = to_timestamp(now());
  end_pacing(timestamp);
  const CurrentConn current(*this);
  const int error = ngtcp2_conn_read_pkt(conn_.get(), path.get(), &info, arrival.packet.data(),
                                         arrival.packet.size(), timestamp);
  after_callbacks();
  if (server_ && authentic_) note_peer(arrival);
  if (error != 0) {
    if (error != NGTCP2_ERR_RETRY) on_read_error(error);
    return error;
  }
  if (forgotten_ > kMaxForgottenStreams) {
    close_transport(NGTCP2_INTERNAL_ERROR, "too many streams reset at their start",
                    Error(Code::too_many, "the peer reset too many streams at their start"));
    return 0;
  }
  if (handshake_completed_ && state_ == State::handshaking &&
      (!await_confirmation_ || handshake_confirmed_)) {
    on_established();
  }
  if (!was_quiet(arrival)) {
    schedule();
    return 0;
  }
  if (stats_cell_) publish_stats(now());
  if (pinged_) {
    deadline_ = std::min(deadline_, now() + kPingAckDelay);
    endpoint_->set_deadline(*this);
    endpoint_->wake_sender();
  }
  return 0;
}

// An acknowledgement of all that is on its way asks for no packet of ours. Most packets of a
// subscriber are such, and asking ngtcp2 what there is to send costs as much as reading one. The
// deadline stays: it can only have moved away. Receivers of much data ping once a round trip to
// learn what of theirs has arrived; the answer goes with the next data.
bool Conn::was_quiet(const Arrival& arrival) {
  if (!only_acks_ || !alive() || !server_ || state_ != State::open) return false;
  if (scheduled || !send_queue_.empty() || !datagrams_out_.empty()) return false;
  if (!(arrival.remote == remote_) || rebinding_ || unproven_since_) return false;
  // A larger packet has proved to fit: the next probe is due.
  const std::size_t largest = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_.get());
  if (std::exchange(path_packet_bytes_, largest) != largest) return false;
  if (unacked_ > 0 || bytes_in_flight() > 0) return false;
  // Had a packet been lost, its data would be missing; what else was lost is sent again by the
  // write that follows.
  return std::exchange(only_data_in_flight_, true);
}

// Tells ngtcp2 that pacing ended in time, so that it does not make up for a delay that held up
// nothing. Must come before anything else tells it of a later time.
void Conn::end_pacing(ngtcp2_tstamp time) {
  if (pacing_end_ == 0 || time < pacing_end_) return;
  // Nothing else was due then, so nothing can fail.
  static_cast<void>(ngtcp2_conn_handle_expiry(conn_.get(), std::exchange(pacing_end_, 0)));
}

void Conn::after_callbacks() {
  if (authentic_) {
    unanswered_since_.reset();
    set_suspect(false);
    note_stall();
  }
  for (const Signal& stop : stops_) apply_stop(stop.id, stop.code);
  stops_.clear();
  resets_.clear();
  close_reset_streams();
  if (moved_) {
    moved_ = false;
    endpoint_->keep_socket(local_);
  }
}

void Conn::on_established() {
  state_ = State::open;
  alpn_ = tls_->alpn();
  server_name_ = tls_->server_name();
  peer_identity_ = tls_->peer_identity();
  if (server_) {
    ngtcp2_conn_set_tls_native_handle(conn_.get(), nullptr);
    tls_.reset();
  }
  max_datagram_frame_ =
      ngtcp2_conn_get_remote_transport_params(conn_.get())->max_datagram_frame_size;
  MOQ_LOG(debug, "quic", "{} {}: {}", server_ ? "accepted" : "connected to", remote_.to_string(),
          alpn_);
  on_established_.wake();
  endpoint_->on_established(*this);
}

void Conn::on_timer() {
  const TimePoint time = now();
  if (state_ == State::lingering) {
    set_over();
    return;
  }
  if (!alive()) return;
  check_path(time);
  if (!alive()) return;
  const ngtcp2_tstamp timestamp = to_timestamp(time);
  end_pacing(timestamp);
  if (timestamp >= ngtcp2_conn_get_expiry(conn_.get())) {
    const int error = ngtcp2_conn_handle_expiry(conn_.get(), timestamp);
    if (error != 0) {
      fail(error, local_error(error));
      return;
    }
  }
  schedule();
}

Poll<Result<void>> Conn::poll_established(const Waiter& waiter) {
  if (error_) return Result<void>(std::unexpected(*error_));
  if (state_ == State::open) return Result<void>();
  on_established_.add(waiter);
  return kio::kPending;
}

Poll<Error> Conn::poll_closed(const Waiter& waiter) {
  if (error_) return *error_;
  on_closed_.add(waiter);
  return kio::kPending;
}

}  // namespace moq::transport::quic::internal

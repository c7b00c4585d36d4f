#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/kio/waiter.h"
#include "moq/transport/quic/connection.h"
#include "moq/transport/quic/internal/output.h"
#include "moq/transport/quic/internal/stream.h"
#include "moq/transport/quic/internal/tls_session.h"

namespace moq::transport::quic::internal {

class Endpoint;

/// The most streams that QUIC can count (RFC 9000 §4.6); `Parameters` above it are cut.
inline constexpr std::uint64_t kMaxStreamCredit = std::uint64_t{1} << 60;
/// Largest UDP payload we send: Ethernet's 1500 less IPv6 and UDP headers. Path MTU discovery
/// works its way up to it from 1200.
inline constexpr std::size_t kMaxPacketBytes = 1452;
/// What every path carries (RFC 9000 §14).
inline constexpr std::size_t kMinPacketBytes = 1200;
/// The reason of a close is for a person; peers' longer ones are cut.
inline constexpr std::size_t kMaxReasonBytes = 1024;
/// Unanswered probes in a row after which a path is suspect: one or two are ordinary loss.
inline constexpr unsigned kSuspectProbes = 3;
/// Streams of a connection that ngtcp2 may keep for ever, some 300 bytes each: unidirectional ones
/// that began with a RESET_STREAM of an unusual encoding. Well-behaved peers make none.
inline constexpr std::size_t kMaxForgottenStreams = 10000;
/// On short paths a peer that is merely busy stays silent longer than a few probe timeouts.
inline constexpr Duration kMinSuspectDelay = 500ms;
/// After a few delayed packets probe timeouts grow to seconds; there must be time left to act
/// before the idle timeout.
inline constexpr Duration kMaxSuspectDelay = 2500ms;
/// While its path is suspect, a client asks the system this often whether it has another address.
inline constexpr Duration kPathLookInterval = 1s;
/// A peer that sends from an address which has not proved itself for so long can send to us and
/// hears nothing: its session ends, for it to come back with a new one.
inline constexpr Duration kMaxUnprovenTime = 8s;
/// Losses are counted by stream, which takes a look at each: not more often than this for those who
/// read the statistics on another thread.
inline constexpr Duration kLossLookInterval = 10ms;

/// One QUIC connection: ngtcp2's state, the streams, and what the handles of both wait for. Owned
/// by its endpoint until it is over and by the handles; belongs to the endpoint's thread. Nothing
/// here calls the application: waking only queues.
class Conn final : public RefCounted<Conn> {
 public:
  /// What both sides need. `endpoint` detaches the connection before it goes.
  Conn(Endpoint& endpoint, Parameters parameters, const SocketAddress& local,
       const SocketAddress& remote);
  ~Conn();

  /// Starts as a client. With a certificate to show, established means that the server took it.
  Result<void> start_client(ClientTls tls, const std::string& host,
                            const std::vector<std::string>& alpn);

  struct Accept {
    const ngtcp2_pkt_hd* header;
    ngtcp2_cid original_id;  ///< Of the client's first Initial.
    bool after_retry = false;
  };
  Result<void> start_server(ServerTls tls, const std::vector<std::string>& alpn,
                            const Accept& accept);

  // From the endpoint.

  struct Arrival {
    SocketAddress local;
    SocketAddress remote;
    ByteSpan packet;
    std::uint8_t ecn = 0;
  };
  /// Returns ngtcp2's code for the first packet of a server: `NGTCP2_ERR_RETRY` asks for a Retry.
  int receive(const Arrival& arrival);
  void on_timer();
  /// Adds packets to `output`; returns whether it stopped only because of its share or the buffer.
  bool write(Output& output);
  void on_refused();
  /// The connection's socket failed for good.
  void on_socket_error(const Error& error);
  /// Goes on with `endpoint`, which has a socket for its path.
  void move_to(Endpoint& endpoint) {
    endpoint_ = &endpoint;
    schedule();
  }
  /// Ends without a word to the peer, after which the endpoint is not used any more.
  void detach();

  [[nodiscard]] TimePoint deadline() const { return deadline_; }
  [[nodiscard]] bool over() const { return state_ == State::over; }
  [[nodiscard]] bool ended() const { return error_.has_value(); }
  [[nodiscard]] bool handshaking() const { return state_ == State::handshaking; }
  [[nodiscard]] const std::vector<ConnectionId>& ids() const { return ids_; }
  [[nodiscard]] const std::string& original_id() const { return original_id_; }

  std::size_t timer_place = kNotInHeap;  ///< In the endpoint's heap of deadlines.
  bool scheduled = false;                ///< In the endpoint's list of those with work.

  // From handles; the contracts are those of `Session` and `Connection`.

  Poll<Result<void>> poll_established(const Waiter& waiter);
  Poll<Result<Stream*>> poll_open(bool bidi, const Waiter& waiter);
  Poll<Result<Stream*>> poll_accept(bool bidi, const Waiter& waiter);
  [[nodiscard]] std::size_t max_datagram_bytes() const;
  void send_datagram(Bytes data);
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter);
  void close(std::uint64_t code, std::string_view reason);
  /// Closes with a transport code of RFC 9000 §20.1.
  void close_transport(std::uint64_t code, std::string_view reason, Error error);
  Poll<Error> poll_closed(const Waiter& waiter);
  Poll<Unit> poll_path(bool suspect, const Waiter& waiter);
  Result<void> migrate();
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::shared_ptr<const StatsCell> stats_cell();
  [[nodiscard]] const std::string& alpn() const { return alpn_; }
  [[nodiscard]] const std::optional<std::string>& server_name() const { return server_name_; }
  [[nodiscard]] const std::optional<PeerIdentity>& peer_identity() const { return peer_identity_; }
  [[nodiscard]] const SocketAddress& local_address() const { return local_; }
  [[nodiscard]] const SocketAddress& remote_address() const { return remote_; }

  Poll<Result<void>> poll_writable(Stream& stream, const Waiter& waiter);
  void write(Stream& stream, Bytes data);
  void finish(Stream& stream);
  void reset(Stream& stream, std::uint32_t code);
  Poll<Result<void>> poll_finished(Stream& stream, const Waiter& waiter);
  void set_priority(Stream& stream, Priority priority);
  Poll<Result<Bytes>> poll_read(Stream& stream, const Waiter& waiter, std::size_t max);
  void stop(Stream& stream, std::uint32_t code);
  void release_sender(Stream& stream);
  void release_receiver(Stream& stream);

 private:
  enum class State : std::uint8_t {
    handshaking,
    open,
    lingering,  ///< Ended; late packets are absorbed or answered with the close.
    over,
  };
  friend struct Callbacks;

  [[nodiscard]] TimePoint now() const;
  [[nodiscard]] bool alive() const { return conn_ != nullptr; }
  void adopt(ngtcp2_conn* conn);
  static std::unexpected<Error> library_error(int error);
  ngtcp2_settings make_settings() const;
  ngtcp2_transport_params make_parameters() const;
  void open_qlog(const ngtcp2_cid& original);
  /// Lets go of ngtcp2, TLS and the qlog.
  void drop_state();
  void schedule();
  void update_deadline();

  // Reading.
  /// Whether the packet just read leaves nothing to send that was not there before.
  [[nodiscard]] bool was_quiet(const Arrival& arrival);
  void end_pacing(ngtcp2_tstamp time);
  void after_callbacks();
  void close_reset_streams();
  [[nodiscard]] bool is_new_peer_uni(std::int64_t id) const;
  void apply_stop(std::int64_t id, std::uint64_t code);
  void on_established();
  void on_read_error(int error);
  Error peer_close_error() const;
  Error local_error(int error) const;

  // Writing.
  ngtcp2_ssize write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info, std::span<std::uint8_t> room,
                            ngtcp2_tstamp time);
  /// Offers a datagram; the packet's size, or ngtcp2's code, or `NGTCP2_ERR_WRITE_MORE`.
  ngtcp2_ssize offer_datagram(ngtcp2_path* path, ngtcp2_pkt_info* info,
                              std::span<std::uint8_t> room, ngtcp2_tstamp time);
  ngtcp2_ssize offer_stream(Stream& stream, ngtcp2_path* path, ngtcp2_pkt_info* info,
                            std::span<std::uint8_t> room, ngtcp2_tstamp time);
  void mark_sent(Stream& stream, std::size_t bytes, bool fin);
  void note_sent(TimePoint time);
  [[nodiscard]] std::uint64_t bytes_in_flight() const;
  [[nodiscard]] std::uint64_t losses_of_streams() const;
  [[nodiscard]] Stats make_stats(std::uint64_t losses_of_streams) const;
  void publish_stats(TimePoint time);
  void drop_large_datagrams();
  void write_linger(Output& output);

  // Ending.
  void fail(int error, Error why);
  void end(Error error, const ngtcp2_ccerr* close);
  bool write_close(const ngtcp2_ccerr& close);
  void wake_all();
  void set_over();

  // The path.
  void check_path(TimePoint time);
  void set_suspect(bool suspect);
  [[nodiscard]] Duration suspect_delay() const;
  Result<void> move_to(std::unique_ptr<DatagramSocket> socket);
  void look_for_better_path();
  void note_stall();
  void check_stall(TimePoint time);
  [[nodiscard]] bool may_shrink_packets() const;
  void note_peer(const Arrival& arrival);
  void follow_peer(ConnectionId used);
  void on_peer_path_validated(bool success, const ngtcp2_path* fallback);
  [[nodiscard]] bool must_wait_for_validation(const Arrival& arrival) const;
  void on_path_valid(const SocketAddress& local);

  // Streams.
  Stream* add_peer_stream(std::int64_t id);
  void on_data(Stream& stream, ByteSpan data, bool fin);
  void on_reset(Stream& stream, std::uint64_t code);
  void on_acked(Stream& stream, std::uint64_t to, bool fin_alone);
  void on_window(Stream& stream);
  void on_datagram(ByteSpan data);
  void drop_streams();
  void on_stream_closed(Stream& stream, std::size_t lost);
  void reap(Stream& stream);
  void return_place(Stream& stream);
  void credit(Stream& stream, std::uint64_t bytes);
  void credit_connection(std::uint64_t bytes);
  [[nodiscard]] std::optional<Error> send_error(const Stream& stream) const;

  Endpoint* endpoint_;
  Parameters parameters_;
  SocketAddress local_;
  SocketAddress remote_;
  State state_ = State::handshaking;
  bool server_ = false;
  bool handshake_completed_ = false;
  bool handshake_confirmed_ = false;
  bool await_confirmation_ = false;
  bool stateless_reset_ = false;
  bool suspect_ = false;
  bool only_acks_ = false;      // All that the packet being read holds, but for pings.
  bool pinged_ = false;         // It asks for an acknowledgement.
  bool authentic_ = false;      // A packet was decrypted in this `receive`.
  bool moved_ = false;          // A new path was validated in this `receive`.
  std::optional<Error> error_;  // Set once the session has ended.

  ngtcp2_conn* raw_ = nullptr;  // As TLS sees it.
  ConnPtr conn_;
  // A server's goes once the handshake is over and its results were taken: QUIC's key updates do
  // without it (RFC 9001 §6), and the library's state is some 15 kB.
  std::unique_ptr<TlsSession> tls_;
  std::FILE* qlog_ = nullptr;
  DatagramSocket* socket_ = nullptr;  // Of the packet being written.

  StreamTable streams_;
  SendQueue send_queue_;
  Ring<Stream*> accept_[2];  // By bidi.
  kio::WaiterList on_accept_[2];
  kio::WaiterList on_credit_[2];
  std::size_t spent_streams_[2] = {0, 0};  // Of the peer; their credit is not yet given back.
  std::uint64_t uncredited_ = 0;
  struct Signal {
    std::int64_t id;
    std::uint64_t code;
  };
  // Found in the packet that is being read:
  std::vector<Signal> stops_;
  std::vector<Signal> resets_;            // Whose code ngtcp2 does not see.
  std::vector<std::int64_t> uni_resets_;  // Streams that a reset should have closed.
  std::size_t forgotten_ = 0;

  Ring<Bytes> datagrams_in_;
  Ring<Bytes> datagrams_out_;
  std::uint64_t max_datagram_frame_ = 0;  // The peer's.
  kio::WaiterList on_datagram_;

  kio::WaiterList on_established_;
  kio::WaiterList on_closed_;
  kio::WaiterList on_path_;

  TimePoint deadline_ = TimePoint::max();
  ngtcp2_tstamp pacing_end_ = 0;  // If nothing waits for it; 0 = no such. Then:
  ngtcp2_tstamp idle_until_ = 0;  // When ngtcp2 has something to do again.
  // What was sent and is neither acknowledged nor lost, as far as one knows, is new data of streams
  // and nothing else.
  bool only_data_in_flight_ = true;
  std::size_t path_packet_bytes_ = 0;  // As ngtcp2 knew it when an acknowledgement last came.
  // A new address of the peer that is being validated: it came with a connection id in use.
  struct Rebinding {
    SocketAddress before;
    ConnectionId id;
    TimePoint until;
  };
  std::optional<Rebinding> rebinding_;
  // Since when the peer sends from addresses that have not proved to be its own. ngtcp2 1.11 can
  // lose the one challenge that its small credit pays for and would then wait for ever.
  std::optional<TimePoint> unproven_since_;
  bool fell_back_ = false;      // To the last proven address; nothing has come from there yet.
  ConnectionId peer_uses_ = 0;  // The id of ours in the peer's last packet with a short header.
  std::optional<TimePoint> unanswered_since_;
  // A path may cease to take packets as large as it once did (RFC 8899 §4.3, a black hole): then
  // the peer is heard, and yet nothing of what was sent arrives. ngtcp2 does not look for it.
  std::size_t packet_limit_ = kMaxPacketBytes;
  std::uint64_t unacked_ = 0;  // Bytes of streams, sent and not acknowledged in order.
  std::optional<TimePoint> stalled_since_;
  TimePoint next_look_{};  // For another path.
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t packets_sent_ = 0;
  std::uint64_t packets_received_ = 0;
  std::uint64_t packets_lost_ = 0;  // Of streams that are closed.
  std::uint64_t datagrams_lost_ = 0;
  std::uint64_t datagram_bytes_lost_ = 0;
  // Packets that carried new data of streams, for their mean size.
  bool carries_data_ = false;
  std::uint64_t data_packets_ = 0;
  std::uint64_t data_packet_bytes_ = 0;
  std::shared_ptr<StatsCell> stats_cell_;  // Once somebody asked.
  std::uint64_t seen_losses_ = 0;          // Of open streams, as last looked at.
  TimePoint look_at_losses_{};

  std::vector<ConnectionId> ids_;
  std::string original_id_;
  std::string alpn_;
  std::optional<std::string> server_name_;
  std::optional<PeerIdentity> peer_identity_;

  std::vector<std::uint8_t> close_packet_;  // While lingering, if we closed.
  std::uint64_t packets_after_close_ = 0;
  bool repeat_close_ = false;
};

}  // namespace moq::transport::quic::internal

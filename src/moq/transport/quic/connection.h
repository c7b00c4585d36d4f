#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/time.h"
#include "moq/transport/datagram_socket.h"
#include "moq/transport/quic/tls.h"
#include "moq/transport/session.h"

namespace moq::transport::quic {

enum class CongestionControl : std::uint8_t { cubic, bbr };

/// The transport's settings. The defaults are those of the newest Rust peers (session.md §9), but
/// for path MTU discovery, which is on.
struct Parameters {
  Duration idle_timeout = 10s;
  Duration keep_alive = 3s;  ///< 0 = none.
  Duration handshake_timeout = 10s;
  /// Assumed until it is measured, RFC 9002 §6.2.2: what is lost of the first packets is sent again
  /// after three times as long.
  Duration initial_rtt = 333ms;
  std::uint64_t max_streams_uni = 10000;  ///< Streams the peer may have open at once.
  std::uint64_t max_streams_bidi = 10000;
  std::uint64_t connection_window = 64 << 20;  ///< Bytes received and not yet read.
  std::uint64_t stream_window = 1250000;
  /// Bytes queued on a stream and not yet sent, above which `poll_writable` waits.
  std::size_t stream_send_buffer = 256 << 10;
  std::size_t datagrams_received = 1024;  ///< Kept unread; older ones are dropped.
  std::size_t datagrams_queued = 64;      ///< Waiting to be sent; newer ones are dropped.
  CongestionControl congestion_control = CongestionControl::cubic;
  bool path_mtu_discovery = true;
  /// One qlog file per connection goes here; empty = none.
  std::string qlog_directory;
};

/// A QUIC connection as a session. RESET_STREAM and STOP_SENDING codes are mapped as on
/// WebTransport (session.md §4.6); the session's close code is sent as given. Belongs to one
/// executor's thread. Its stream handles may outlive it, and then fail with its error.
class Connection : public Session {
 public:
  /// The name the client asked for (SNI), if any.
  [[nodiscard]] virtual std::optional<std::string_view> server_name() const = 0;
  /// The peer's certificate, verified unless verification is off.
  [[nodiscard]] virtual const std::optional<PeerIdentity>& peer_identity() const = 0;
  [[nodiscard]] virtual SocketAddress peer_address() const = 0;
  [[nodiscard]] virtual SocketAddress local_address() const = 0;

  /// Ready while the path looks dead: an ICMP refusal came, or several probes in a row went
  /// unanswered. A hint to dial beside this session, not its end: any packet from the peer clears
  /// it. Ready, too, once the session has ended.
  virtual Poll<Unit> poll_path_suspect(const Waiter& waiter) = 0;
  /// Ready while the path does not look dead. Never ready once the session has ended.
  virtual Poll<Unit> poll_path_alive(const Waiter& waiter) = 0;
  auto path_suspect() {
    return kio::wait([this](const Waiter& waiter) { return poll_path_suspect(waiter); });
  }
  auto path_alive() {
    return kio::wait([this](const Waiter& waiter) { return poll_path_alive(waiter); });
  }

  /// Client only: goes on from a new socket (RFC 9000 §9), as after a change of the network. Fails
  /// with `unsupported` on a server or if the peer forbids it, with the network's error if no new
  /// socket can be had. The session goes on either way.
  virtual Result<void> migrate() = 0;
};

}  // namespace moq::transport::quic

#pragma once

#include <memory>
#include <vector>

#include "moq/io/udp_socket.h"
#include "moq/io/unix_socket.h"
#include "moq/native/client.h"
#include "moq/net/session.h"
#include "moq/transport/qmux/session.h"
#include "moq/transport/quic/server.h"

namespace moq::native {

/// Who may connect to a Unix socket, as the system tells of the process at the other end. It has to
/// be in each list that is not empty.
struct UnixAllow {
  std::vector<std::uint32_t> uids;
  std::vector<std::uint32_t> gids;  ///< Of the effective group.
  std::vector<std::int32_t> pids;

  [[nodiscard]] bool empty() const { return uids.empty() && gids.empty() && pids.empty(); }
  [[nodiscard]] bool allows(const io::PeerCredentials& peer) const;
};

struct UnixListen {
  std::string path;  ///< See `io::UnixListener`.
  UnixAllow allow;
};

struct ServerOptions {
  ServerOptions(transport::SocketAddress at, transport::quic::ServerTls how)
      : address(at), tls(std::move(how)) {}
  transport::SocketAddress address;
  transport::quic::ServerTls tls;
  std::vector<net::Version> versions{net::session_versions().begin(),
                                     net::session_versions().end()};
  /// A client has `handshake_timeout` for QUIC's handshake, and once more for what follows it until
  /// we know what it wants.
  transport::quic::Parameters quic;
  transport::qmux::Parameters qmux;  ///< Of TCP and Unix sockets.
  /// Secret of the stateless resets; none = derived from the certificate's key.
  std::optional<transport::quic::ResetKey> reset_key;
};

/// One of several servers on one UDP address, each on a loop of its own.
struct ServerMember {
  io::BoundUdp socket;  ///< The one with the index of `share` of a `BoundUdp::bind_group`.
  transport::quic::ServerShare share;
};

/// Clients whose handshake is done and whom nobody has accepted yet; more wait in the transport.
inline constexpr std::size_t kMaxReadyRequests = 1024;
/// Connections of TCP, and of the Unix socket, that have said nothing yet; more wait in the system.
inline constexpr std::size_t kMaxStreamHandshakes = 256;

/// Accepts moq sessions over raw QUIC and WebTransport on one UDP port, and if told to over TCP
/// and Unix sockets. Dropping it frees the ports, where the machine's sockets are its; sessions
/// that were accepted go on, see `transport::quic::Server`. Belongs to one executor's thread.
class Server {
 public:
  /// Binds. Fails with the network's error.
  static Result<Server> create(const Environment& environment, ServerOptions options);
  /// The same as a member of a group, which all have one reset key; `options.address` is not looked
  /// at. Needs a loop.
  static Result<Server> create(const Environment& environment, ServerOptions options,
                               ServerMember member);

  /// Takes sessions over TCP, too: in the clear, so for networks that can be trusted. Returns
  /// where, for port 0. Fails with the network's error, or `unsupported` without a loop.
  Result<transport::SocketAddress> listen_tcp(const transport::SocketAddress& address);
  /// And over a Unix socket. Who may not connect is closed as `unauthorized`.
  Result<void> listen_unix(UnixListen where);

  /// The next client that has said what it wants. Fails, for good, when a socket does.
  kio::Poll<Result<net::Request>> poll_accept(const kio::Waiter& waiter);
  auto accept() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_accept(waiter); });
  }

  [[nodiscard]] transport::SocketAddress local_address() const;
  /// Shows other certificates to clients from now on.
  void set_tls(transport::quic::ServerTls tls);
  /// Refuses new clients from now on; sessions go on.
  void stop_accepting();
  /// Ready while no connection is open or closing.
  kio::Poll<kio::Unit> poll_idle(const kio::Waiter& waiter);

 private:
  struct Core;
  explicit Server(std::shared_ptr<Core> core);
  static transport::quic::ServerOptions quic_options(const ServerOptions& options);
  std::shared_ptr<Core> core_;
};

}  // namespace moq::native

#pragma once

#include <memory>
#include <vector>

#include "moq/native/client.h"
#include "moq/net/session.h"
#include "moq/transport/quic/server.h"

namespace moq::native {

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
  /// Secret of the stateless resets; none = derived from the certificate's key.
  std::optional<transport::quic::ResetKey> reset_key;
};

/// Clients whose handshake is done and whom nobody has accepted yet; more wait in the transport.
inline constexpr std::size_t kMaxReadyRequests = 1024;

/// Accepts moq sessions over raw QUIC and WebTransport on one UDP port. Dropping it frees the port,
/// where the machine's sockets are its; sessions that were accepted go on, see
/// `transport::quic::Server`. Belongs to one executor's thread.
class Server {
 public:
  /// Binds. Fails with the network's error.
  static Result<Server> create(const Environment& environment, ServerOptions options);

  /// The next client that has said what it wants. Fails, for good, when the socket does.
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
  std::shared_ptr<Core> core_;
};

}  // namespace moq::native

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/transport/quic/client.h"
#include "moq/transport/quic/connection.h"
#include "moq/transport/quic/tls.h"

namespace moq::transport::quic {

/// One of several servers on one address, each with a thread and a socket of its own. What the
/// first byte of a connection id is, modulo `servers`, is the `index` of who gave it out, so that
/// packets can be steered to it wherever they come from.
struct ServerShare {
  std::uint32_t index = 0;
  std::uint32_t servers = 1;  ///< From 1 to 256.
};

struct ServerOptions {
  ServerOptions(SocketAddress at, std::vector<std::string> protocols, ServerTls how)
      : address(at), alpn(std::move(protocols)), tls(std::move(how)) {}

  SocketAddress address;
  std::vector<std::string> alpn;  ///< By preference; this order decides, not the client's.
  ServerTls tls;
  Parameters parameters;
  /// Without one it is derived from the first identity's private key.
  std::optional<ResetKey> reset_key;
  /// Makes each client prove its address by a Retry first: one more round trip.
  bool retry = false;
  /// Handshakes at once; the rest of the clients are asked to Retry, above twice this dropped.
  std::size_t max_handshakes = 1000;
  /// Connections at once; more are refused.
  std::size_t max_connections = 65536;
  /// Sessions ready and not yet taken by `poll_accept`; more are refused.
  std::size_t max_backlog = 1024;
  ServerShare share;
};

/// One UDP socket with many connections.
class Server {
 public:
  /// Binds. Fails with the network's error.
  static Result<Server> create(const Environment& environment, ServerOptions options);
  /// The same with a socket that is bound already; `options.address` is not looked at.
  static Result<Server> create(const Environment& environment, ServerOptions options,
                               std::unique_ptr<DatagramSocket> socket);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  /// Stops accepting, and frees the address. Sessions that were taken go on, each with a socket of
  /// its own for its peer's address of that moment; the others close with code 0. Where the network
  /// cannot split a socket (`DatagramNetwork::split`), the sessions keep it, and with it the
  /// address.
  ~Server();

  /// The next session whose handshake is done. Fails, for good, when the socket does or after
  /// `close()`.
  kio::Poll<Result<std::unique_ptr<Connection>>> poll_accept(const kio::Waiter& waiter);
  auto accept() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_accept(waiter); });
  }

  [[nodiscard]] SocketAddress local_address() const;
  /// Connections in any state, closing ones included.
  [[nodiscard]] std::size_t connections() const;
  /// Shows other certificates to clients from now on.
  void set_tls(ServerTls tls);
  /// Refuses new clients from now on; sessions go on.
  void stop_accepting();
  /// Closes all sessions with `code` and `reason`, and accepts no more.
  void close(std::uint64_t code, std::string_view reason);
  /// Ready while no connection is open or closing.
  kio::Poll<kio::Unit> poll_idle(const kio::Waiter& waiter);
  auto idle() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_idle(waiter); });
  }

 private:
  struct Core;
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace moq::transport::quic

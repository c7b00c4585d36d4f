#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/kio/executor.h"
#include "moq/transport/quic/connection.h"
#include "moq/transport/quic/tls.h"

namespace moq::transport::quic {

/// What the parts of an endpoint live on; all outlive it and its sessions.
struct Environment {
  Environment(kio::Executor& run_on, DatagramNetwork& sockets, Random& numbers)
      : executor(&run_on), network(&sockets), random(&numbers) {}
  kio::Executor* executor;
  DatagramNetwork* network;
  Random* random;  ///< Unpredictable outside tests: connection ids and challenges come from it.
};

struct DialOptions {
  DialOptions(SocketAddress to, std::string name, std::vector<std::string> protocols, ClientTls how)
      : address(to),
        server_name(std::move(name)),
        alpn(std::move(protocols)),
        tls(std::move(how)) {}

  SocketAddress address;
  /// Host name or IP literal that the certificate must be for. SNI unless it is a literal.
  std::string server_name;
  /// Protocol names by preference. The server's preference decides.
  std::vector<std::string> alpn;
  ClientTls tls;
  Parameters parameters;
};

/// Dials QUIC servers, each from a connected socket of its own. Sessions may outlive it.
class Client {
 public:
  explicit Client(const Environment& environment);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Connects and does the handshake. The task may outlive the client; destroying it gives up.
  /// Fails with `refused` (ICMP), `timeout`, `tls` (the text names the check), `version` (no ALPN
  /// in common), `unreachable`, `transport`.
  kio::Task<Result<std::unique_ptr<Connection>>> dial(DialOptions options);

  /// Ready while no connection is open or closing: after it the process may end without the peer
  /// missing a close.
  kio::Poll<kio::Unit> poll_idle(const kio::Waiter& waiter);
  auto idle() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_idle(waiter); });
  }

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace moq::transport::quic

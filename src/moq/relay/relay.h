#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "moq/native/server.h"
#include "moq/native/websocket_server.h"
#include "moq/relay/certificates.h"
#include "moq/relay/worker_thread.h"

namespace moq::relay {

/// One relay node: clients' sessions around one origin, with as many workers as the configuration
/// says, one of them on the executor's thread, to which all of this belongs.
class Relay {
 public:
  /// Binds the sockets. Fails with the network's error, or `bad_config`.
  static Result<std::unique_ptr<Relay>> create(const native::Environment& environment,
                                               const Config& config);

  /// Serves clients until the socket fails.
  kio::Task<Error> run();
  /// Sends GOAWAY to everybody and takes nobody in; ready when all have left or `timeout` is over:
  /// then who is still there is closed with `goaway_timeout`.
  kio::Task<void> drain(Duration timeout);
  /// Reads the certificate files again, for sessions from now on; an event tells how it went. If a
  /// file is of no use, all stays as it was.
  void reload_certificates();

  /// Whether a client whose request is `target` ("/room?jwt=x") would be let in. What it means to
  /// do there is only known later. Fails with what to answer over HTTP in `Error::wire`.
  [[nodiscard]] Result<void> judge(std::string_view target) const;
  /// Serves a client that came another way than by QUIC.
  void take(net::Request request) { worker_.take(std::move(request)); }

  [[nodiscard]] transport::SocketAddress address() const {
    return worker_.server().local_address();
  }
  /// Where sessions over TCP are taken; none if they are not.
  [[nodiscard]] const std::optional<transport::SocketAddress>& tcp_address() const {
    return tcp_address_;
  }
  /// SHA-256 of the first certificate, as it is now.
  [[nodiscard]] const transport::quic::Fingerprint& fingerprint() const {
    return certificates_.first().fingerprint();
  }
  /// How it takes those who come by WebSocket.
  [[nodiscard]] native::WebSocketServerOptions websocket_options() const;
  /// What it shows to those who come by TLS.
  [[nodiscard]] const transport::quic::ServerTls& tls() const { return certificates_.tls(); }
  [[nodiscard]] const net::origin::Producer& origin() const { return node_.origin; }
  [[nodiscard]] const Grants& grants() const { return node_.grants; }
  /// Of all workers.
  [[nodiscard]] std::size_t sessions() const {
    return node_.sessions.load(std::memory_order_relaxed);
  }

 private:
  Relay(const native::Environment& environment, const Config& config, native::Server server,
        net::origin::Producer origin, Certificates certificates);
  kio::Task<void> renew_certificates();
  void show_certificates();

  native::Environment environment_;
  std::vector<net::Version> versions_;
  Duration handshake_timeout_;
  std::optional<transport::SocketAddress> tcp_address_;
  Node node_;
  Certificates certificates_;
  Worker worker_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;  // The other workers.
  kio::TaskGroup tasks_;                                // Last: its tasks use all of the above.
};

/// How often the relay looks whether its generated certificate is to be renewed. The monotonic
/// clock stands while the machine sleeps, and the wall clock may be set, so no timer could wait for
/// that moment.
inline constexpr Duration kRenewalCheck = 1min;
/// And how long it waits if that failed.
inline constexpr Duration kRenewalRetry = 1h;

}  // namespace moq::relay

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "moq/native/server.h"
#include "moq/native/websocket_server.h"
#include "moq/relay/certificates.h"

namespace moq::relay {

/// One relay node: clients' sessions around one origin. Belongs to the executor's thread.
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
  void take(net::Request request) { tasks_.spawn(serve(std::move(request))); }

  [[nodiscard]] transport::SocketAddress address() const { return server_.local_address(); }
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
  [[nodiscard]] const net::origin::Producer& origin() const { return origin_; }
  [[nodiscard]] const Grants& grants() const { return grants_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  Relay(const native::Environment& environment, const Config& config, native::Server server,
        net::origin::Producer origin, Certificates certificates);
  kio::Task<void> renew_certificates();
  kio::Task<void> serve(net::Request request);
  [[nodiscard]] Result<net::SessionOptions> admit_session(const net::Request& request) const;

  native::Environment environment_;
  Grants grants_;
  std::vector<net::Version> versions_;
  Duration handshake_timeout_;
  native::Server server_;
  std::optional<transport::SocketAddress> tcp_address_;
  net::origin::Producer origin_;
  Certificates certificates_;
  std::map<std::uint64_t, net::Session*> sessions_;
  std::uint64_t next_id_ = 1;
  bool draining_ = false;
  kio::WaiterList on_left_;
  kio::TaskGroup tasks_;  // Last: its tasks use all of the above.
};

/// A publisher that is away for less than this is not missed: subscribers wait on.
inline constexpr Duration kRetractionDelay = 2s;

/// How often the relay looks whether its generated certificate is to be renewed. The monotonic
/// clock stands while the machine sleeps, and the wall clock may be set, so no timer could wait for
/// that moment.
inline constexpr Duration kRenewalCheck = 1min;
/// And how long it waits if that failed.
inline constexpr Duration kRenewalRetry = 1h;

}  // namespace moq::relay

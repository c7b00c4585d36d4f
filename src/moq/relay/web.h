#pragma once

#include <memory>

#include "moq/relay/relay.h"

namespace moq::relay {

/// Clients at once that ask for a page, or have no WebSocket session yet; more are turned away.
inline constexpr std::size_t kMaxHttpConnections = 256;

/// HTTP beside the relay: the pages for people and scripts, and the way in for those whom UDP does
/// not reach. `WebServer` over TCP. Belongs to the loop's thread.
class Web {
 public:
  enum class Kind : std::uint8_t {
    http,
    https,  ///< Over TLS, with the relay's certificates as they are when a client comes.
  };

  /// Binds. Fails with the network's error. `environment` needs a loop; it and `relay` must outlive
  /// it.
  static Result<std::unique_ptr<Web>> create(const native::Environment& environment, Relay& relay,
                                             Kind kind, const transport::SocketAddress& address);
  ~Web();
  [[nodiscard]] transport::SocketAddress address() const;

 private:
  class Listener;
  explicit Web(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace moq::relay

#pragma once

#include <memory>

#include "moq/io/loop.h"
#include "moq/relay/relay.h"

namespace moq::relay {

/// Limits of the web listener; nothing in it needs more.
inline constexpr std::size_t kMaxHttpRequestBytes = 16 << 10;
inline constexpr std::size_t kMaxHttpConnections = 256;
/// A connection that sends or takes nothing for this long is dropped.
inline constexpr Duration kHttpTimeout = 10s;

/// Plain HTTP beside the relay, for people and scripts: `/certificate.sha256`,
/// `/announced[/PREFIX]`,
/// `/fetch/BROADCAST/TRACK?group=N`, `/health`. Belongs to the loop's thread.
class Web {
 public:
  /// Binds. Fails with the network's error. `loop` and `relay` must outlive it.
  static Result<std::unique_ptr<Web>> create(io::Loop& loop, Relay& relay,
                                             const transport::SocketAddress& address);
  ~Web();
  [[nodiscard]] transport::SocketAddress address() const;

 private:
  class Server;
  explicit Web(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace moq::relay

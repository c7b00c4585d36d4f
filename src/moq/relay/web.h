#pragma once

#include <memory>

#include "moq/io/loop.h"
#include "moq/relay/relay.h"

namespace moq::relay {

/// Clients at once; more are turned away.
inline constexpr std::size_t kMaxHttpConnections = 256;

/// Plain HTTP beside the relay, for people and scripts: `WebPages` over TCP. Belongs to the loop's
/// thread.
class Web {
 public:
  /// Binds. Fails with the network's error. `loop` and `relay` must outlive it.
  static Result<std::unique_ptr<Web>> create(io::Loop& loop, const Relay& relay,
                                             const transport::SocketAddress& address);
  ~Web();
  [[nodiscard]] transport::SocketAddress address() const;

 private:
  class Server;
  explicit Web(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace moq::relay

#pragma once

#include <cstdint>

#include "moq/net/moqt/internal/connection.h"

namespace moq::net::moqt {

/// The subscriber half of a session: learns of the peer's broadcasts, puts them into our origin as
/// routes, and subscribes to the tracks that are asked of those routes.
class Subscriber {
 public:
  explicit Subscriber(Connection& connection);
  ~Subscriber();

  /// The session begins; the options are known, the peer's SETUP may not be.
  void start();
  /// The session is over, and so are its routes, unless they linger. No task of the session runs
  /// any more, and requests that are still held say nothing. May come twice.
  void stop();
  /// After GOAWAY of either side: all other routes are better now, and nothing new is asked of the
  /// peer.
  void drain();

  /// The whole life of a subgroup stream, after its type. Each runs as a task of the session.
  kio::Task<void> receive_subgroup(StreamReader reader, std::uint64_t type);
  /// The whole life of a fetch or fill stream, after its type.
  kio::Task<void> receive_fetch(StreamReader reader);
  /// One that is no padding.
  void receive_datagram(const Datagram& datagram);
  /// The whole life of a request of the peer.
  kio::Task<void> serve_publish_namespace(IncomingRequest request);
  kio::Task<void> serve_publish(IncomingRequest request);

 private:
  Connection& connection_;
};

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "moq/base/result.h"
#include "moq/kio/task.h"
#include "moq/transport/datagram_socket.h"

namespace moq::io {

using Addresses = std::vector<transport::SocketAddress>;

/// Turns host names into addresses without blocking the caller's executor: each name is looked up
/// on a thread of its own.
class Resolver {
 public:
  /// Blocks until it knows. Called on a helper thread.
  using Lookup = std::function<Result<Addresses>(const std::string& host, std::uint16_t port)>;

  /// Asks the system (getaddrinfo).
  Resolver();
  explicit Resolver(Lookup lookup);

  /// The addresses of `host` with `port`, best first, at most `kMaxAddresses`. A literal address,
  /// with or without brackets, is answered at once. `name_not_found` if there is none. Destroying
  /// the task forgets the lookup; its thread ends by itself.
  kio::Task<Result<Addresses>> resolve(std::string host, std::uint16_t port);

  /// Lookups under way at one time; others wait. A dead name server holds each for half a minute.
  static constexpr std::size_t kMaxLookups = 8;
  /// More addresses of one name are not tried by anybody.
  static constexpr std::size_t kMaxAddresses = 32;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The system's lookup, blocking.
Result<Addresses> system_lookup(const std::string& host, std::uint16_t port);

}  // namespace moq::io

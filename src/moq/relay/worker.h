#pragma once

#include <atomic>
#include <cstdint>
#include <map>

#include "moq/native/server.h"
#include "moq/relay/auth.h"

namespace moq::relay {

/// What the workers of a node have in common.
struct Node {
  Node(Grants who_may, net::origin::Producer all)
      : grants(std::move(who_may)), origin(std::move(all)) {}
  const Grants grants;
  const net::origin::Producer origin;     ///< To be cloned; each thread has its own handle.
  std::atomic<std::uint64_t> next_id{1};  ///< Of sessions, as the log names them.
  std::atomic<std::size_t> sessions{0};   ///< That are open.
};

/// The sessions of one thread of a relay: clients of one server around the node's origin. Belongs
/// to the executor's thread.
class Worker {
 public:
  /// `node` must outlive it.
  Worker(const native::Environment& environment, Node& node, native::Server server);

  /// Serves clients until the socket fails.
  kio::Task<Error> run();
  /// Serves a client that came another way than by the server.
  void take(net::Request request) { tasks_.spawn(serve(std::move(request))); }
  /// Takes nobody in from now on, and sends GOAWAY to everybody; ready when all have left or
  /// `timeout` is over: then who is still there is closed with `goaway_timeout`, and counted.
  kio::Task<std::size_t> drain(Duration timeout);

  [[nodiscard]] native::Server& server() { return server_; }
  [[nodiscard]] const native::Server& server() const { return server_; }
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  kio::Task<void> serve(net::Request request);
  [[nodiscard]] Result<net::SessionOptions> admit_session(const net::Request& request) const;

  kio::Executor& executor_;
  Node& node_;
  native::Server server_;
  net::origin::Producer origin_;
  std::map<std::uint64_t, net::Session*> sessions_;
  bool draining_ = false;
  kio::WaiterList on_left_;
  kio::TaskGroup tasks_;  // Last: its tasks use all of the above.
};

/// A publisher that is away for less than this is not missed: subscribers wait on.
inline constexpr Duration kRetractionDelay = 2s;

}  // namespace moq::relay

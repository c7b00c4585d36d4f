#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <type_traits>

#include "moq/io/fd.h"
#include "moq/kio/executor.h"
#include "moq/transport/datagram_socket.h"

/// The machine: sockets, names, signals, standard streams, and the loop that waits for them.
namespace moq::io {

class FdWatch;

/// An executor on Linux epoll and the monotonic clock, for one thread. Sockets, timers and tasks
/// belong to that thread; `post`, `stop` and wakes come from any. An idle loop makes no wake-ups.
class Loop final : public kio::Executor, public transport::DatagramNetwork {
 public:
  static Result<std::unique_ptr<Loop>> create();
  ~Loop() override;

  kio::Clock& clock() override { return clock_; }

  /// Runs `task` to its end, and everything else beside it; returns its value.
  template <typename T>
  T run(kio::Task<T> task) {
    kio::Spawned<T> spawned = spawn(std::move(task));
    begin();
    for (bool more = run_ready(); !spawned.finished(); more = run_ready()) wait_for_events(!more);
    auto value = spawned.poll_join(kio::Waiter::none());
    if constexpr (!std::is_void_v<T>) return *std::move(value);
  }
  /// Runs until `stop()`, which may have come before.
  void run();
  /// Ends `run()` after its current turn. From any thread.
  void stop();

  /// UDP sockets, see `UdpSocket`.
  Result<std::unique_ptr<transport::DatagramSocket>> bind(
      const transport::SocketAddress& local) override;
  Result<std::unique_ptr<transport::DatagramSocket>> connect(
      const transport::SocketAddress& remote) override;
  /// `bound` must be of a loop.
  Result<std::unique_ptr<transport::DatagramSocket>> split(
      transport::DatagramSocket& bound, const transport::SocketAddress& local,
      const transport::SocketAddress& remote) override;
  /// UDP sockets made from now on send segment by segment, for networks that mistreat GSO.
  void disable_segmentation() { segmentation_ = false; }
  [[nodiscard]] bool uses_segmentation() const { return segmentation_; }
  /// What is connected from now on sends from `local`; port 0 = any.
  void connect_from(const transport::SocketAddress& local) { local_ = local; }

  /// How often the loop has waited for events, for tests of idleness.
  [[nodiscard]] std::uint64_t waits() const { return waits_; }

 private:
  friend class FdWatch;
  Loop(Fd epoll, Fd wake);
  Result<void> add(FdWatch& watch);
  void set_write_interest(FdWatch& watch, bool wanted);
  void remove(FdWatch& watch);

  void begin();
  bool run_ready();
  void wait_for_events(bool may_block);

  Fd epoll_;
  Fd wake_;
  kio::SystemClock clock_;
  std::size_t watches_ = 0;
  std::uint64_t waits_ = 0;
  bool segmentation_ = true;
  std::optional<transport::SocketAddress> local_;
  std::atomic<bool> stop_{false};
};

}  // namespace moq::io

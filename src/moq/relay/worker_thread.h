#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "moq/relay/worker.h"

namespace moq::relay {

/// A worker with a thread and a loop of its own. All of it belongs to the thread that made it.
class WorkerThread {
 public:
  /// Starts it. `node` must outlive it. `segmentation`: see `io::Loop::disable_segmentation`.
  static Result<std::unique_ptr<WorkerThread>> start(Node& node, native::ServerOptions options,
                                                     native::ServerMember member,
                                                     bool segmentation);
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;
  /// Ends the thread, and with it the sessions that are still there.
  ~WorkerThread();

  void set_tls(transport::quic::ServerTls tls);
  /// Begins what `Worker::drain` does; once.
  void drain(Duration timeout);
  /// Ready when that is done, with how many sessions were left.
  kio::Poll<std::size_t> poll_drained(const kio::Waiter& waiter);
  /// Ready when it serves no more: its socket failed.
  kio::Poll<Error> poll_failed(const kio::Waiter& waiter);

 private:
  /// What the thread tells of itself.
  struct Progress {
    std::optional<Error> failed;
    std::optional<std::size_t> left;  ///< After draining.
  };
  WorkerThread(Node& node, std::unique_ptr<io::Loop> loop);
  void run(native::ServerOptions options, native::ServerMember member);
  static kio::Task<void> serve(Worker& worker, kio::Producer<Progress> progress);
  static kio::Task<void> drain(Worker& worker, Duration timeout, kio::Producer<Progress> progress);

  Node& node_;
  std::unique_ptr<io::Loop> loop_;
  kio::Producer<Progress> progress_;
  Worker* worker_ = nullptr;     ///< Its thread's; there while the loop runs.
  kio::Spawned<void> draining_;  ///< Its thread's.
  std::thread thread_;
};

}  // namespace moq::relay

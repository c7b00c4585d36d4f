#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/kio/executor.h"
#include "moq/native/client.h"

namespace moq::capi {

/// The library's thread: its loop, and what lives there. Started once and never ended, but for the
/// process's exit, which it survives: `quiesce()`.
class Runtime {
 public:
  /// Starts the thread; lives as long as the process. Fails with what the system refused.
  static Result<Runtime*> start();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime() = delete;

  /// Runs `function` on the library's thread. From any thread.
  void post(std::move_only_function<void()> function) { loop_->post(std::move(function)); }

  /// For what is made on any thread, and lives on the library's.
  [[nodiscard]] native::Environment environment() { return {*loop_, resolver_, random_}; }
  /// Whether this is a forked child of the process that started the thread, which has none.
  [[nodiscard]] bool left_behind() const;

  // All below belong to the library's thread.
  [[nodiscard]] io::Loop& loop() { return *loop_; }
  [[nodiscard]] kio::Clock& clock() { return loop_->clock(); }
  /// Everything that runs.
  [[nodiscard]] kio::TaskGroup& tasks() { return tasks_; }
  /// Runs `function` of the application. The process may exit meanwhile.
  template <typename Function>
  void call_out(Function&& function) {
    enter(Phase::application);
    function();
    enter(Phase::library);
  }

  /// For the exit of the process: ends the sessions, so that their peers learn of it, and returns
  /// once the thread runs no code of the library any more, and never will. A callback that runs is
  /// not waited for: it may be what waits for us. Called on the library's thread, from a callback,
  /// it returns at once.
  void quiesce();

 private:
  enum class Phase : std::uint8_t { library, application, parked };

  explicit Runtime(std::unique_ptr<io::Loop> loop);
  void run();
  /// Notes what the thread does from now on; never returns once the process exits.
  void enter(Phase phase);

  std::unique_ptr<io::Loop> loop_;
  io::Resolver resolver_;
  SystemRandom random_;
  kio::TaskGroup tasks_;

  /// What the thread is doing, for `quiesce()`.
  std::mutex phase_mutex_;
  std::condition_variable phase_changed_;
  Phase phase_ = Phase::library;
  bool exiting_ = false;
  const pid_t process_;
  std::thread::id thread_;
};

}  // namespace moq::capi

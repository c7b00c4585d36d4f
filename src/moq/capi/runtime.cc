#include "moq/capi/internal/runtime.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

namespace moq::capi {
namespace {

/// How long the process's exit waits for the thread to come to rest: it never blocks for long.
constexpr std::chrono::milliseconds kExitLimit{1000};

[[noreturn]] void park() {
  for (;;) pause();
}

/// Signals are for the application's own threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Runtime::Runtime(std::unique_ptr<io::Loop> loop)
    : loop_(std::move(loop)), tasks_(*loop_), process_(getpid()) {}

bool Runtime::left_behind() const { return getpid() != process_; }

Result<Runtime*> Runtime::start() {
  MOQ_TRY(auto loop, io::Loop::create());
  auto* runtime = new Runtime(std::move(loop));
  const SignalsBlocked blocked;  // The new thread inherits the mask.
  try {
    std::thread thread([runtime] { runtime->run(); });
    pthread_setname_np(thread.native_handle(), "libmoq");
    thread.detach();
  } catch (const std::system_error& error) {
    return fail(Code::io, std::string("no thread: ") + error.what());
  }
  return runtime;
}

void Runtime::run() {
  {
    const std::lock_guard lock(phase_mutex_);
    thread_ = std::this_thread::get_id();
  }
  loop_->run();
  // Only the exit of the process stops the loop.
  enter(Phase::parked);
}

void Runtime::enter(Phase phase) {
  {
    const std::lock_guard lock(phase_mutex_);
    // A callback that returns while the process exits finds the library gone.
    phase_ = exiting_ && phase_ == Phase::application ? Phase::parked : phase;
    if (phase_ != Phase::parked) return;
  }
  phase_changed_.notify_all();
  park();
}

void Runtime::quiesce() {
  if (left_behind()) return;
  std::unique_lock lock(phase_mutex_);
  if (std::this_thread::get_id() == thread_) return;
  exiting_ = true;
  post([this] {
    tasks_.clear();  // Each session tells its peer as it goes.
    loop_->stop();
  });
  phase_changed_.wait_for(lock, kExitLimit, [this] { return phase_ != Phase::library; });
}

}  // namespace moq::capi

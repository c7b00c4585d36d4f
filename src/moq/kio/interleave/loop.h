#pragma once

#include "moq/kio/executor.h"
#include "moq/kio/interleave/scheduler.h"

namespace moq::kio::interleave {

/// An executor for one thread of a program, which waits when it has nothing to do.
class Loop : public Clock, public Executor {
 public:
  Loop() : Executor([this] { event_.set(); }) {}
  ~Loop() override { queue_->close(); }
  Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return {}; }

  void run_once() {
    queue_->bind_to_this_thread();
    while (queue_->run_batch()) {
    }
  }
  /// Runs until `done()`; asks after each turn.
  template <typename Done>
  void run_until(Done&& done) {
    for (;;) {
      run_once();
      if (done()) return;
      event_.wait();
    }
  }
  /// From another thread: makes `run_until` ask again.
  void nudge() { event_.set(); }

 private:
  Event event_;
};

}  // namespace moq::kio::interleave

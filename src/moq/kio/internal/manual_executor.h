#pragma once

#include "moq/kio/executor.h"

namespace moq::kio {

/// For the tests of kio: an executor driven by hand, on a clock that stands still unless told.
class ManualExecutor : public Clock, public Executor {
 public:
  ManualExecutor() : Executor(nullptr) {}
  Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return now_; }

  /// Runs all that can run now.
  void run() {
    queue_->bind_to_this_thread();
    while (queue_->run_batch()) {
    }
  }
  void advance(Duration by) {
    now_ += by;
    fire(now_);
    run();
  }

 private:
  TimePoint now_{};
};

}  // namespace moq::kio

#include "moq/kio/interleave/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

namespace moq::kio::interleave {
namespace {

constexpr std::size_t kNobody = SIZE_MAX;

/// One place where several threads could go on.
struct Decision {
  std::vector<std::size_t> options;
  std::size_t taken = 0;
};

class Scheduler {
 public:
  explicit Scheduler(std::size_t preemptions) : most_preemptions_(preemptions) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler() {
    for (const auto& thread : threads_) {
      thread->function = nullptr;
      thread->turn.release();
    }
  }

  /// Runs one order of `program`: the decisions made so far, then always the first option.
  void run(const Program& program);
  /// Goes to the next order; false if there is none.
  bool next();
  [[nodiscard]] std::string describe() const;

  void pause(std::size_t self) { switch_to(self, choose(self)); }
  void block(std::size_t self, const void* on) {
    threads_[self]->blocked_on = on;
    switch_to(self, choose(self));
  }
  void unblock(const void* on) {
    for (const auto& thread : threads_) {
      if (thread->blocked_on == on) thread->blocked_on = nullptr;
    }
  }

 private:
  struct Thread {
    std::binary_semaphore turn{0};
    const std::function<void()>* function = nullptr;  // Null: the thread ends.
    bool finished = false;
    const void* blocked_on = nullptr;
    std::jthread thread;
  };
  void body(std::size_t self);
  /// Who goes on, if `current` is at a point (or `kNobody` is running).
  std::size_t choose(std::size_t current);
  void switch_to(std::size_t from, std::size_t to);
  [[nodiscard]] bool can_run(std::size_t which) const {
    return !threads_[which]->finished && threads_[which]->blocked_on == nullptr;
  }

  const std::size_t most_preemptions_;
  std::vector<Decision> decisions_;
  std::size_t at_decision_ = 0;  // Of the current run.
  std::size_t preempted_ = 0;
  std::binary_semaphore all_done_{0};
  std::vector<std::unique_ptr<Thread>> threads_;  // The same for all runs.
};

// The twins of mutex and atomic have nowhere else to get these from. Set while a program runs.
Scheduler* scheduler = nullptr;
thread_local std::size_t this_thread = kNobody;

void Scheduler::run(const Program& program) {
  at_decision_ = 0;
  preempted_ = 0;
  scheduler = this;
  while (threads_.size() < program.threads.size()) {
    Thread& thread = *threads_.emplace_back(std::make_unique<Thread>());
    thread.thread = std::jthread([this, self = threads_.size() - 1, &thread] {
      this_thread = self;
      for (thread.turn.acquire(); thread.function; thread.turn.acquire()) body(self);
    });
  }
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    threads_[i]->function = &program.threads.at(i);
    threads_[i]->finished = false;
  }
  threads_[choose(kNobody)]->turn.release();
  all_done_.acquire();
  scheduler = nullptr;
}

void Scheduler::body(std::size_t self) {
  (*threads_[self]->function)();
  threads_[self]->finished = true;
  if (std::ranges::all_of(threads_, [](const auto& thread) { return thread->finished; })) {
    all_done_.release();
  } else {
    threads_[choose(kNobody)]->turn.release();
  }
}

std::size_t Scheduler::choose(std::size_t current) {
  std::vector<std::size_t> options;
  const bool may_stay = current != kNobody && can_run(current);
  if (may_stay) options.push_back(current);
  if (!may_stay || preempted_ < most_preemptions_) {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      if (i != current && can_run(i)) options.push_back(i);
    }
  }
  if (options.empty()) {
    std::fprintf(stderr, "all threads wait for ever, in the order %s\n", describe().c_str());
    std::abort();
  }
  std::size_t chosen = options.front();
  if (options.size() > 1) {
    if (at_decision_ == decisions_.size()) decisions_.push_back({options, 0});
    const Decision& decision = decisions_[at_decision_++];
    if (decision.options != options) {
      std::fprintf(stderr, "the program is not the same each time\n");
      std::abort();
    }
    chosen = options[decision.taken];
  }
  if (may_stay && chosen != current) ++preempted_;
  return chosen;
}

void Scheduler::switch_to(std::size_t from, std::size_t to) {
  if (from == to) return;
  threads_[to]->turn.release();
  threads_[from]->turn.acquire();
}

bool Scheduler::next() {
  while (!decisions_.empty()) {
    Decision& last = decisions_.back();
    if (++last.taken < last.options.size()) return true;
    decisions_.pop_back();
  }
  return false;
}

std::string Scheduler::describe() const {
  std::string out;
  for (const Decision& decision : decisions_) {
    out += std::to_string(decision.options[decision.taken]);
  }
  return out;
}

}  // namespace

std::size_t explore(const std::function<Program()>& make, std::size_t preemptions) {
  Scheduler exploring(preemptions);
  std::size_t orders = 0;
  do {
    const Program program = make();
    exploring.run(program);
    if (program.check) program.check();
    ++orders;
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "in order " << orders << ": threads " << exploring.describe();
      break;
    }
  } while (exploring.next());
  return orders;
}

void point() {
  if (scheduler && this_thread != kNobody) scheduler->pause(this_thread);
}

void Mutex::lock() {
  point();
  while (held_) {
    if (this_thread == kNobody) std::abort();  // Nobody else runs: it would wait for ever.
    scheduler->block(this_thread, this);
  }
  held_ = true;
}

void Mutex::unlock() {
  held_ = false;
  if (scheduler) scheduler->unblock(this);
}

void Event::set() {
  set_ = true;
  if (scheduler) scheduler->unblock(this);
}

void Event::wait() {
  point();
  while (!set_) scheduler->block(this_thread, this);
  set_ = false;
}

}  // namespace moq::kio::interleave

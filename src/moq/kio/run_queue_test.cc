#include "moq/kio/run_queue.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

namespace moq::kio {
namespace {

class Call final : public WakeNode {
 public:
  Call(const Ref<RunQueue>& queue, std::function<void()> function)
      : WakeNode(queue), function_(std::move(function)) {}

 private:
  void run() override { function_(); }
  std::function<void()> function_;
};

/// Counts its living instances.
class Counter {
 public:
  explicit Counter(int& alive) : alive_(alive) { ++alive_; }
  Counter(const Counter& other) : alive_(other.alive_) { ++alive_; }
  Counter& operator=(const Counter&) = delete;
  ~Counter() { --alive_; }

 private:
  int& alive_;
};

TEST(RunQueue, RunsInOrderOfWaking) {
  const auto queue = Ref<RunQueue>::make(nullptr);
  std::vector<int> log;
  std::vector<Ref<Call>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(Ref<Call>::make(queue, [&log, i] { log.push_back(i); }));
  }
  calls[2]->wake();
  queue->bind_to_this_thread();
  calls[0]->wake();
  calls[1]->wake();
  calls[0]->wake();
  EXPECT_FALSE(queue->idle());
  EXPECT_FALSE(queue->run_batch());
  EXPECT_EQ(log, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(queue->idle());
  queue->close();
}

TEST(RunQueue, WhatABatchQueuesRunsInTheNext) {
  const auto queue = Ref<RunQueue>::make(nullptr);
  queue->bind_to_this_thread();
  int runs = 0;
  WakeNode* self = nullptr;
  const auto call = Ref<Call>::make(queue, [&] {
    if (++runs < 3) self->wake();
  });
  self = call.get();
  call->wake();
  EXPECT_TRUE(queue->run_batch());
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(queue->run_batch());
  EXPECT_FALSE(queue->run_batch());
  EXPECT_EQ(runs, 3);
  queue->close();
}

TEST(RunQueue, NotifiesOnceUntilItRuns) {
  int notified = 0;
  const auto queue = Ref<RunQueue>::make([&] { ++notified; });
  const auto a = Ref<Call>::make(queue, [] {});
  const auto b = Ref<Call>::make(queue, [] {});
  a->wake();  // From a thread that does not run the queue.
  b->wake();
  EXPECT_EQ(notified, 1);
  queue->bind_to_this_thread();
  queue->run_batch();
  a->wake();  // From the one that does.
  EXPECT_EQ(notified, 1);
  queue->close();
}

TEST(RunQueue, CloseDropsWhatIsQueuedAndWhatComes) {
  int alive = 0;
  int notified = 0;
  int runs = 0;
  const auto queue = Ref<RunQueue>::make([&] { ++notified; });
  const auto push = [&] {
    const Counter counter(alive);
    return queue->push(Ref<Call>::make(queue, [counter, &runs] { ++runs; }));
  };
  EXPECT_TRUE(push());
  queue->bind_to_this_thread();
  EXPECT_TRUE(push());
  EXPECT_EQ(alive, 2);

  queue->close();

  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(push());
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(notified, 1);
  EXPECT_FALSE(queue->run_batch());
  EXPECT_EQ(runs, 0);
}

TEST(RunQueue, WhatCloseDropsMayPush) {
  const auto queue = Ref<RunQueue>::make(nullptr);
  int alive = 0;
  struct PushAtEnd {
    Ref<RunQueue> queue;
    Counter counter;
    PushAtEnd(const Ref<RunQueue>& to, int& count) : queue(to), counter(count) {}
    PushAtEnd(const PushAtEnd&) = default;
    ~PushAtEnd() {
      if (queue) queue->push(Ref<Call>::make(queue, [held = counter] {}));
    }
  };
  queue->push(Ref<Call>::make(queue, [held = PushAtEnd(queue, alive)] {}));
  queue->close();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace moq::kio

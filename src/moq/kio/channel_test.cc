#include "moq/kio/channel.h"

#include <gtest/gtest.h>

#include "moq/kio/executor.h"

namespace moq::kio {
namespace {

/// An executor driven by hand, on a clock that stands still unless told.
class Bench : public Executor, public Clock {
 public:
  Bench() : Executor([] {}) { queue_->bind_to_this_thread(); }
  Clock& clock() override { return *this; }
  TimePoint now() const override { return now_; }
  void run() {
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

TEST(Channel, WriteWakesWaitingTask) {
  Bench bench;
  Producer<int> producer(1);
  int seen = 0;
  auto task = [](Consumer<int> consumer, int& out) -> Task<void> {
    auto at_least_two = [](const int& value) -> Poll<int> {
      if (value < 2) return kPending;
      return value;
    };
    auto got = co_await consumer.when(at_least_two);
    out = *got;
  };
  auto spawned = bench.spawn(task(producer.consume(), seen));
  bench.run();
  EXPECT_EQ(seen, 0);
  producer.set(2);
  bench.run();
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(spawned.finished());
}

TEST(Timer, FiresInOrder) {
  Bench bench;
  std::vector<int> order;
  auto task = [](Clock& clock, Duration delay, int id, std::vector<int>& out) -> Task<void> {
    co_await sleep(clock, delay);
    out.push_back(id);
  };
  TaskGroup group(bench);
  group.spawn(task(bench, 3s, 3, order));
  group.spawn(task(bench, 1s, 1, order));
  group.spawn(task(bench, 2s, 2, order));
  bench.run();
  bench.advance(1s);
  bench.advance(2s);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(group.size(), 0U);
}

}  // namespace
}  // namespace moq::kio

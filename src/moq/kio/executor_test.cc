#include "moq/kio/executor.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moq/kio/channel.h"
#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// Runs a function when destroyed.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> function) : function_(std::move(function)) {}
  AtEnd(AtEnd&& other) noexcept : function_(std::exchange(other.function_, nullptr)) {}
  AtEnd& operator=(AtEnd&&) = delete;
  ~AtEnd() {
    if (function_) function_();
  }

 private:
  std::function<void()> function_;
};

Task<void> count(int& runs) {
  ++runs;
  co_return;
}

Task<void> forever(AtEnd at_end) {
  const AtEnd mine = std::move(at_end);
  co_await wait([](const Waiter&) -> Poll<Unit> { return kPending; });
}

Task<void> until_closed(Consumer<int> consumer, AtEnd at_end) {
  const AtEnd mine = std::move(at_end);
  co_await consumer.closed();
}

AtEnd counting(int& ended) {
  return AtEnd([&ended] { ++ended; });
}

TEST(Executor, RunsPostedFunctionsInOrder) {
  ManualExecutor executor;
  std::vector<int> log;
  executor.post([&] {
    log.push_back(1);
    executor.post([&] { log.push_back(3); });
  });
  executor.post([&] { log.push_back(2); });
  EXPECT_TRUE(log.empty());
  executor.run();
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
}

TEST(Executor, ATaskMaySpawnAnother) {
  ManualExecutor executor;
  int runs = 0;
  auto task = [](ManualExecutor& on, int& out) -> Task<void> {
    auto inner = on.spawn(count(out));
    co_await inner.join();
    ++out;
  };
  const auto spawned = executor.spawn(task(executor, runs));
  executor.run();
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(spawned.finished());
}

TEST(Executor, EndsBeforeItsTasks) {
  int ended = 0;
  Producer<int> producer;
  Spawned<void> waiting;
  Spawned<void> unstarted;
  {
    ManualExecutor executor;
    waiting = executor.spawn(until_closed(producer.consume(), counting(ended)));
    executor.run();
    unstarted = executor.spawn(until_closed(producer.consume(), counting(ended)));
  }
  producer.close();  // Wakes a task that never runs again.
  EXPECT_EQ(ended, 0);
  waiting.cancel();
  EXPECT_EQ(ended, 1);
  unstarted.cancel();
  EXPECT_EQ(ended, 2);
}

TEST(Executor, EndsBeforeTasksThatSleep) {
  int ended = 0;
  ManualExecutor clock;  // The clock outlives its timers, the executor need not.
  Spawned<void> sleeping;
  {
    ManualExecutor executor;
    auto task = [](Clock& by, AtEnd at_end) -> Task<void> {
      const AtEnd mine = std::move(at_end);
      co_await sleep(by, 1s);
    };
    sleeping = executor.spawn(task(clock, counting(ended)));
    executor.run();
  }
  clock.advance(2s);
  EXPECT_EQ(ended, 0);
  sleeping.cancel();
  EXPECT_EQ(ended, 1);
}

TEST(Executor, DropsWhatWasPostedAndDidNotRun) {
  int ended = 0;
  int runs = 0;
  {
    ManualExecutor executor;
    executor.post([guard = counting(ended), &runs] { ++runs; });
  }
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(runs, 0);
}

TEST(Remote, PostsUntilTheExecutorEnds) {
  int runs = 0;
  int ended = 0;
  std::optional<Remote> remote;
  {
    ManualExecutor executor;
    remote = executor.remote();
    EXPECT_TRUE(remote->post([&runs] { ++runs; }));
    executor.run();
    EXPECT_TRUE(remote->post([guard = counting(ended), &runs] { ++runs; }));
  }
  EXPECT_EQ(ended, 1);
  EXPECT_FALSE(remote->post([guard = counting(ended), &runs] { ++runs; }));
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(runs, 1);
}

TEST(TaskGroup, DropsEachTaskWhenItEnds) {
  ManualExecutor executor;
  TaskGroup group(executor);
  Producer<int> producer;
  int ended = 0;
  int runs = 0;
  group.spawn(until_closed(producer.consume(), counting(ended)));
  group.spawn(count(runs));
  EXPECT_EQ(group.size(), 2U);
  executor.run();
  EXPECT_EQ(group.size(), 1U);
  EXPECT_EQ(runs, 1);
  producer.close();
  executor.run();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(ended, 1);
}

TEST(TaskGroup, IsEmptyOnlyAfterWhatItsTasksOwnedIsGone) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int ended = 0;
  int ended_when_empty = -1;
  auto holds = [](AtEnd) -> Task<void> { co_return; };
  auto watches = [](TaskGroup& of, const int& now, int& out) -> Task<void> {
    co_await of.empty();
    out = now;
  };
  group.spawn(holds(counting(ended)));
  const auto watcher = executor.spawn(watches(group, ended, ended_when_empty));
  executor.run();
  EXPECT_EQ(ended_when_empty, 1);
}

TEST(TaskGroup, IsEmptyWhenNothingWasSpawned) {
  ManualExecutor executor;
  TaskGroup group(executor);
  EXPECT_TRUE(group.poll_empty(Waiter::none()).ready());
  int runs = 0;
  group.spawn(count(runs));
  EXPECT_TRUE(group.poll_empty(Waiter::none()).pending());
}

TEST(TaskGroup, ItsEndCancelsAll) {
  ManualExecutor executor;
  int ended = 0;
  {
    TaskGroup group(executor);
    for (int i = 0; i < 10; ++i) group.spawn(forever(counting(ended)));
    executor.run();
    EXPECT_EQ(ended, 0);
  }
  EXPECT_EQ(ended, 10);
}

TEST(TaskGroup, ClearWakesWhoWaitsForItToEmpty) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int ended = 0;
  group.spawn(forever(counting(ended)));
  auto watches = [](TaskGroup& of) -> Task<void> { co_await of.empty(); };
  const auto watcher = executor.spawn(watches(group));
  executor.run();
  EXPECT_FALSE(watcher.finished());
  group.clear();
  executor.run();
  EXPECT_TRUE(watcher.finished());
}

TEST(TaskGroup, AMemberMayClearIt) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int ended = 0;
  int after_clear = 0;
  auto clears = [](TaskGroup& of, AtEnd, int& out) -> Task<void> {
    of.clear();
    out = 1;
    co_await wait([](const Waiter&) -> Poll<Unit> { return kPending; });
    out = 2;
  };
  group.spawn(forever(counting(ended)));
  group.spawn(clears(group, counting(ended), after_clear));
  group.spawn(forever(counting(ended)));
  executor.run();
  EXPECT_EQ(after_clear, 1);
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(group.size(), 0U);
  int runs = 0;
  group.spawn(count(runs));
  executor.run();
  EXPECT_EQ(runs, 1);
}

TEST(TaskGroup, AMemberMayClearItAndEnd) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int ended = 0;
  auto clears = [](TaskGroup& of, AtEnd) -> Task<void> {
    of.clear();
    co_return;
  };
  group.spawn(clears(group, counting(ended)));
  executor.run();
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, AMemberMayDestroyIt) {
  ManualExecutor executor;
  int ended = 0;
  auto group = std::make_unique<TaskGroup>(executor);
  auto destroys = [](std::unique_ptr<TaskGroup>& of, AtEnd) -> Task<void> {
    of.reset();
    co_return;
  };
  group->spawn(forever(counting(ended)));
  group->spawn(destroys(group, counting(ended)));
  executor.run();
  EXPECT_EQ(ended, 2);
}

TEST(TaskGroup, ACancelledMemberMaySpawnAndClear) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int runs = 0;
  group.spawn(forever(AtEnd([&] {
    group.clear();
    group.spawn(count(runs));
  })));
  executor.run();
  group.clear();
  EXPECT_EQ(group.size(), 1U);
  executor.run();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, AMemberMaySpawnIntoIt) {
  ManualExecutor executor;
  TaskGroup group(executor);
  int runs = 0;
  auto spawns = [](TaskGroup& of, int& out) -> Task<void> {
    of.spawn(count(out));
    of.spawn(count(out));
    co_return;
  };
  group.spawn(spawns(group, runs));
  executor.run();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, OutlivesItsExecutor) {
  int ended = 0;
  auto executor = std::make_unique<ManualExecutor>();
  TaskGroup group(*executor);
  group.spawn(forever(counting(ended)));
  executor->run();
  executor.reset();
  group.clear();
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace moq::kio

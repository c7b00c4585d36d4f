#include "moq/kio/fanout.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// A source that counts who waits and who asks.
struct Source {
  bool ready = false;
  int polls = 0;
  WaiterList waiters;
  Poll<int> poll(const Waiter& waiter) {
    ++polls;
    if (ready) return 7;
    waiters.add(waiter);
    return kPending;
  }
};

Task<void> ask(Fanout& fanout, Source& source, int& got) {
  got = co_await wait([&](const Waiter& waiter) {
    return fanout.poll(waiter, [&](const Waiter& shared) { return source.poll(shared); });
  });
}

TEST(Fanout, ManyShareOneRegistration) {
  ManualExecutor executor;
  Fanout fanout;
  Source source;
  std::vector<int> got(50);
  TaskGroup group(executor);
  for (int& each : got) group.spawn(ask(fanout, source, each));
  executor.run();
  EXPECT_EQ(source.polls, 1);
  EXPECT_EQ(source.waiters.size(), 1U);

  source.ready = true;
  source.waiters.wake();
  executor.run();

  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(got, std::vector<int>(50, 7));
}

TEST(Fanout, AWakeWithoutNewsRegistersOnceAgain) {
  ManualExecutor executor;
  Fanout fanout;
  Source source;
  std::vector<int> got(10);
  TaskGroup group(executor);
  for (int& each : got) group.spawn(ask(fanout, source, each));
  executor.run();
  source.waiters.wake();
  executor.run();
  EXPECT_EQ(source.polls, 2);
  EXPECT_EQ(source.waiters.size(), 1U);
  EXPECT_EQ(group.size(), 10U);
}

TEST(Fanout, TheRegistrationOutlivesWhoMadeIt) {
  ManualExecutor executor;
  Fanout fanout;
  Source source;
  int first_got = 0;
  int second_got = 0;
  auto first = executor.spawn(ask(fanout, source, first_got));
  executor.run();
  const auto second = executor.spawn(ask(fanout, source, second_got));
  executor.run();
  first.cancel();
  source.ready = true;
  source.waiters.wake();
  executor.run();
  EXPECT_EQ(first_got, 0);
  EXPECT_EQ(second_got, 7);
}

TEST(Fanout, WhoFindsItReadyWakesTheOthers) {
  ManualExecutor executor;
  Fanout fanout;
  Source source;
  int got = 0;
  const auto waiting = executor.spawn(ask(fanout, source, got));
  executor.run();
  // Upstream wakes, and somebody else is faster than the one who waits.
  source.ready = true;
  source.waiters.wake();
  EXPECT_TRUE(fanout.poll(Waiter::none(), [&](const Waiter& w) { return source.poll(w); }).ready());
  executor.run();
  EXPECT_EQ(got, 7);
}

TEST(Fanout, UpstreamMayWakeFromWithinItsPoll) {
  ManualExecutor executor;
  Fanout fanout;
  int polls = 0;
  auto task = [](Fanout& through, int& count) -> Task<void> {
    co_await wait([&](const Waiter& waiter) {
      return through.poll(waiter, [&](const Waiter& shared) -> Poll<Unit> {
        if (++count == 3) return Unit{};
        WaiterList self;
        self.add(shared);
        self.wake();
        return kPending;
      });
    });
  };
  const auto spawned = executor.spawn(task(fanout, polls));
  executor.run();
  EXPECT_TRUE(spawned.finished());
  EXPECT_EQ(polls, 3);
}

TEST(Fanout, MayEndBeforeItsUpstream) {
  ManualExecutor executor;
  Source source;
  {
    Fanout fanout;
    int got = 0;
    const auto task = executor.spawn(ask(fanout, source, got));
    executor.run();
    const Fanout moved = std::move(fanout);
  }
  source.waiters.wake();
  executor.run();
}

}  // namespace
}  // namespace moq::kio

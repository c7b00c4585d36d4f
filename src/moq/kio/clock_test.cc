#include "moq/kio/clock.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "moq/base/random.h"
#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

Task<void> note_when_due(Timer& timer, int id, std::vector<int>& log) {
  co_await wait([&timer](const Waiter& waiter) { return timer.poll(waiter); });
  log.push_back(id);
}

Task<void> note_after(Clock& clock, Duration delay, int id, std::vector<int>& log) {
  co_await sleep(clock, delay);
  log.push_back(id);
}

TEST(Timer, FiresInOrderOfDeadlines) {
  ManualExecutor executor;
  std::vector<int> log;
  TaskGroup group(executor);
  group.spawn(note_after(executor, 3s, 3, log));
  group.spawn(note_after(executor, 1s, 1, log));
  group.spawn(note_after(executor, 2s, 2, log));
  executor.run();
  EXPECT_EQ(executor.next_deadline(), TimePoint{} + 1s);
  executor.advance(1s - 1ns);
  EXPECT_EQ(log, std::vector<int>{});
  executor.advance(1ns);
  EXPECT_EQ(log, std::vector<int>{1});
  executor.advance(2s);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(executor.next_deadline(), std::nullopt);
  EXPECT_EQ(group.size(), 0U);
}

TEST(Timer, EqualDeadlinesFireInOrderOfSetting) {
  ManualExecutor executor;
  std::vector<int> log;
  std::vector<int> expected;
  TaskGroup group(executor);
  for (int i = 0; i < 50; ++i) {
    group.spawn(note_after(executor, 1s, i, log));
    expected.push_back(i);
  }
  executor.run();
  executor.advance(1s);
  EXPECT_EQ(log, expected);
}

TEST(Timer, UnsetIsNeverDue) {
  ManualExecutor executor;
  Timer timer(executor);
  EXPECT_EQ(timer.deadline(), std::nullopt);
  EXPECT_TRUE(timer.poll(Waiter::none()).pending());
  executor.advance(24h);
  EXPECT_TRUE(timer.poll(Waiter::none()).pending());
}

TEST(Timer, StaysDueUntilSetAgainOrCleared) {
  ManualExecutor executor;
  Timer timer(executor, executor.now() + 1s);
  executor.advance(2s);
  EXPECT_TRUE(timer.poll(Waiter::none()).ready());
  EXPECT_TRUE(timer.poll(Waiter::none()).ready());
  timer.set_after(1s);
  EXPECT_TRUE(timer.poll(Waiter::none()).pending());
  executor.advance(1s);
  EXPECT_TRUE(timer.poll(Waiter::none()).ready());
  timer.clear();
  EXPECT_TRUE(timer.poll(Waiter::none()).pending());
}

TEST(Timer, SetInThePastIsDueAtOnce) {
  ManualExecutor executor;
  executor.advance(10s);
  Timer timer(executor, TimePoint{} + 1s);
  EXPECT_TRUE(timer.poll(Waiter::none()).ready());
  EXPECT_EQ(executor.next_deadline(), TimePoint{} + 1s);
}

TEST(Timer, MovedDeadlinesKeepWhoWaits) {
  ManualExecutor executor;
  std::vector<int> log;
  Timer earlier(executor, executor.now() + 5s);
  Timer later(executor, executor.now() + 1s);
  Timer cleared(executor, executor.now() + 1s);
  const auto a = executor.spawn(note_when_due(earlier, 1, log));
  const auto b = executor.spawn(note_when_due(later, 2, log));
  const auto c = executor.spawn(note_when_due(cleared, 3, log));
  executor.run();
  earlier.set_after(500ms);
  later.set_after(2s);
  cleared.clear();
  executor.advance(1s);
  EXPECT_EQ(log, std::vector<int>{1});
  executor.advance(1s);
  EXPECT_EQ(log, (std::vector<int>{1, 2}));
  cleared.set_after(1s);
  executor.advance(1s);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
}

TEST(Timer, AnEndlessDelayDoesNotOverflow) {
  ManualExecutor executor;
  executor.advance(1s);
  Timer timer(executor);
  timer.set_after(Duration::max());
  EXPECT_EQ(timer.deadline(), TimePoint::max());
  const auto task = executor.spawn(sleep(executor, Duration::max()));
  executor.run();
  EXPECT_FALSE(task.finished());
}

TEST(Timer, AWaiterThatIsGoneIsNotWoken) {
  ManualExecutor executor;
  std::vector<int> log;
  Timer timer(executor, executor.now() + 1s);
  {
    const auto task = executor.spawn(note_when_due(timer, 1, log));
    executor.run();
  }
  executor.advance(1s);
  EXPECT_EQ(log, std::vector<int>{});
}

// Against a multimap: random setting, moving and clearing of many timers.
TEST(Clock, HeapAgreesWithASortedMap) {
  ManualExecutor clock;
  SeededRandom random(11);
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 60; ++i) timers.push_back(std::make_unique<Timer>(clock));
  std::map<std::size_t, TimePoint> model;
  for (int step = 0; step < 5000; ++step) {
    const std::size_t which = random.below(timers.size());
    const std::uint64_t what = random.below(10);
    if (what < 6) {
      const TimePoint at = clock.now() + std::chrono::milliseconds(1 + random.below(50));
      timers[which]->set(at);
      model[which] = at;
    } else if (what < 8) {
      timers[which]->clear();
      model.erase(which);
    } else {
      clock.advance(std::chrono::milliseconds(random.below(10)));
      std::erase_if(model, [&](const auto& entry) { return entry.second <= clock.now(); });
    }
    std::optional<TimePoint> first;
    for (const auto& [id, at] : model) first = first ? std::min(*first, at) : at;
    ASSERT_EQ(clock.next_deadline(), first) << "step " << step;
  }
}

TEST(ClockDeathTest, ATimerThatOutlivesItsClockIsABug) {
  EXPECT_DEATH(
      {
        auto executor = std::make_unique<ManualExecutor>();
        Timer timer(*executor, TimePoint{} + 1s);
        executor.reset();
      },
      "heap_");
}

TEST(SystemClock, StandsStillBetweenRefreshesAndNeverGoesBack) {
  SystemClock clock;
  const TimePoint first = clock.now();
  EXPECT_EQ(clock.now(), first);
  EXPECT_GE(clock.refresh(), first);
}

TEST(PlainClock, TellsTheTimeThatSystemClocksCache) {
  const PlainClock clock;
  const TimePoint before = clock.now();
  SystemClock cached;
  EXPECT_GE(cached.now(), before);
  EXPECT_GE(clock.now(), cached.now());
}

}  // namespace
}  // namespace moq::kio

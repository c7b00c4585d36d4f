#include "moq/sim/world.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::sim {
namespace {

kio::Task<std::string> tick(World& world, std::vector<Duration>& times, int count) {
  for (int i = 0; i < count; ++i) {
    co_await kio::sleep(world, 1s);
    times.push_back(world.elapsed());
  }
  co_return "done";
}

kio::Task<void> wait_for_ever() {
  co_await kio::wait([](const kio::Waiter&) -> kio::Poll<kio::Unit> { return kio::kPending; });
}

kio::Task<void> spin() {
  for (;;) co_await kio::yield();
}

kio::Task<void> sleep_for_ever(World& world) {
  for (;;) co_await kio::sleep(world, 1h);
}

TEST(World, JumpsToTheNextTimerAndReturnsTheValue) {
  World world;
  std::vector<Duration> times;
  EXPECT_EQ(world.run(tick(world, times, 3)), "done");
  EXPECT_EQ(times, (std::vector<Duration>{1s, 2s, 3s}));
  EXPECT_EQ(world.elapsed(), 3s);
}

TEST(World, RunForLetsExactlyThatTimePass) {
  World world;
  std::vector<Duration> times;
  const auto task = world.spawn(tick(world, times, 10));
  world.run_for(2500ms);
  EXPECT_EQ(times.size(), 2u);
  EXPECT_EQ(world.elapsed(), 2500ms);
  world.run_for(500ms);
  EXPECT_EQ(times.size(), 3u);
}

TEST(World, RunUntilStopsWhenTheConditionComesTrueOrTheLimitPasses) {
  World world;
  std::vector<Duration> times;
  const auto task = world.spawn(tick(world, times, 3));
  EXPECT_TRUE(world.run_until([&] { return times.size() == 2; }));
  EXPECT_EQ(world.elapsed(), 2s);
  EXPECT_FALSE(world.run_until([&] { return times.size() == 4; }, 10s));
  EXPECT_EQ(world.elapsed(), 12s);
}

TEST(World, RunUntilIdleKeepsTheTime) {
  World world;
  int calls = 0;
  world.after(0s, [&] { world.after(0s, [&] { ++calls; }); });
  world.after(1ns, [&] { ++calls; });
  world.run_until_idle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(world.elapsed(), 0s);
  EXPECT_FALSE(world.quiet());
  world.run_for(1ns);
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(world.quiet());
}

TEST(World, CallsOfOneTimeComeInTheOrderOfAsking) {
  World world;
  std::vector<int> order;
  for (int i = 0; i < 20; ++i)
    world.after(i % 2 == 0 ? 1s : 2s, [&order, i] { order.push_back(i); });
  world.run_for(2s);
  EXPECT_EQ(order, (std::vector<int>{0, 2, 4, 6, 8, 10, 12, 14, 16, 18,  //
                                     1, 3, 5, 7, 9, 11, 13, 15, 17, 19}));
}

TEST(World, TheSameSeedGivesTheSameTrace) {
  const auto trace_of = [](std::uint64_t seed) {
    World world(seed);
    for (int i = 0; i < 5; ++i) {
      world.after(Duration(world.below(1000)), [&world] { world.note(world.next()); });
    }
    world.run_for(1s);
    return world.trace();
  };
  EXPECT_EQ(trace_of(7), trace_of(7));
  EXPECT_NE(trace_of(7), trace_of(8));
}

TEST(World, DropsItsPlannedCallsAtItsEnd) {
  auto owned = std::make_shared<int>(1);
  {
    World world;
    world.after(1s, [owned] {});
    world.post([owned] {});
    EXPECT_EQ(owned.use_count(), 3);
  }
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(World, PrintsItsSeedForFailures) {
  World world(9);
  world.run_for(5ms);
  EXPECT_EQ(testing::PrintToString(world), "seed 9, 5 ms after the start");
}

TEST(WorldDeathTest, ADeadlockNamesTheSeed) {
  World world(77);
  EXPECT_DEATH(world.run(wait_for_ever()), "deadlock.*seed 77");
}

TEST(WorldDeathTest, TheTimeLimitNamesTheSeed) {
  World world(78);
  EXPECT_DEATH(world.run(sleep_for_ever(world)), "limit of virtual time.*seed 78");
}

TEST(WorldDeathTest, TasksThatWakeEachOtherForEverAreFound) {
  World world(79);
  EXPECT_DEATH(world.run(spin()), "wake each other for ever.*seed 79");
}

}  // namespace
}  // namespace moq::sim

#include "moq/net/moqt/internal/group_assembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/sim/world.h"

namespace moq::net::moqt {
namespace {

/// A source that has some objects, each after a delay.
struct Script {
  struct Object {
    std::uint64_t id = 0;
    Duration delay = Duration::zero();  ///< After the one before.
    std::uint64_t gap = 0;
  };
  std::vector<Object> objects;
};

kio::Task<void> play(sim::World& world, std::shared_ptr<GroupAssembly> group, Script script,
                     std::vector<std::uint64_t>& written) {
  const GroupAssembly::Source source(group);
  for (const Script::Object& object : script.objects) {
    co_await kio::sleep(world, object.delay);
    GroupAssembly::Turn turn = GroupAssembly::Turn::over;
    {
      GroupAssembly::Waiting waiting(*group, world, object.id, object.gap);
      turn = co_await kio::wait([&](const Waiter& waiter) { return waiting.poll(waiter); });
    }
    if (turn == GroupAssembly::Turn::over) co_return;
    if (turn == GroupAssembly::Turn::skip) continue;
    const GroupAssembly::Writing writing(*group, object.id);
    co_await kio::sleep(world, 1ms);  // Payloads come in parts.
    written.push_back(object.id);
  }
}

struct Bench {
  explicit Bench(std::uint64_t seed = sim::kDefaultSeed) : world(seed), tasks(world) {}
  void add(std::vector<Script::Object> objects) {
    tasks.spawn(play(world, group, Script{std::move(objects)}, written));
  }

  sim::World world;
  std::shared_ptr<GroupAssembly> group = std::make_shared<GroupAssembly>(7);
  std::vector<std::uint64_t> written;
  kio::TaskGroup tasks;
};

using Ids = std::vector<std::uint64_t>;

TEST(GroupAssembly, SubgroupsInterleaveByObjectId) {
  Bench bench;
  bench.add({{.id = 1}, {.id = 4}, {.id = 5}});
  bench.add({{.id = 2, .delay = 30ms}, {.id = 3}});
  bench.add({{.id = 0, .delay = 60ms}});
  bench.world.run_for(50ms);
  EXPECT_EQ(bench.written, Ids()) << "all wait for the first";
  bench.world.run_for(100ms);
  EXPECT_EQ(bench.written, (Ids{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(bench.group->idle());
  EXPECT_FALSE(bench.group->complete()) << "nobody has told the end";
  bench.group->end_at(6);
  EXPECT_TRUE(bench.group->complete());
}

TEST(GroupAssembly, AnyOrderOfStreamsGivesOneOrderOfObjects) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Bench bench(seed);
    constexpr std::size_t kStreams = 5;
    constexpr std::uint64_t kObjects = 40;
    std::vector<std::vector<Script::Object>> streams(kStreams);
    for (std::uint64_t id = 0; id < kObjects; ++id) {
      // Some come twice.
      for (int copies = bench.world.next() % 8 == 0 ? 2 : 1; copies > 0; --copies) {
        auto& stream = streams[bench.world.next() % kStreams];
        if (!stream.empty() && stream.back().id == id) continue;
        stream.push_back({.id = id, .delay = Duration(bench.world.next() % 20'000'000)});
      }
    }
    for (auto& stream : streams) bench.add(std::move(stream));
    bench.world.run_for(10s);
    Ids expected;
    for (std::uint64_t id = 0; id < kObjects; ++id) expected.push_back(id);
    EXPECT_EQ(bench.written, expected);
  }
}

TEST(GroupAssembly, AHoleIsWaitedForAndThenPassed) {
  Bench bench;
  bench.add({{.id = 0}, {.id = 3}, {.id = 4}});
  bench.world.run_for(kHolePatience - 10ms);
  EXPECT_EQ(bench.written, Ids{0});
  bench.world.run_for(50ms);
  EXPECT_EQ(bench.written, (Ids{0, 3, 4}));
  // What comes too late is passed over.
  bench.add({{.id = 1}, {.id = 5}});
  bench.world.run_for(10ms);
  EXPECT_EQ(bench.written, (Ids{0, 3, 4, 5}));
}

TEST(GroupAssembly, AGapThatIsToldIsNotWaitedFor) {
  Bench bench;
  bench.add({{.id = 0}, {.id = 3, .gap = 2}, {.id = 5, .gap = 1}});
  bench.world.run_for(10ms);
  EXPECT_EQ(bench.written, (Ids{0, 3, 5}));
}

TEST(GroupAssembly, NobodyGoesAheadOfTheHead) {
  Bench bench;
  bench.group->expect_head();
  bench.add({{.id = 3}, {.id = 4}});
  bench.world.run_for(10 * kHolePatience);
  EXPECT_EQ(bench.written, Ids());
  bench.add({{.id = 0}, {.id = 1}, {.id = 2}});
  bench.world.run_for(10ms);
  EXPECT_EQ(bench.written, (Ids{0, 1, 2, 3, 4}));
  bench.group->end_with_sources();
  EXPECT_FALSE(bench.group->complete()) << "the head may have more";
  bench.group->head_came();
  EXPECT_TRUE(bench.group->complete());
}

TEST(GroupAssembly, NothingIsTakenBehindTheEndOrOnceItIsOver) {
  Bench bench;
  bench.group->end_at(2);
  bench.add({{.id = 0}, {.id = 2}, {.id = 3}});
  bench.world.run_for(10ms);
  EXPECT_EQ(bench.written, Ids{0});
  EXPECT_FALSE(bench.group->complete());
  bench.add({{.id = 1, .delay = 1s}});
  bench.group->close();
  bench.world.run_for(2s);
  EXPECT_EQ(bench.written, Ids{0});
  EXPECT_TRUE(bench.group->idle());
}

}  // namespace
}  // namespace moq::net::moqt

#include "moq/net/ordered.h"

#include "moq/base/wire.h"
#include "moq/net/broadcast.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;
using track::Ordered;
using track::Patience;
using track::Skipped;
using Skips = std::vector<Skipped>;

constexpr Patience kPatience{.latency = 500ms, .grace = 100ms};

struct Stage {
  explicit Stage(const track::Subscription& subscription = kEverything,
                 const Patience& patience = kPatience)
      : ordered(world, broadcast.consume().subscribe("video", subscription), patience) {}
  /// A group of two frames, 20 ms apart, at 100 ms per group.
  void write(std::uint64_t sequence) {
    auto group = track.create_group(sequence);
    ASSERT_TRUE(group);
    ASSERT_TRUE(group->write_frame(100 * sequence, Bytes::copy("key")));
    ASSERT_TRUE(group->write_frame(100 * sequence + 20, Bytes::copy("delta")));
    std::move(*group).finish();
  }
  Sequences take() {
    Sequences sequences;
    for (;;) {
      auto group = ordered.poll_next_group(Waiter::none());
      if (group.pending() || !*group || !**group) return sequences;
      sequences.push_back((**group)->sequence());
    }
  }
  /// "3.0" is the first frame of group 3.
  Texts take_frames() {
    Texts places;
    for (;;) {
      auto frame = ordered.poll_next_frame(Waiter::none());
      if (frame.pending() || !*frame || !**frame) return places;
      places.push_back(std::to_string((**frame)->group) + "." + std::to_string((**frame)->index));
    }
  }
  sim::World world;
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video", {.max_age = 1min});
  Ordered ordered;
};

TEST(Ordered, GroupsInOrderAreGivenAtOnce) {
  Stage stage;
  stage.write(4);
  stage.write(5);
  EXPECT_EQ(stage.take(), (Sequences{4, 5}));
  stage.write(6);
  EXPECT_EQ(stage.take(), (Sequences{6}));
  EXPECT_EQ(stage.ordered.take_skipped(), Skips{});
}

TEST(Ordered, StartsAtTheLowestThatIsThere) {
  Stage stage;
  for (const std::uint64_t sequence : {9, 7, 8}) stage.write(sequence);
  EXPECT_EQ(stage.take(), (Sequences{7, 8, 9}));
}

TEST(Ordered, StartsAtTheSubscriptionsStart) {
  Stage stage({.max_age = kUnlimitedAge, .start = 7});
  stage.write(8);
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.write(7);
  EXPECT_EQ(stage.take(), (Sequences{7, 8}));
}

TEST(Ordered, WaitsForAMissingGroup) {
  Stage stage;
  stage.write(0);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  stage.write(2);
  stage.write(3);
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.world.run_for(kPatience.latency);
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.write(1);
  EXPECT_EQ(stage.take(), (Sequences{1, 2, 3}));
  EXPECT_EQ(stage.ordered.take_skipped(), Skips{});
}

TEST(Ordered, DoesNotWaitForWhatTheSourceHasToldIsGone) {
  Stage stage;
  stage.write(0);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  stage.track.ask_from(1, Duration::max());
  stage.write(4);
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.track.begin_from(4, Error(Code::evicted));
  EXPECT_EQ(stage.take(), (Sequences{4}));
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 3}}));
}

TEST(Ordered, DoesNotWaitForGroupsThatTheSourceDrops) {
  Stage stage;
  stage.track.ask_from(0, Duration::max());
  stage.write(0);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  stage.write(4);
  Watch next(stage.world,
             [&](const Waiter& waiter) { return stage.ordered.poll_next_group(waiter); });
  stage.track.drop_groups({1, 2}, Error(Code::evicted));
  EXPECT_FALSE(next.woken()) << "group 3 may still come";
  stage.track.drop_groups({3, 3}, Error(Code::evicted));
  EXPECT_TRUE(next.woken());
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 3}}));
  // One that comes all the same, or is dropped at its end, harms nobody.
  stage.write(6);
  stage.write(5);
  stage.track.drop_groups({5, kMaxVarint}, Error(Code::evicted));
  EXPECT_EQ(stage.take(), (Sequences{5, 6}));
}

TEST(Ordered, GivesUpOnceNewerFramesAreLatencyAhead) {
  Stage stage;
  stage.write(0);
  stage.take();
  stage.write(2);  // At 200 ms. Frames up to 220 ms.
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.world.run_for(kPatience.grace);
  stage.write(6);  // Up to 620 ms: 420 past group 2.
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.write(7);  // 520.
  EXPECT_EQ(stage.take(), (Sequences{2}));
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 1}}));
  EXPECT_EQ(stage.ordered.take_skipped(), Skips{});
}

TEST(Ordered, ABurstOfOldGroupsNewestFirstIsNotCutByItsTimestamps) {
  // What follows a reconnect: far apart by presentation time, at the same moment by the clock.
  Stage stage;
  stage.write(0);
  stage.take();
  for (std::uint64_t sequence = 30; sequence > 0; --sequence) {
    stage.write(sequence);
    EXPECT_EQ(stage.take().empty(), sequence != 1) << sequence;
    stage.world.run_for(2ms);
  }
  EXPECT_EQ(stage.ordered.take_skipped(), Skips{});
}

TEST(Ordered, GivesUpByTheClockWhenTheStreamStandsStill) {
  sim::World world;
  Stage stage;
  stage.write(0);
  stage.take();
  stage.write(2);
  std::optional<std::uint64_t> got;
  Duration waited{};
  auto read = [](Stage& s, std::optional<std::uint64_t>& out, Duration& at) -> kio::Task<void> {
    auto group = co_await s.ordered.next_group();
    out = (*group)->sequence();
    at = s.world.elapsed();
  };
  stage.world.run(read(stage, got, waited));
  EXPECT_EQ(got, 2U);
  EXPECT_EQ(waited, kPatience.latency + kPatience.grace);
}

TEST(Ordered, IsWokenWhenFramesOfANewerGroupMakeItLate) {
  // One long group after the gap: no group comes any more to wake the reader.
  Stage stage;
  stage.write(0);
  stage.take();
  auto group = stage.track.create_group(2);
  ASSERT_TRUE(group->write_frame(200, Bytes()));
  Watch next(stage.world,
             [&](const Waiter& waiter) { return stage.ordered.poll_next_group(waiter); });
  for (std::uint64_t t = 20; t < 500; t += 20) {
    stage.world.run_for(20ms);
    ASSERT_TRUE(group->write_frame(200 + t, Bytes()));
    EXPECT_FALSE(next.woken()) << t;
  }
  ASSERT_TRUE(group->write_frame(200 + 500, Bytes()));
  stage.world.run_for(20ms);
  EXPECT_TRUE(next.woken());
}

TEST(Ordered, NeverGoesBack) {
  Stage stage;
  stage.write(0);
  stage.take();
  stage.write(2);
  stage.write(9);
  stage.take();
  stage.world.run_for(kPatience.latency + kPatience.grace);
  EXPECT_EQ(stage.take(), (Sequences{2, 9}));
  stage.write(1);
  stage.write(5);
  stage.write(10);
  EXPECT_EQ(stage.take(), (Sequences{10}));
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 1}, {3, 8}}));
}

TEST(Ordered, TheWaitCountsFromTheFirstNewerGroup) {
  Stage stage;
  stage.write(0);
  stage.take();
  stage.write(4);
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.world.run_for(300ms);
  stage.write(2);  // Comes late itself; group 1 has been missing for 300 ms by now.
  EXPECT_EQ(stage.take(), (Sequences{}));
  stage.world.run_for(300ms);
  EXPECT_EQ(stage.take(), (Sequences{2, 4}));
}

TEST(Ordered, AnAbortedGroupIsSkippedAtOnce) {
  Stage stage;
  stage.write(0);
  std::move(*stage.track.create_group(1)).abort(Error(Code::old));
  stage.write(2);
  EXPECT_EQ(stage.take(), (Sequences{0, 2}));
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 1}}));
}

TEST(Ordered, TheEndOfTheTrackEndsAllWaiting) {
  Stage stage;
  stage.write(0);
  stage.write(2);
  stage.write(4);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  std::move(stage.track).finish();
  EXPECT_EQ(stage.take(), (Sequences{2, 4}));
  EXPECT_FALSE(now(stage.ordered.poll_next_group(Waiter::none()))->has_value());
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{1, 1}, {3, 3}}));
}

TEST(Ordered, AnAbortComesAfterWhatWasThere) {
  Stage stage;
  stage.write(0);
  stage.write(2);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  std::move(stage.track).abort(Error(Code::restarted));
  EXPECT_EQ(stage.take(), (Sequences{2}));
  EXPECT_EQ(code_of(now(stage.ordered.poll_next_group(Waiter::none()))), Code::restarted);
}

TEST(Ordered, RaisesTheAgeOfItsSubscription) {
  Stage stage({.priority = 4});
  EXPECT_EQ(stage.ordered.track().subscription().max_age, 500ms);
  EXPECT_EQ(stage.ordered.track().subscription().priority, 4U);
  Stage longer({.max_age = 2s});
  EXPECT_EQ(longer.ordered.track().subscription().max_age, 2s);
}

TEST(OrderedFrames, ComeInOrderAcrossGroups) {
  Stage stage;
  stage.write(0);
  stage.write(2);
  EXPECT_EQ(stage.take_frames(), (Texts{"0.0", "0.1"}));
  stage.write(1);
  EXPECT_EQ(stage.take_frames(), (Texts{"1.0", "1.1", "2.0", "2.1"}));
  std::move(stage.track).finish();
  EXPECT_FALSE(now(stage.ordered.poll_next_frame(Waiter::none()))->has_value());
}

TEST(OrderedFrames, TellTimeAndPayload) {
  Stage stage;
  stage.write(3);
  auto frame = now(stage.ordered.poll_next_frame(Waiter::none()));
  EXPECT_EQ((*frame)->info.timestamp, 300U);
  EXPECT_EQ((*frame)->payload.text(), "key");
}

TEST(OrderedFrames, AStalledGroupIsLeftForNewerOnes) {
  Stage stage;
  auto stalled = stage.track.create_group(0);
  ASSERT_TRUE(stalled->write_frame(0, Bytes::copy("key")));
  EXPECT_EQ(stage.take_frames(), (Texts{"0.0"}));
  stage.write(1);
  EXPECT_EQ(stage.take_frames(), (Texts{}));
  stage.world.run_for(kPatience.grace);
  stage.write(6);
  EXPECT_EQ(stage.take_frames(), (Texts{"1.0", "1.1"}));  // 520 ms past group 1.
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{0, 0}}));
}

TEST(OrderedFrames, AGroupWithoutNewerOnesMayTakeItsTime) {
  Stage stage;
  auto slow = stage.track.create_group(0);
  ASSERT_TRUE(slow->write_frame(0, Bytes::copy("key")));
  EXPECT_EQ(stage.take_frames(), (Texts{"0.0"}));
  stage.world.run_for(1min);
  EXPECT_EQ(stage.take_frames(), (Texts{}));
  ASSERT_TRUE(slow->write_frame(60'000, Bytes::copy("delta")));
  EXPECT_EQ(stage.take_frames(), (Texts{"0.1"}));
}

TEST(OrderedFrames, AGroupThatBreaksOffIsLeft) {
  Stage stage;
  auto broken = stage.track.create_group(0);
  ASSERT_TRUE(broken->write_frame(0, Bytes::copy("key")));
  stage.write(1);
  EXPECT_EQ(stage.take_frames(), (Texts{"0.0"}));
  std::move(*broken).abort(Error(Code::cancelled));
  EXPECT_EQ(stage.take_frames(), (Texts{"1.0", "1.1"}));
  EXPECT_EQ(stage.ordered.take_skipped(), (Skips{{0, 0}}));
}

TEST(OrderedFrames, AreAwaited) {
  Stage stage;
  auto read = [](Stage& s) -> kio::Task<std::size_t> {
    std::size_t frames = 0;
    for (;;) {
      auto frame = co_await s.ordered.next_frame();
      if (!frame || !*frame) co_return frames;
      ++frames;
    }
  };
  stage.write(0);
  stage.world.after(50ms, [&stage] { stage.write(2); });
  stage.world.after(60ms, [&stage] { stage.write(1); });
  stage.world.after(2s, [&stage] { std::move(stage.track).finish(); });
  EXPECT_EQ(stage.world.run(read(stage)), 6U);
}

TEST(OrderedLimits, SkippedRangesAreBounded) {
  Stage stage(kEverything, {.latency = 0ms, .grace = 0ms});
  for (std::uint64_t i = 0; i <= kMaxSkippedRanges + 1; ++i) {
    stage.write(2 * i);
    EXPECT_EQ(stage.take(), (Sequences{2 * i}));
  }
  const Skips skips = stage.ordered.take_skipped();
  EXPECT_EQ(skips.size(), kMaxSkippedRanges);
  EXPECT_EQ(skips.front(), (Skipped{1, 3}));
}

TEST(OrderedLimits, TooManyWaitingGroupsEndThePatience) {
  Stage stage;
  stage.write(0);
  EXPECT_EQ(stage.take(), (Sequences{0}));
  const auto write_empty = [&stage](std::uint64_t sequence) {
    std::move(*stage.track.create_group(sequence)).finish();
  };
  for (std::uint64_t i = 0; i < kMaxTrackGroups; ++i) write_empty(2 + i);
  EXPECT_EQ(stage.take(), (Sequences{}));
  write_empty(2 + kMaxTrackGroups);
  EXPECT_FALSE(stage.take().empty());
}

}  // namespace
}  // namespace moq::net

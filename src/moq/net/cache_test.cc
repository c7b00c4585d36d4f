#include "moq/net/internal/cache.h"

#include "moq/net/internal/track_state.h"
#include "moq/net/model_test_support.h"
#include "moq/net/origin.h"

namespace moq::net {
namespace {

using kio::Waiter;

constexpr std::size_t kPayload = 1 << 20;
constexpr std::uint64_t kGroupCost = kPayload + kFrameCost + kChunkCost;

/// Tracks that share one cache.
struct Stage {
  explicit Stage(std::uint64_t groups)
      : cache(std::make_shared<Cache>(groups * kGroupCost)), a(track("a")), b(track("b")) {}
  [[nodiscard]] std::shared_ptr<track::State> track(std::string name) const {
    auto state = track::State::create(std::move(name), cache);
    state->info = track::Info{.max_age = kUnlimitedAge};
    state->served = true;
    return state;
  }
  static void write(track::Producer& producer) {
    ASSERT_TRUE(producer.write_frame(0, large(kPayload)));
  }
  static Sequences cached(const std::shared_ptr<track::State>& state) {
    track::Consumer reader(state, kEverything);
    return take_sequences(reader);
  }
  std::shared_ptr<Cache> cache;
  std::shared_ptr<track::State> a;
  std::shared_ptr<track::State> b;
  track::Producer to_a{a};
  track::Producer to_b{b};
};

TEST(Cache, HoldsUpToItsLimitAndThenLetsGoOfTheOldestOfAll) {
  Stage stage(4);
  for (int i = 0; i < 2; ++i) {
    Stage::write(stage.to_a);
    Stage::write(stage.to_b);
  }
  EXPECT_EQ(stage.cache->held(), 4 * kGroupCost);
  EXPECT_EQ(Stage::cached(stage.a), (Sequences{0, 1}));
  Stage::write(stage.to_b);
  EXPECT_EQ(Stage::cached(stage.a), (Sequences{1}));
  EXPECT_EQ(Stage::cached(stage.b), (Sequences{0, 1, 2}));
  Stage::write(stage.to_b);
  EXPECT_EQ(Stage::cached(stage.b), (Sequences{1, 2, 3}));
  EXPECT_EQ(stage.cache->held(), 4 * kGroupCost);
}

TEST(Cache, SparesTheNewestOfEachTrack) {
  Stage stage(2);
  Stage::write(stage.to_a);
  for (int i = 0; i < 10; ++i) Stage::write(stage.to_b);
  EXPECT_EQ(Stage::cached(stage.a), (Sequences{0}));
  EXPECT_EQ(Stage::cached(stage.b), (Sequences{9}));
}

TEST(Cache, SparesNobodyBeyondTwiceItsLimit) {
  Stage stage(1);
  Stage::write(stage.to_a);
  Stage::write(stage.to_b);
  EXPECT_EQ(stage.cache->held(), 2 * kGroupCost);
  track::Producer to_c(stage.track("c"));
  Stage::write(to_c);
  EXPECT_LE(stage.cache->held(), 2 * kGroupCost);
  EXPECT_EQ(Stage::cached(stage.a), (Sequences{}));
}

TEST(Cache, HoldsWhileAGroupGrows) {
  Stage stage(3);
  for (int i = 0; i < 3; ++i) Stage::write(stage.to_a);
  auto group = stage.to_b.append_group();
  auto frame = group->create_frame({.timestamp = 0, .size_bytes = kPayload});
  ASSERT_TRUE(frame->write(large(kPayload / 2)));
  EXPECT_LE(stage.cache->held(), 3 * kGroupCost);
  EXPECT_EQ(Stage::cached(stage.a), (Sequences{1, 2}));
}

TEST(Cache, AReaderOfAnEvictedGroupLearnsIt) {
  Stage stage(1);
  Stage::write(stage.to_a);
  track::Consumer track(stage.a, kEverything);
  auto reader = now(track.poll_next_group(Waiter::none()));
  Stage::write(stage.to_a);
  EXPECT_EQ((*reader)->error()->code, Code::evicted);
}

TEST(Cache, WhatATracksReadersHoldAfterItsEndCanStillGo) {
  Stage stage(1);
  Stage::write(stage.to_a);
  track::Consumer track(stage.a, kEverything);
  auto reader = now(track.poll_next_group(Waiter::none()));
  std::move(stage.to_a).abort(Error(Code::cancelled));
  EXPECT_FALSE((*reader)->error());
  EXPECT_EQ(stage.cache->held(), kGroupCost);
  Stage::write(stage.to_b);
  EXPECT_EQ((*reader)->error()->code, Code::evicted);
  EXPECT_EQ(stage.cache->held(), kGroupCost);
}

TEST(Cache, FetchedGroupsCountAndCanGo) {
  Stage stage(2);
  EXPECT_TRUE(stage.to_a.poll_requested_group(Waiter::none()).pending());
  track::Fetch fetch = track::fetch(stage.a, 7, 0);
  auto writer = std::move(*now(stage.to_a.poll_requested_group(Waiter::none()))).accept();
  ASSERT_TRUE(writer.write_frame(0, large(kPayload)));
  EXPECT_EQ(stage.cache->held(), kGroupCost);
  Stage::write(stage.to_a);
  Stage::write(stage.to_b);
  EXPECT_EQ(now(fetch.poll(Waiter::none()))->error()->code, Code::evicted);
  EXPECT_EQ(stage.cache->held(), 2 * kGroupCost);
}

TEST(Cache, AHundredReadersThatNeverReadCostNothing) {
  Stage stage(50);
  track::Consumer quick(stage.a, kEverything);
  std::vector<track::Consumer> tracks;
  std::vector<group::Consumer> held;
  for (int i = 0; i < 100; ++i) tracks.emplace_back(stage.a, kEverything);
  std::size_t read = 0;
  for (int i = 0; i < 500; ++i) {
    Stage::write(stage.to_a);
    // Half of them take each group, and read none of it.
    for (std::size_t t = 0; t < 50; ++t) {
      held.push_back(**now(tracks[t].poll_next_group(Waiter::none())));
    }
    auto group = now(quick.poll_next_group(Waiter::none()));
    read += take_frames(**group).size();
    ASSERT_LE(stage.cache->held(), 50 * kGroupCost);
  }
  EXPECT_EQ(read, 500U);
  EXPECT_EQ(take_sequences(tracks[99]).size(), 50U);
}

TEST(Cache, ListsNothingThatIsGone) {
  Stage stage(1000);
  for (int i = 0; i < 100; ++i) {
    Stage::write(stage.to_a);
    std::move(*stage.to_b.append_group()).abort(Error(Code::cancelled));
  }
  EXPECT_EQ(stage.cache->size(), 100U);
  std::move(stage.to_a).abort(Error(Code::cancelled));
  EXPECT_EQ(stage.cache->size(), 0U);
  EXPECT_EQ(stage.cache->held(), 0U);
}

TEST(Cache, AnOriginsRoutesShareOne) {
  origin::Producer origin(1);
  origin.set_cache_limit(2 * kGroupCost);
  std::vector<origin::RemoteRoute> routes;
  std::vector<track::Producer> tracks;
  std::vector<track::Consumer> readers;
  for (const auto* name : {"a", "b"}) {
    routes.push_back(*origin.add_route(Path::of(name), Route{.hops = {5}}));
    broadcast::Consumer found = *origin.consume().find(Path::of(name));
    readers.push_back(found.subscribe("video", kEverything));
    auto request = now(routes.back().poll_requested_track(Waiter::none()));
    tracks.push_back(*std::move(request).accept({.max_age = kUnlimitedAge}));
  }
  Stage::write(tracks[0]);
  Stage::write(tracks[0]);
  Stage::write(tracks[1]);
  EXPECT_EQ(take_sequences(readers[0]), (Sequences{1}));
  EXPECT_EQ(take_sequences(readers[1]), (Sequences{0}));
}

TEST(Tally, TheEdgeIsThatOfTheNewestGroup) {
  Tally tally(nullptr);
  EXPECT_FALSE(tally.live_edge());
  tally.note(5, 50);
  tally.note(5, 40);
  EXPECT_EQ(tally.live_edge(), 40U);
  tally.note(4, 90);
  EXPECT_EQ(tally.live_edge(), 40U);
  tally.note(6, 60);
  EXPECT_EQ(tally.live_edge(), 60U);
}

TEST(Tally, IsDueWhenWhatIsWatchedForHasCome) {
  Tally tally(nullptr);
  tally.note(5, 50, true);
  EXPECT_FALSE(tally.take_due());  // Nobody watches.
  EXPECT_FALSE(tally.watch_edge(50));
  EXPECT_TRUE(tally.watch_edge(70));
  EXPECT_TRUE(tally.watch_edge(90));
  tally.note(5, 69);
  EXPECT_FALSE(tally.take_due());
  tally.note(5, 70);
  EXPECT_TRUE(tally.take_due());
  EXPECT_FALSE(tally.take_due());
  EXPECT_EQ(tally.settle().edge, 70U);
  tally.note(5, 95);
  EXPECT_FALSE(tally.take_due());  // Settled: 90 was not watched for anew.

  tally.watch_begin();
  tally.note(5, 96);
  EXPECT_FALSE(tally.take_due());
  tally.note(7, 97, true);
  EXPECT_TRUE(tally.take_due());
  EXPECT_FALSE(tally.settle().late_group);

  EXPECT_TRUE(tally.watch_edge(200));
  tally.note(6, 40, true);
  EXPECT_TRUE(tally.take_due());
  EXPECT_TRUE(tally.settle().late_group);
  EXPECT_FALSE(tally.settle().late_group);
}

}  // namespace
}  // namespace moq::net

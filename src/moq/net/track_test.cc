#include "moq/net/track.h"

#include "moq/base/wire.h"
#include "moq/net/broadcast.h"
#include "moq/net/internal/track_state.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

struct Stage {
  Stage() : Stage(track::Info{}) {}
  explicit Stage(const track::Info& info) : track(*broadcast.create_track("video", info)) {}
  track::Consumer subscribe(const track::Subscription& subscription = kEverything) const {
    return broadcast.consume().subscribe("video", subscription);
  }
  broadcast::Producer broadcast;
  track::Producer track;
};

constexpr track::Info kKeepsAll{.max_age = kUnlimitedAge};

TEST(Track, TellsHowFarItHasCome) {
  broadcast::Producer broadcast;
  auto track = broadcast.create_track("video");
  ASSERT_TRUE(track);
  const track::Consumer reader = track->consume();
  EXPECT_FALSE(reader.edge());
  auto first = track->create_group(3);
  EXPECT_FALSE(reader.edge());
  ASSERT_TRUE(first->write_frame(0, Bytes::copy("a")));
  auto second = track->create_group(4);
  ASSERT_TRUE(first->write_frame(1, Bytes::copy("b")));
  EXPECT_EQ(reader.edge(), (track::Edge{3, 2}));
  ASSERT_TRUE(second->write_frame(2, Bytes::copy("c")));
  EXPECT_EQ(reader.edge(), (track::Edge{4, 1}));
  EXPECT_EQ(broadcast.consume().info("video").edge(), (track::Edge{4, 1}));
}

TEST(Track, GroupsComeInOrderOfArrivalEachOnce) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  for (const std::uint64_t sequence : {5, 3, 9, 4}) write_group(stage.track, sequence, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{5, 3, 9, 4}));
  write_group(stage.track, 6, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{6}));
  EXPECT_EQ(reader.latest(), 9U);
}

TEST(Track, LateReaderGetsWhatIsCached) {
  Stage stage;
  for (const std::uint64_t sequence : {1, 2, 3}) write_group(stage.track, sequence, 0);
  track::Consumer reader = stage.subscribe();
  EXPECT_EQ(take_sequences(reader), (Sequences{1, 2, 3}));
  track::Consumer again = reader.clone();
  EXPECT_EQ(take_sequences(again), (Sequences{1, 2, 3}));
}

TEST(Track, AppendedGroupsFollowTheNewest) {
  Stage stage;
  write_group(stage.track, 41, 0);
  write_group(stage.track, 7, 0);
  EXPECT_EQ(stage.track.append_group()->sequence(), 42U);
  EXPECT_TRUE(stage.track.write_frame(0, Bytes::copy("x")));
  EXPECT_EQ(stage.subscribe().latest(), 43U);
}

TEST(Track, InfoIsFixedByItsWriter) {
  const track::Info info{.priority = 3, .max_age = 2s, .timescale = 90000};
  Stage stage(info);
  EXPECT_EQ(stage.track.info(), info);
  EXPECT_EQ(*now(stage.subscribe().poll_info(Waiter::none())), info);
  EXPECT_EQ(stage.subscribe().name(), "video");
}

TEST(Track, RefusesNumbersThatCannotBeSent) {
  Stage stage;
  EXPECT_EQ(code_of(stage.track.create_group(kMaxVarint + 1)), Code::invalid_argument);
  ASSERT_TRUE(stage.track.create_group(kMaxVarint));
  EXPECT_EQ(code_of(stage.track.append_group()), Code::invalid_argument);
  EXPECT_EQ(code_of(stage.track.append_datagram(0, Bytes())), Code::invalid_argument);
}

TEST(Track, EveryWaiterIsWokenByAGroup) {
  sim::World world;
  Stage stage;
  track::Consumer a = stage.subscribe();
  track::Consumer b = stage.subscribe();
  Watch first(world, [&](const Waiter& waiter) { return a.poll_next_group(waiter); });
  Watch second(world, [&](const Waiter& waiter) { return b.poll_next_group(waiter); });
  EXPECT_FALSE(first.woken());
  write_group(stage.track, 0, 0);
  EXPECT_TRUE(first.woken());
  EXPECT_TRUE(second.woken());
}

TEST(Track, DuplicatesAreRefusedAlsoOnceLetGo) {
  Stage stage;
  write_group(stage.track, 1, 0);
  EXPECT_EQ(code_of(stage.track.create_group(1)), Code::duplicate);
  write_group(stage.track, 2, 10'000);
  write_group(stage.track, 3, 20'000);  // Group 1 is over its 5 s.
  write_group(stage.track, 4, 20'000);
  EXPECT_EQ(code_of(stage.track.create_group(1)), Code::old);
}

TEST(TrackAge, ReadersSkipWhatIsOlderThanTheyWant) {
  Stage stage(track::Info{.max_age = 1min});
  for (std::uint64_t i = 0; i <= 4; ++i) write_group(stage.track, i, 1000 * i);
  // The live edge is at 4 s. Group n was superseded at n + 1 seconds.
  track::Consumer all = stage.subscribe();
  track::Consumer two = stage.subscribe({.max_age = 2s});
  track::Consumer just_over_two = stage.subscribe({.max_age = 2s + 1ns});
  track::Consumer newest = stage.subscribe({.max_age = 0s});
  EXPECT_EQ(take_sequences(all), (Sequences{0, 1, 2, 3, 4}));
  EXPECT_EQ(take_sequences(two), (Sequences{2, 3, 4}));
  EXPECT_EQ(take_sequences(just_over_two), (Sequences{1, 2, 3, 4}));
  EXPECT_EQ(take_sequences(newest), (Sequences{4}));
  EXPECT_TRUE(two.is_stale(1));
  EXPECT_FALSE(two.is_stale(2));
  EXPECT_FALSE(newest.is_stale(4));
}

TEST(TrackAge, LateGroupsAreSkippedOrGivenByTheSameRule) {
  Stage stage(track::Info{.max_age = 1min});
  write_group(stage.track, 10, 10'000);
  track::Consumer newest = stage.subscribe({.max_age = 0s});
  track::Consumer patient = stage.subscribe({.max_age = 10s});
  EXPECT_EQ(take_sequences(newest), (Sequences{10}));
  EXPECT_EQ(take_sequences(patient), (Sequences{10}));
  write_group(stage.track, 9, 9'000);
  EXPECT_EQ(take_sequences(newest), (Sequences{}));
  EXPECT_EQ(take_sequences(patient), (Sequences{9}));
}

TEST(TrackAge, AGroupIsSupersededByTheFirstFrameOfTheNext) {
  Stage stage;
  write_group(stage.track, 0, 0);
  auto next = stage.track.create_group(1);
  track::Consumer reader = stage.subscribe({.max_age = 0s});
  EXPECT_FALSE(reader.is_stale(0));
  ASSERT_TRUE(next->write_frame(100, Bytes()));
  EXPECT_TRUE(reader.is_stale(0));
}

TEST(TrackAge, FramesOfOneLongGroupAgeTheOnesBefore) {
  Stage stage(track::Info{.max_age = 1min});
  write_group(stage.track, 0, 0);
  auto group = stage.track.create_group(1);
  ASSERT_TRUE(group->write_frame(1000, Bytes()));
  track::Consumer reader = stage.subscribe({.max_age = 2s});
  EXPECT_FALSE(reader.is_stale(0));
  ASSERT_TRUE(group->write_frame(2999, Bytes()));
  EXPECT_FALSE(reader.is_stale(0));
  ASSERT_TRUE(group->write_frame(3000, Bytes()));
  EXPECT_TRUE(reader.is_stale(0));
}

TEST(TrackAge, StalenessIsWaitedFor) {
  sim::World world;
  Stage stage(track::Info{.max_age = 1min});
  track::Consumer reader = stage.subscribe({.max_age = 2s});
  track::Consumer newest = stage.subscribe({.max_age = 0s});
  track::Consumer patient = stage.subscribe({.max_age = 10s});
  write_group(stage.track, 0, 0);
  const auto stale = [](const track::Consumer& track) {
    return [&track](const Waiter& waiter) { return track.poll_stale(waiter, 0); };
  };
  Watch by_frames(world, stale(reader));
  Watch at_once(world, stale(newest));
  Watch by_update(world, stale(patient));
  auto group = stage.track.create_group(1);
  EXPECT_FALSE(at_once.woken());
  ASSERT_TRUE(group->write_frame(1000, Bytes()));
  EXPECT_TRUE(at_once.woken());
  auto frame = group->create_frame({.timestamp = 2999, .size_bytes = 1});
  EXPECT_FALSE(by_frames.woken());
  ASSERT_TRUE(frame->write(large(1)));
  ASSERT_TRUE(std::move(*frame).finish());
  auto last = group->create_frame({.timestamp = 3000, .size_bytes = 1});
  EXPECT_TRUE(by_frames.woken());
  EXPECT_FALSE(by_update.woken());
  patient.update({.max_age = 1s});
  EXPECT_TRUE(by_update.woken());
}

TEST(TrackAge, WhoWaitsForAGroupToBeStaleIsWokenAFewTimesNotByEachFrame) {
  sim::World world;
  Stage stage(track::Info{.max_age = 1min});
  track::Consumer reader = stage.subscribe({.max_age = 8s});
  write_group(stage.track, 0, 0);
  int looks = 0;
  Watch waiting(world, [&](const Waiter& waiter) {
    ++looks;
    return reader.poll_stale(waiter, 0);
  });
  for (std::uint64_t i = 1; i <= 300; ++i) {
    write_group(stage.track, i, 1000 + 30 * i);
    EXPECT_EQ(waiting.woken(), 30 * (i - 1) >= 8000) << i;
  }
  // The next group began; a while before its time; then in time.
  EXPECT_LE(looks, 5);
}

TEST(TrackAge, AGroupThatComesLateBringsTheAgeOfTheOneBeforeItForward) {
  sim::World world;
  Stage stage(track::Info{.max_age = 1min});
  track::Consumer reader = stage.subscribe({.max_age = 2s});
  write_group(stage.track, 0, 0);
  write_group(stage.track, 5, 5000);
  write_group(stage.track, 6, 6000);
  Watch waiting(world, [&](const Waiter& waiter) { return reader.poll_stale(waiter, 0); });
  EXPECT_FALSE(waiting.woken());  // Superseded at 5000, so stale from 7000 on.
  write_group(stage.track, 2, 2000);
  EXPECT_TRUE(waiting.woken());
}

TEST(TrackAge, LagIsPresentationTimeToTheNewestFrame) {
  Stage stage(track::Info{.timescale = 48'000});
  track::Consumer reader = stage.subscribe();
  EXPECT_EQ(reader.lag(0), 0s);
  write_group(stage.track, 3, 96'000);
  EXPECT_EQ(reader.lag(48'000), 1s);
  EXPECT_EQ(reader.lag(96'000), 0s);
  EXPECT_EQ(reader.lag(200'000), 0s);
}

TEST(TrackStart, TheLowestToComeCountsWhatCameOutOfOrderAndWhatIsExpected) {
  Stage stage(track::Info{.max_age = 1min});
  track::Consumer reader = stage.subscribe({.max_age = 2s});
  for (const std::uint64_t sequence : {10, 14, 13, 12}) {
    write_group(stage.track, sequence, 1000 * sequence);
  }
  EXPECT_EQ(reader.lowest_to_come(14), 12U);  // Group 12 superseded 10 for 2 s.
  stage.track.ask_from(9, 2s);
  EXPECT_EQ(reader.lowest_to_come(14), 12U);  // Nor will 9 and 11 be sent to it.
  track::Consumer patient = stage.subscribe({.max_age = 10s});
  EXPECT_EQ(patient.lowest_to_come(14), 9U);
  write_group(stage.track, 9, 9000);
  EXPECT_EQ(patient.lowest_to_come(14), 9U);
  track::Consumer later = stage.subscribe({.max_age = 2s, .start = 13});
  EXPECT_EQ(later.lowest_to_come(14), 13U);
}

TEST(TrackAge, TheTimescaleCountsAndNothingOverflows) {
  Stage stage(track::Info{.max_age = 10s, .timescale = 90'000});
  write_group(stage.track, 0, 0);
  write_group(stage.track, 1, 90'000);
  auto last = stage.track.create_group(2);
  ASSERT_TRUE(last->write_frame(90'000 * 10, Bytes()));
  track::Consumer reader = stage.subscribe({.max_age = 9s});
  EXPECT_TRUE(reader.is_stale(0));
  ASSERT_TRUE(last->write_frame(kMaxVarint, Bytes()));
  EXPECT_TRUE(reader.is_stale(1));
  EXPECT_FALSE(reader.is_stale(2));
}

TEST(TrackAge, ThePublishersAgeBoundsTheReaders) {
  Stage stage(track::Info{.max_age = 2s});
  write_group(stage.track, 0, 0);
  write_group(stage.track, 1, 1000);
  auto group = stage.track.create_group(2);
  ASSERT_TRUE(group->write_frame(2000, Bytes()));
  ASSERT_TRUE(group->write_frame(3000, Bytes()));
  track::Consumer reader = stage.subscribe(kEverything);
  EXPECT_EQ(take_sequences(reader), (Sequences{1, 2}));
}

TEST(TrackAge, GroupsThatAgedOutLeaveTheCacheAndTheirReaders) {
  Stage stage(track::Info{.max_age = 5s});
  track::Consumer track = stage.subscribe();
  write_group(stage.track, 0, 0);
  auto reader = now(track.poll_next_group(Waiter::none()));
  write_group(stage.track, 1, 1000);
  write_group(stage.track, 2, 6000);
  EXPECT_FALSE((*reader)->error());  // Aging out takes a new group.
  write_group(stage.track, 3, 6001);
  EXPECT_EQ((*reader)->error()->code, Code::old);
  EXPECT_EQ(take_sequences(track), (Sequences{1, 2, 3}));
}

TEST(TrackAge, AWriterThatIsTooLateIsToldSo) {
  Stage stage(track::Info{.max_age = 5s});
  auto slow = stage.track.create_group(0);
  write_group(stage.track, 1, 0);
  write_group(stage.track, 2, 5000);
  write_group(stage.track, 3, 5000);
  EXPECT_EQ(code_of(slow->write_frame(0, Bytes::copy("late"))), Code::old);
  write_group(stage.track, 10, 20'000);
  std::move(*stage.track.create_group(6)).abort(Error(Code::old));  // Tells nothing of the time.
  write_group(stage.track, 11, 25'000);
  EXPECT_EQ(code_of(stage.track.create_group(5)), Code::old);
}

TEST(TrackAge, EmptyGroupsDoNotKeepOldOnes) {
  Stage stage(track::Info{.max_age = 5s});
  write_group(stage.track, 0, 0);
  for (std::uint64_t i = 1; i < 100; ++i) std::move(*stage.track.create_group(i)).finish();
  write_group(stage.track, 100, 1000);
  write_group(stage.track, 101, 6000);
  write_group(stage.track, 102, 6000);
  track::Consumer reader = stage.subscribe();
  EXPECT_EQ(take_sequences(reader), (Sequences{100, 101, 102}));
}

TEST(TrackLimits, CachedGroupsWithTheNewestKept) {
  Stage stage(kKeepsAll);
  for (std::uint64_t i = 0; i < kMaxTrackGroups; ++i) write_group(stage.track, i, 0);
  track::Consumer full = stage.subscribe();
  write_group(stage.track, kMaxTrackGroups, 0);
  track::Consumer over = stage.subscribe();
  const Sequences after = take_sequences(over);
  EXPECT_EQ(after.size(), kMaxTrackGroups);
  EXPECT_EQ(after.front(), 1U);
  EXPECT_EQ(after.back(), kMaxTrackGroups);
  EXPECT_EQ(take_sequences(full), after);  // What it had not taken is gone for it too.
  EXPECT_EQ(code_of(stage.track.create_group(0)), Code::old);
}

TEST(TrackLimits, AGroupBelowAFullCacheIsTooFarBehind) {
  Stage stage(kKeepsAll);
  for (std::uint64_t i = 1; i <= kMaxTrackGroups; ++i) write_group(stage.track, i, 0);
  EXPECT_EQ(code_of(stage.track.create_group(0)), Code::too_far_behind);
}

TEST(TrackLimits, CachedBytesWithTheNewestKept) {
  Stage stage(kKeepsAll);
  track::Consumer track = stage.subscribe();
  constexpr std::uint64_t kEach = kMaxTrackBytes / 8 - 1024;  // With their overhead, 8 fit.
  for (std::uint64_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(stage.track.write_frame(0, large(kEach)));
  }
  EXPECT_EQ(take_sequences(track).size(), 8U);
  ASSERT_TRUE(stage.track.write_frame(0, large(kEach)));
  track::Consumer late = stage.subscribe();
  EXPECT_EQ(take_sequences(late), (Sequences{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(TrackLimits, CachedBytesHoldWhileAGroupGrows) {
  Stage stage(kKeepsAll);
  track::Consumer track = stage.subscribe();
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(stage.track.write_frame(0, large(kMaxFrameBytes)));
  auto growing = stage.track.append_group();
  auto frame = growing->create_frame({.timestamp = 0, .size_bytes = kMaxFrameBytes});
  ASSERT_TRUE(frame);
  track::Consumer before = stage.subscribe();
  ASSERT_TRUE(frame->write(large(kMaxFrameBytes)));  // Over, by the overhead alone.
  track::Consumer after = stage.subscribe();
  EXPECT_EQ(take_sequences(after), (Sequences{1, 2, 3, 4, 5, 6, 7}));
}

TEST(TrackLimits, OverheadCountsInTheCache) {
  // Frames without payload are not free: a cache of them is bounded too.
  Stage stage(kKeepsAll);
  constexpr std::uint64_t kGroups = kMaxTrackBytes / (kMaxGroupFrames * kFrameCost) + 1;
  for (std::uint64_t i = 0; i < kGroups; ++i) {
    auto group = stage.track.append_group();
    for (std::size_t f = 0; f < kMaxGroupFrames; ++f) {
      ASSERT_TRUE(group->write_frame(0, Bytes()));
    }
    std::move(*group).finish();
  }
  track::Consumer reader = stage.subscribe();
  EXPECT_EQ(take_sequences(reader).front(), 1U);
}

TEST(TrackLimits, SeenRangesAreBounded) {
  auto state = track::State::create("video", nullptr);
  state->info = kKeepsAll;
  state->served = true;
  track::Producer producer(state);
  for (std::uint64_t i = 0; i <= 2 * kMaxSeenRanges; ++i) write_group(producer, 2 * i, 0);
  EXPECT_EQ(state->seen.ranges(), kMaxSeenRanges);
  // The gaps far behind count as received.
  EXPECT_EQ(code_of(producer.create_group(1)), Code::old);
  EXPECT_TRUE(producer.create_group(2 * 2 * kMaxSeenRanges - 1));
}

TEST(TrackLimits, ADescendingFloodOfStaleGroupsLeavesNothing) {
  auto state = track::State::create("video", nullptr);
  state->info = track::Info{.max_age = 5s};
  state->served = true;
  track::Producer producer(state);
  write_group(producer, 1'000'000, 10'000);
  write_group(producer, 1'000'001, 20'000);
  for (std::uint64_t i = 999'999; i > 990'000; --i) EXPECT_FALSE(producer.create_group(i));
  EXPECT_LE(state->arrivals.size(), 2U);
  EXPECT_EQ(state->by_sequence.size(), state->arrivals.size());
}

TEST(TrackLimits, HalfAnHourEndsAtTheMemoryOfTheFirstMinute) {
  // 30 groups a second, every 50th late by three, every 100th lost.
  auto state = track::State::create("video", nullptr);
  state->info = track::Info{};
  state->served = true;
  track::Producer producer(state);
  track::Consumer reader(state, {.max_age = 1s});
  std::uint64_t held = 0;
  for (std::uint64_t i = 0; i < 30 * 60 * 30; ++i) {
    const std::uint64_t sequence = i % 50 == 7 ? i + 3 : i % 50 == 10 ? i - 3 : i;
    if (i % 100 != 99) write_group(producer, sequence, sequence * 100 / 3, "payload of a frame");
    take_sequences(reader);
    if (i == 30 * 60) held = state->tally->held();
  }
  EXPECT_LE(state->by_sequence.size(), 30 * 5 + 5U);
  EXPECT_EQ(state->by_sequence.size(), state->arrivals.size());
  EXPECT_NEAR(static_cast<double>(state->tally->held()), static_cast<double>(held),
              static_cast<double>(held) / 20);
  EXPECT_LE(state->seen.ranges(), kMaxSeenRanges);
}

TEST(TrackLimits, TimestampsThatStandStillAreBoundedByTheCount) {
  auto state = track::State::create("video", nullptr);
  state->info = track::Info{};
  state->served = true;
  track::Producer producer(state);
  for (std::uint64_t i = 0; i < 3 * kMaxTrackGroups; ++i) write_group(producer, i, 77);
  EXPECT_EQ(state->by_sequence.size(), kMaxTrackGroups);
  EXPECT_EQ(state->arrivals.size(), kMaxTrackGroups);
}

TEST(TrackRange, StartAndEndBoundWhatIsRead) {
  Stage stage(kKeepsAll);
  track::Consumer reader = stage.subscribe({.max_age = kUnlimitedAge, .start = 2, .end = 4});
  for (std::uint64_t i = 0; i < 7; ++i) write_group(stage.track, i, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{2, 3, 4}));
}

TEST(TrackRange, AGroupPastTheEndDoesNotHoldBackLaterOnes) {
  Stage stage(kKeepsAll);
  track::Consumer reader = stage.subscribe({.max_age = kUnlimitedAge, .end = 4});
  for (const std::uint64_t sequence : {5, 3, 6, 4}) write_group(stage.track, sequence, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{3, 4}));
}

TEST(TrackRange, RaisingTheEndGivesWhatWaitedPastIt) {
  sim::World world;
  Stage stage(kKeepsAll);
  track::Consumer reader = stage.subscribe({.max_age = kUnlimitedAge, .end = 4});
  for (const std::uint64_t sequence : {5, 3, 8, 6, 4}) write_group(stage.track, sequence, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{3, 4}));
  reader.update({.max_age = kUnlimitedAge, .end = 6});
  EXPECT_EQ(take_sequences(reader), (Sequences{5, 6}));
  reader.update({.max_age = kUnlimitedAge});
  write_group(stage.track, 9, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{8, 9}));
}

TEST(TrackRange, UpdateWakesItsOwnReader) {
  sim::World world;
  Stage stage(kKeepsAll);
  track::Consumer reader = stage.subscribe({.max_age = kUnlimitedAge, .end = 4});
  write_group(stage.track, 5, 0);
  Watch next(world, [&](const Waiter& waiter) { return reader.poll_next_group(waiter); });
  EXPECT_FALSE(next.woken());
  reader.update({.max_age = kUnlimitedAge, .end = 5});
  EXPECT_TRUE(next.woken());
}

TEST(TrackRange, GroupsThatWaitPastTheEndAreForgottenWithTheCache) {
  Stage stage(track::Info{.max_age = 1s});
  track::Consumer reader = stage.subscribe({.max_age = kUnlimitedAge, .end = 0});
  for (std::uint64_t i = 0; i < 1000; ++i) {
    write_group(stage.track, i, 100 * i);
    take_sequences(reader);
  }
  reader.update(kEverything);
  const Sequences rest = take_sequences(reader);
  EXPECT_LE(rest.size(), 12U);
  EXPECT_EQ(rest.back(), 999U);
}

TEST(TrackEnd, FinishLeavesWhatIsCached) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer keep = stage.track.clone();
  write_group(stage.track, 4, 0);
  std::move(stage.track).finish();
  track::Consumer late = stage.subscribe();
  EXPECT_EQ(take_sequences(reader), (Sequences{4}));
  EXPECT_FALSE(now(reader.poll_next_group(Waiter::none()))->has_value());
  EXPECT_EQ(*now(reader.poll_end(Waiter::none())), 5U);
  EXPECT_EQ(take_sequences(late), (Sequences{4}));
  EXPECT_FALSE(now(late.poll_datagram(Waiter::none()))->has_value());
  EXPECT_EQ(code_of(keep.append_group()), Code::closed);
  EXPECT_EQ(code_of(now(keep.poll_used(Waiter::none()))), Code::closed);
}

TEST(TrackEnd, OpenGroupsGoOnAfterFinish) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  auto group = stage.track.append_group();
  auto open = now(reader.poll_next_group(Waiter::none()));
  std::move(stage.track).finish();
  ASSERT_TRUE(group->write_frame(0, Bytes::copy("last")));
  std::move(*group).finish();
  EXPECT_EQ(take_frames(**open), (Texts{"last"}));
}

TEST(TrackEnd, FinishAtLetsLateGroupsCome) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  write_group(stage.track, 3, 0);
  ASSERT_TRUE(stage.track.finish_at(5));
  EXPECT_EQ(*now(reader.poll_end(Waiter::none())), 5U);
  write_group(stage.track, 2, 0);
  write_group(stage.track, 4, 0);
  EXPECT_EQ(code_of(stage.track.create_group(5)), Code::protocol_violation);
  std::move(stage.track).finish();
  EXPECT_EQ(take_sequences(reader), (Sequences{3, 2, 4}));
  EXPECT_EQ(*now(reader.poll_end(Waiter::none())), 5U);
}

TEST(TrackEnd, FinishAtBelowAGroupOrAtAnotherEndIsAViolation) {
  Stage stage;
  write_group(stage.track, 3, 0);
  EXPECT_EQ(code_of(stage.track.finish_at(3)), Code::protocol_violation);
  EXPECT_TRUE(stage.track.finish_at(4));
  EXPECT_TRUE(stage.track.finish_at(4));
  EXPECT_EQ(code_of(stage.track.finish_at(6)), Code::protocol_violation);
}

TEST(TrackEnd, AbortReachesAllAndEndsOpenGroups) {
  sim::World world;
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer other = stage.track.clone();
  write_group(stage.track, 0, 0);
  auto open_group = stage.track.append_group();
  auto whole = now(reader.poll_next_group(Waiter::none()));
  auto open = now(reader.poll_next_group(Waiter::none()));
  Watch next(world, [&](const Waiter& waiter) { return reader.poll_next_group(waiter); });
  Watch datagram(world, [&](const Waiter& waiter) { return reader.poll_datagram(waiter); });
  Watch end(world, [&](const Waiter& waiter) { return reader.poll_end(waiter); });
  Watch aborted(world, [&](const Waiter& waiter) { return other.poll_aborted(waiter); });
  Watch unused(world, [&](const Waiter& waiter) { return other.poll_unused(waiter); });
  Watch chunk(world, [&](const Waiter& waiter) { return (*open)->poll_chunk(waiter); });
  EXPECT_FALSE(next.woken());
  std::move(stage.track).abort(Error(Code::going_away));
  for (Watch* one : {&next, &datagram, &end, &aborted, &unused, &chunk}) {
    EXPECT_TRUE(one->woken());
  }
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::going_away);
  EXPECT_EQ(take_frames(**whole), (Texts{"x"}));  // Who reads a whole group may read on.
  EXPECT_EQ((*open)->error()->code, Code::going_away);
  EXPECT_EQ(code_of(other.append_group()), Code::going_away);
}

TEST(TrackEnd, TheLastWriterThatDropsAborts) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  {
    track::Producer clone = stage.track.clone();
    {
      const track::Producer first = std::move(stage.track);
    }
    EXPECT_TRUE(clone.append_group());
    EXPECT_TRUE(reader.poll_end(Waiter::none()).pending());
  }
  EXPECT_EQ(code_of(now(reader.poll_end(Waiter::none()))), Code::cancelled);
}

TEST(TrackDatagrams, AreReadInOrderAndBoundedByTheRing) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  EXPECT_EQ(*stage.track.append_datagram(5, Bytes::copy("one")), 0U);
  write_group(stage.track, 7, 0);
  EXPECT_EQ(*stage.track.append_datagram(6, Bytes::copy("two")), 8U);
  stage.track.forward_datagram({.sequence = 3, .timestamp = 1, .payload = Bytes::copy("late")});
  auto first = now(reader.poll_datagram(Waiter::none()));
  EXPECT_EQ((*first)->payload.text(), "one");
  EXPECT_EQ((*first)->timestamp, 5U);
  EXPECT_EQ((*now(reader.poll_datagram(Waiter::none())))->sequence, 8U);
  EXPECT_EQ((*now(reader.poll_datagram(Waiter::none())))->sequence, 3U);
  EXPECT_TRUE(reader.poll_datagram(Waiter::none()).pending());

  for (std::size_t i = 0; i <= kMaxTrackDatagrams; ++i) {
    stage.track.forward_datagram({.sequence = 100 + i, .timestamp = 0, .payload = {}});
  }
  std::size_t read = 0;
  std::uint64_t lowest = UINT64_MAX;
  for (;;) {
    auto datagram = reader.poll_datagram(Waiter::none());
    if (datagram.pending()) break;
    lowest = std::min(lowest, (**datagram)->sequence);
    ++read;
  }
  EXPECT_EQ(read, kMaxTrackDatagrams);
  EXPECT_EQ(lowest, 101U);
}

TEST(TrackDatagrams, WakeTheirReadersOnly) {
  sim::World world;
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Consumer groups = stage.subscribe();
  int polls = 0;
  Watch datagram(world, [&](const Waiter& waiter) { return reader.poll_datagram(waiter); });
  Watch group(world, [&](const Waiter& waiter) {
    ++polls;
    return groups.poll_next_group(waiter);
  });
  ASSERT_TRUE(stage.track.append_datagram(0, Bytes()));
  EXPECT_TRUE(datagram.woken());
  EXPECT_FALSE(group.woken());
  EXPECT_EQ(polls, 1);
}

/// What there is to report: nothing, or one demand.
using Demands = std::vector<std::optional<track::Subscription>>;

Demands poll_demand(track::Producer& track) {
  auto demand = track.poll_demand(Waiter::none());
  if (demand.pending()) return {};
  return {**demand};
}

TEST(TrackDemand, IsWhatAllSubscribersTogetherWant) {
  Stage stage;
  EXPECT_EQ(poll_demand(stage.track), Demands{std::nullopt});
  EXPECT_EQ(poll_demand(stage.track), Demands{});
  std::optional<track::Consumer> a =
      stage.subscribe({.priority = 5, .max_age = 1s, .start = 10, .end = 20});
  const track::Subscription first = a->subscription();
  EXPECT_EQ(poll_demand(stage.track), Demands{first});
  std::optional<track::Consumer> b =
      stage.subscribe({.priority = 9, .max_age = 500ms, .start = 4, .end = 12});
  EXPECT_EQ(poll_demand(stage.track),
            (Demands{track::Subscription{.priority = 9, .max_age = 1s, .start = 4, .end = 20}}));
  std::optional<track::Consumer> c = stage.subscribe({});
  EXPECT_EQ(poll_demand(stage.track), (Demands{track::Subscription{.priority = 9, .max_age = 1s}}));
  c.reset();
  b.reset();
  EXPECT_EQ(poll_demand(stage.track), Demands{first});
  a.reset();
  EXPECT_EQ(poll_demand(stage.track), Demands{std::nullopt});
}

TEST(TrackDemand, IsLevelTriggered) {
  sim::World world;
  Stage stage;
  track::Consumer steady = stage.subscribe({.priority = 5});
  EXPECT_EQ(poll_demand(stage.track), (Demands{track::Subscription{.priority = 5}}));
  {
    track::Consumer brief = stage.subscribe({.priority = 7});
  }
  EXPECT_EQ(poll_demand(stage.track), Demands{});  // Came and went.
  track::Consumer same = stage.subscribe({.priority = 3});
  EXPECT_EQ(poll_demand(stage.track), Demands{});  // Changes nothing.
  Watch demand(world, [&](const Waiter& waiter) { return stage.track.poll_demand(waiter); });
  steady.update({.priority = 1});
  EXPECT_TRUE(demand.woken());
  track::Producer clone = stage.track.clone();  // A new handle has reported nothing.
  EXPECT_EQ(poll_demand(clone), (Demands{track::Subscription{.priority = 3}}));
}

TEST(TrackDemand, UsedAndUnusedFollowReadersFetchesAndQuestions) {
  sim::World world;
  Stage stage;
  const auto used = [&] { return stage.track.poll_used(Waiter::none()).ready(); };
  EXPECT_FALSE(used());
  {
    Watch wait(world, [&](const Waiter& waiter) { return stage.track.poll_used(waiter); });
    track::Consumer reader = stage.subscribe();
    EXPECT_TRUE(wait.woken());
    EXPECT_TRUE(used());
    EXPECT_TRUE(stage.track.poll_unused(Waiter::none()).pending());
  }
  EXPECT_FALSE(used());
  {
    track::InfoRequest question = stage.broadcast.consume().info("video");
    EXPECT_TRUE(used());
    EXPECT_EQ(now(question.poll(Waiter::none()))->timescale, 1000U);
  }
  EXPECT_FALSE(used());
  std::optional<track::Fetch> fetch = stage.broadcast.consume().fetch("video", 0);
  EXPECT_TRUE(used());
  Watch unused(world, [&](const Waiter& waiter) { return stage.track.poll_unused(waiter); });
  fetch.reset();
  EXPECT_TRUE(unused.woken());
}

TEST(TrackDemand, AMovedReaderCountsOnce) {
  Stage stage;
  track::Consumer a = stage.subscribe();
  track::Consumer b = std::move(a);
  track::Consumer c = stage.subscribe();
  c = std::move(b);
  EXPECT_TRUE(stage.track.poll_unused(Waiter::none()).pending());
  {
    const track::Consumer last = std::move(c);
  }
  EXPECT_TRUE(stage.track.poll_unused(Waiter::none()).ready());
}

TEST(TrackMove, AssignedProducerEndsTheOldTrack) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  stage.track = *stage.broadcast.create_track("audio");
  EXPECT_EQ(code_of(now(reader.poll_end(Waiter::none()))), Code::cancelled);
  EXPECT_TRUE(stage.track.append_group());
}

}  // namespace
}  // namespace moq::net

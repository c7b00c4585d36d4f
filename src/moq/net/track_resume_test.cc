#include "moq/net/internal/broadcast_state.h"
#include "moq/net/model_test_support.h"
#include "moq/net/origin.h"

namespace moq::net {
namespace {

using kio::Waiter;

/// A path with routes that come and go, all of one publisher.
struct Stage {
  explicit Stage(const track::Subscription& wanted = kEverything)
      : subscription(wanted), first(*add_route()), broadcast(*origin.consume().find(path)) {}
  Result<origin::RemoteRoute> add_route(std::uint64_t cost = 0) {
    return origin.add_route(path, Route{.hops = {100, 200}, .warm_cost = cost});
  }
  static std::optional<broadcast::TrackRequest> request(origin::RemoteRoute& route) {
    auto request = route.poll_requested_track(Waiter::none());
    if (request.pending()) return std::nullopt;
    return *std::move(request);
  }
  track::Producer serve(origin::RemoteRoute& route, const track::Info& info = {}) {
    auto asked = request(route);
    EXPECT_TRUE(asked);
    return *std::move(*asked).accept(info);
  }
  track::Consumer subscribe() const { return broadcast.subscribe("video", subscription); }

  track::Subscription subscription;
  const Path path = Path::of("room/alice");
  origin::Producer origin{1};
  std::optional<origin::RemoteRoute> first;
  broadcast::Consumer broadcast;
};

TEST(Resume, ReadersLiveOnAndGetEachGroupOnce) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first);
  for (std::uint64_t i = 10; i < 13; ++i) write_group(old, i, i * 1000);
  EXPECT_EQ(take_sequences(reader), (Sequences{10, 11, 12}));
  EXPECT_TRUE(now(reader.poll_served(Waiter::none(), false)));

  std::move(old).give_back();
  stage.first.reset();
  EXPECT_FALSE(now(reader.poll_served(Waiter::none(), true)));
  EXPECT_TRUE(reader.poll_next_group(Waiter::none()).pending());

  auto second = stage.add_route();
  auto request = stage.request(*second);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->former_info(), track::Info{});
  track::Producer next = *std::move(*request).accept({.priority = 9});
  EXPECT_EQ(next.info(), track::Info{});  // What readers were told stays.
  EXPECT_EQ(next.resume_point(), 13U);
  EXPECT_EQ(code_of(next.create_group(12)), Code::duplicate);
  write_group(next, 13, 13'000);
  EXPECT_EQ(take_sequences(reader), (Sequences{13}));
}

TEST(Resume, GroupsContinueWhereTheyStopped) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first);
  auto group = old.create_group(5);
  ASSERT_TRUE(group->write_frame(0, Bytes::copy("one")));
  auto open = now(reader.poll_next_group(Waiter::none()));
  std::move(*group).suspend();
  std::move(old).give_back();
  stage.first.reset();
  EXPECT_EQ(take_frames(**open), (Texts{"one"}));

  auto second = stage.add_route();
  track::Producer next = stage.serve(*second);
  EXPECT_EQ(next.resume_point(), 5U);
  auto resumed = next.create_group(5);
  ASSERT_TRUE(resumed->write_frame(0, Bytes::copy("one")));
  ASSERT_TRUE(resumed->write_frame(1, Bytes::copy("two")));
  std::move(*resumed).finish();
  EXPECT_EQ(take_frames(**open), (Texts{"two"}));
  EXPECT_TRUE((*open)->finished());
  EXPECT_EQ(take_sequences(reader), (Sequences{}));
}

TEST(ResumePoint, IsTheLowestGroupThatIsWantedAndNotWhole) {
  Stage stage({.max_age = 3s});
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  EXPECT_EQ(track.resume_point(), std::nullopt);
  write_group(track, 10, 10'000);
  EXPECT_EQ(track.resume_point(), 11U);
  auto open = track.create_group(11);
  ASSERT_TRUE(open->write_frame(11'000, Bytes()));
  write_group(track, 12, 12'000);
  EXPECT_EQ(track.resume_point(), 11U);
  std::move(*open).suspend();
  EXPECT_EQ(track.resume_point(), 11U);
  write_group(track, 13, 13'000);
  write_group(track, 14, 14'000);
  EXPECT_EQ(track.resume_point(), 11U);
  write_group(track, 15, 15'000);  // Group 11 is 3 s old now, which nobody wants.
  EXPECT_EQ(track.resume_point(), 16U);
  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 10s});
  EXPECT_EQ(track.resume_point(), 11U);
}

TEST(ResumePoint, CountsGroupsThatNeverCame) {
  Stage stage({.max_age = 3s});
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  for (const std::uint64_t i : {10, 11, 14, 16}) write_group(track, i, i * 1000);
  EXPECT_EQ(track.resume_point(), 12U);
  write_group(track, 12, 12'000);
  EXPECT_EQ(track.resume_point(), 13U);
  write_group(track, 17, 17'000);  // Group 13 was superseded 3 s ago.
  EXPECT_EQ(track.resume_point(), 15U);
  reader.update({.max_age = 3s, .start = 16});
  EXPECT_EQ(track.resume_point(), 18U);
  reader.update({.max_age = 3s, .start = 20});
  EXPECT_EQ(track.resume_point(), 20U);
  reader.update({.max_age = 0s});
  EXPECT_EQ(track.resume_point(), 18U);
}

TEST(ResumePoint, DoesNotReachBelowTheFirstGroup) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first);
  write_group(track, 1000, 0);
  EXPECT_EQ(track.resume_point(), 1001U);
}

TEST(ResumePoint, GroupsThatWereLetGoAreNotMissing) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 5s});
  for (std::uint64_t i = 0; i < 100; ++i) write_group(track, i, i * 1000);
  EXPECT_EQ(track.resume_point(), 100U);
}

TEST(Resume, WhatWillNotComeIsAbandoned) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first);
  auto lost = track.create_group(5);
  auto kept = track.create_group(6);
  auto active = track.create_group(4);
  auto lost_reader = lost->consume();
  auto kept_reader = kept->consume();
  auto active_reader = active->consume();
  std::move(*lost).suspend();
  std::move(*kept).suspend();
  track.begin_from(6, Error(Code::evicted));
  EXPECT_EQ(lost_reader.error()->code, Code::evicted);
  EXPECT_FALSE(kept_reader.error());
  EXPECT_FALSE(active_reader.error());
}

TEST(Resume, DroppedGroupsAreAbandoned) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first);
  track.ask_from(3, kUnlimitedAge);
  std::vector<group::Consumer> readers;
  for (std::uint64_t i = 3; i < 6; ++i) {
    auto group = track.create_group(i);
    readers.push_back(group->consume());
    std::move(*group).suspend();
  }
  auto active = track.create_group(6);
  auto active_reader = active->consume();
  EXPECT_EQ(track.resume_point(), 3U);
  track.drop_groups({4, 8}, Error(Code::evicted));
  EXPECT_FALSE(readers[0].error());
  EXPECT_EQ(readers[1].error()->code, Code::evicted);
  EXPECT_EQ(readers[2].error()->code, Code::evicted);
  EXPECT_FALSE(active_reader.error()) << "it is coming";

  track.drop_groups({3, 3}, Error(Code::evicted));
  std::move(*active).finish();
  EXPECT_EQ(track.resume_point(), 9U);
  EXPECT_FALSE(track.owes_below(9));
  EXPECT_TRUE(track.owes_below(10));
}

TEST(Resume, WhatOneSourceDropsAnotherMayHave) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first);
  old.ask_from(3, kUnlimitedAge);
  write_group(old, 3, 0);
  write_group(old, 7, 0);
  old.drop_groups({4, 6}, Error(Code::evicted));
  EXPECT_FALSE(reader.may_come(4, 6));
  EXPECT_EQ(old.resume_point(), 8U);
  std::move(old).give_back();
  stage.first.reset();
  auto second = stage.add_route();
  track::Producer next = stage.serve(*second);
  EXPECT_TRUE(reader.may_come(4, 6));
  EXPECT_EQ(next.resume_point(), 4U);
  write_group(next, 4, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{3, 7, 4}));
}

TEST(Resume, WhatIsDroppedForOneMayStillComeForWhoHasMorePatience) {
  Stage stage({.max_age = 500ms, .start = 3});
  track::Consumer impatient = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(3, 500ms);
  track.drop_groups({3, 5, 500ms}, Error(Code::old));
  write_group(track, 6, 6000);
  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 1min, .start = 3});
  EXPECT_FALSE(impatient.may_come(3, 5));
  EXPECT_TRUE(patient.may_come(3, 5));
  EXPECT_EQ(track.missed_point(), 3U);
  track.ask_from(3, 1min);
  track.drop_groups({4, 4, 1min}, Error(Code::evicted));
  EXPECT_TRUE(patient.may_come(3, 3));
  track.drop_groups({3, 5, 1min}, Error(Code::evicted));
  EXPECT_FALSE(patient.may_come(3, 5));
  EXPECT_EQ(track.missed_point(), std::nullopt);
}

TEST(ResumeLimits, DroppedRangesAreBounded) {
  auto state = track::State::create("video", nullptr);
  state->served = true;
  track::Producer track(state);
  for (std::uint64_t i = 0; i < 2 * kMaxDroppedRanges; ++i) {
    track.drop_groups({10 * i, 10 * i + 5}, Error(Code::evicted));
  }
  EXPECT_EQ(state->dropped.ranges(), kMaxDroppedRanges);
  track.drop_groups({7, 6}, Error(Code::evicted));           // Nothing.
  track.drop_groups({0, UINT64_MAX}, Error(Code::evicted));  // No such groups.
  EXPECT_EQ(state->dropped.ranges(), kMaxDroppedRanges);
}

TEST(Resume, AReaderThatWantsOlderGroupsThanWereAskedForIsMissingThem) {
  Stage stage({.max_age = 1min, .start = 6});
  track::Consumer impatient = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(6, 1min);
  write_group(track, 6, 6000);
  write_group(track, 4, 4000);  // Came all the same.
  EXPECT_EQ(track.missed_point(), std::nullopt);

  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 1min, .start = 3});
  EXPECT_EQ(track.missed_point(), 3U);
  EXPECT_EQ(patient.lowest_to_come(6), 3U);  // For the source will be asked.
  EXPECT_EQ(impatient.lowest_to_come(6), 6U);
  track.ask_from(3, 1min);
  EXPECT_EQ(track.missed_point(), std::nullopt);
  EXPECT_TRUE(patient.may_come(3, 5));

  track.begin_from(5, Error(Code::evicted));
  EXPECT_EQ(track.missed_point(), std::nullopt);
  EXPECT_EQ(patient.lowest_to_come(6), 4U);  // Is there.
  EXPECT_FALSE(patient.may_come(3, 4));
  EXPECT_TRUE(patient.may_come(3, 5));
}

TEST(Resume, NobodyMissesWhatIsTooOldForHim) {
  Stage stage({.max_age = 1min, .start = 6});
  track::Consumer impatient = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(6, 1min);
  write_group(track, 6, 6000);
  write_group(track, 9, 9000);
  track::Consumer late = stage.broadcast.subscribe("video", {.max_age = 2s, .start = 3});
  EXPECT_EQ(track.missed_point(), std::nullopt);
  track::Consumer later = stage.broadcast.subscribe("video", {.max_age = 4s, .start = 3});
  EXPECT_EQ(track.missed_point(), 3U);
}

TEST(Resume, WhatIsTooOldForOneIsNotGoneForAnother) {
  Stage stage({.max_age = 500ms, .start = 3});
  track::Consumer impatient = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(3, 500ms);
  track.begin_from(6, Error(Code::evicted));
  write_group(track, 6, 6000);
  EXPECT_FALSE(impatient.may_come(3, 5));
  EXPECT_EQ(track.missed_point(), std::nullopt);

  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 1min, .start = 3});
  EXPECT_TRUE(patient.may_come(3, 5));
  EXPECT_EQ(track.missed_point(), 3U);
}

TEST(Resume, WhatWasLeftOutForOneIsMissedBeforeTheFirstGroup) {
  Stage stage({.max_age = 500ms, .start = 3});
  track::Consumer impatient = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(3, 500ms);
  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 1min, .start = 3});
  EXPECT_EQ(track.missed_point(), std::nullopt);  // It may all come yet.
  track.begin_from(6, Error(Code::evicted));
  EXPECT_EQ(track.missed_point(), 3U);
}

TEST(Resume, ASourceThatWasNotAskedByNumberTellsNotWhatIsGone) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first, {.max_age = 1min});
  track.ask_from(std::nullopt, 1min);
  track.begin_from(6, Error(Code::evicted));
  write_group(track, 6, 6000);
  track::Consumer patient = stage.broadcast.subscribe("video", {.max_age = 1min, .start = 3});
  EXPECT_EQ(track.missed_point(), 3U);
}

TEST(Resume, AnotherTimescaleEndsTheTrack) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first, {.timescale = 1000});
  std::move(old).give_back();
  stage.first.reset();
  auto second = stage.add_route();
  EXPECT_EQ(code_of(std::move(*stage.request(*second)).accept({.timescale = 90'000})),
            Code::restarted);
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::restarted);
  // Whoever comes now starts afresh.
  track::Consumer fresh = stage.subscribe();
  EXPECT_TRUE(std::move(*stage.request(*second)).accept({.timescale = 90'000}));
}

TEST(Resume, ABetterRouteTakesOver) {
  sim::World world;
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first);
  write_group(old, 0, 0);
  Watch revoked(world, [&](const Waiter& waiter) { return old.poll_revoked(waiter); });
  auto worse = stage.add_route(10);
  EXPECT_FALSE(revoked.woken());
  stage.first->update({.hops = {100, 200}, .warm_cost = 20});
  EXPECT_TRUE(revoked.woken());
  EXPECT_FALSE(stage.request(*worse));  // Not before it is given back.
  std::move(old).give_back();
  EXPECT_FALSE(stage.request(*stage.first));
  track::Producer next = stage.serve(*worse);
  write_group(next, 1, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0, 1}));
}

TEST(Resume, ARevocationThatIsTakenBackCountsNoMore) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first);
  {
    auto better = stage.add_route();
    EXPECT_TRUE(track.poll_revoked(Waiter::none()).ready());
  }
  EXPECT_TRUE(track.poll_revoked(Waiter::none()).pending());
}

TEST(Resume, ARequestMovesToABetterRoute) {
  sim::World world;
  Stage stage;
  track::Consumer reader = stage.subscribe();
  auto request = stage.request(*stage.first);
  Watch unwanted(world, [&](const Waiter& waiter) { return request->poll_unwanted(waiter); });
  auto better = stage.add_route();
  EXPECT_TRUE(unwanted.woken());
  std::move(*request).give_back();
  EXPECT_TRUE(stage.request(*better));
}

TEST(Resume, ADroppedRequestOfALostRouteIsNotRefused) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  auto request = stage.request(*stage.first);
  stage.first.reset();
  request.reset();
  EXPECT_TRUE(reader.poll_info(Waiter::none()).pending());
  auto second = stage.add_route();
  EXPECT_TRUE(stage.request(*second));
}

TEST(Resume, ADroppedRequestOfTheBestRouteComesAgain) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  {
    auto request = stage.request(*stage.first);
  }
  EXPECT_TRUE(reader.poll_info(Waiter::none()).pending());
  EXPECT_TRUE(stage.request(*stage.first));
}

TEST(Resume, ADroppedWriterOfARouteGivesItsTrackBack) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  {
    track::Producer dropped = stage.serve(*stage.first);
  }
  EXPECT_TRUE(reader.poll_next_group(Waiter::none()).pending());
  EXPECT_TRUE(stage.request(*stage.first));
}

TEST(Resume, ATrackThatNobodyReadsIsNotAskedForAgain) {
  Stage stage;
  std::optional<track::Consumer> reader = stage.subscribe();
  track::Producer track = stage.serve(*stage.first);
  reader.reset();
  std::move(track).give_back();
  EXPECT_FALSE(stage.request(*stage.first));
}

TEST(Resume, FetchesWaitForTheNextRoute) {
  Stage stage;
  track::Fetch fetch = stage.broadcast.fetch("video", 3);
  track::Producer old = stage.serve(*stage.first);
  {
    auto asked = now(old.poll_requested_group(Waiter::none()));
  }  // Its session ends.
  std::move(old).give_back();
  stage.first.reset();
  EXPECT_TRUE(fetch.poll(Waiter::none()).pending());
  auto second = stage.add_route();
  track::Producer next = stage.serve(*second);
  EXPECT_EQ(now(next.poll_requested_group(Waiter::none()))->sequence(), 3U);
}

TEST(Resume, ReadersHoldTheirPlaceWhileThereIsNoRoute) {
  Stage stage;
  track::Consumer reader = stage.subscribe();
  track::Producer old = stage.serve(*stage.first);
  write_group(old, 0, 0);
  std::move(old).give_back();
  stage.first.reset();
  EXPECT_FALSE(stage.origin.consume().find(stage.path));
  // Who still holds the broadcast can ask for more, which waits too.
  track::Consumer other = stage.broadcast.subscribe("audio");
  EXPECT_TRUE(other.poll_info(Waiter::none()).pending());
  auto second = stage.add_route();
  EXPECT_TRUE(stage.origin.consume().find(stage.path)->same_broadcast(stage.broadcast));
  auto one = stage.request(*second);
  auto two = stage.request(*second);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->name(), "video");
  EXPECT_EQ(two->name(), "audio");
}

TEST(Resume, ARestartedPublisherEndsTheOldBroadcast) {
  sim::World world;
  Stage stage;
  track::Consumer waiting = stage.subscribe();
  track::Consumer served = stage.broadcast.subscribe("audio", kEverything);
  auto request_video = stage.request(*stage.first);
  std::move(*request_video).give_back();
  auto audio = *std::move(*stage.request(*stage.first)).accept({});
  write_group(audio, 0, 0);
  Watch closed(world, [&](const Waiter& waiter) { return stage.broadcast.poll_closed(waiter); });
  Watch revoked(world, [&](const Waiter& waiter) { return audio.poll_revoked(waiter); });

  auto second = stage.origin.add_route(stage.path, Route{.hops = {101, 200}});
  EXPECT_TRUE(closed.woken());
  EXPECT_TRUE(revoked.woken());
  EXPECT_EQ(now(stage.broadcast.poll_closed(Waiter::none())).code, Code::restarted);
  EXPECT_EQ(code_of(now(waiting.poll_next_group(Waiter::none()))), Code::restarted);
  std::move(audio).give_back();
  EXPECT_EQ(code_of(now(served.poll_next_group(Waiter::none()))), Code::restarted);

  broadcast::Consumer fresh = *stage.origin.consume().find(stage.path);
  EXPECT_FALSE(fresh.same_broadcast(stage.broadcast));
  track::Consumer reader = fresh.subscribe("audio", kEverything);
  track::Producer next = stage.serve(*second);
  write_group(next, 0, 0);  // The same number, another group.
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
}

TEST(Resume, NothingIsLeftOnceAllHandlesAreGone) {
  std::weak_ptr<broadcast::State> front;
  std::weak_ptr<track::State> track;
  {
    Stage stage;
    front = stage.broadcast.state();
    track::Consumer reader = stage.subscribe();
    track = stage.broadcast.state()->tracks.at("video");
    track::Producer producer = stage.serve(*stage.first);
    write_group(producer, 0, 0);
    std::move(producer).give_back();
    EXPECT_FALSE(track.expired());
  }
  EXPECT_TRUE(track.expired());
  EXPECT_TRUE(front.expired());
}

TEST(Resume, ReadersThatOutliveTheOriginLearnIt) {
  sim::World world;
  std::optional<track::Consumer> reader;
  std::optional<broadcast::Consumer> broadcast;
  {
    Stage stage;
    broadcast = stage.broadcast.clone();
    reader = stage.subscribe();
  }
  EXPECT_EQ(code_of(now(reader->poll_next_group(Waiter::none()))), Code::closed);
  EXPECT_EQ(now(broadcast->poll_closed(Waiter::none())).code, Code::closed);
}

}  // namespace
}  // namespace moq::net

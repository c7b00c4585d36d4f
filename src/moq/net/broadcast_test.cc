#include "moq/net/broadcast.h"

#include "moq/net/internal/broadcast_state.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

TEST(Broadcast, ATrackIsFoundByName) {
  broadcast::Producer broadcast;
  track::Producer video = *broadcast.create_track("video");
  track::Producer odd = *broadcast.create_track("");  // Names are free.
  broadcast::Consumer consumer = broadcast.consume();
  track::Consumer reader = consumer.subscribe("video", kEverything);
  track::Consumer odd_reader = consumer.subscribe("", kEverything);
  write_group(video, 1, 0);
  write_group(odd, 2, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{1}));
  EXPECT_EQ(take_sequences(odd_reader), (Sequences{2}));
}

TEST(Broadcast, AnUnknownTrackIsNotFoundAtTheFirstPoll) {
  broadcast::Producer broadcast;
  broadcast::Consumer consumer = broadcast.consume();
  track::Consumer reader = consumer.subscribe("nothing");
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::not_found);
  EXPECT_EQ(code_of(now(consumer.info("nothing").poll(Waiter::none()))), Code::not_found);
  EXPECT_EQ(code_of(now(consumer.fetch("nothing", 0).poll(Waiter::none()))), Code::not_found);
  // It can still come.
  track::Producer late = *broadcast.create_track("nothing");
  EXPECT_TRUE(now(consumer.info("nothing").poll(Waiter::none())));
}

TEST(Tracks, AreToldAsTheyBegin) {
  broadcast::Producer broadcast;
  track::Producer video = *broadcast.create_track("video");
  broadcast::Tracks tracks = broadcast.consume().tracks();
  EXPECT_EQ(now(tracks.poll_next(Waiter::none()))->name, "video");
  EXPECT_TRUE(tracks.poll_next(Waiter::none()).pending());
  track::Producer audio = *broadcast.create_track("audio");
  EXPECT_EQ(now(tracks.poll_next(Waiter::none()))->name, "audio");
  // Again only what begins anew.
  std::move(video).finish();
  EXPECT_TRUE(tracks.poll_next(Waiter::none()).pending());
  track::Producer again = *broadcast.create_track("video");
  EXPECT_EQ(now(tracks.poll_next(Waiter::none()))->name, "video");
  EXPECT_TRUE(tracks.poll_next(Waiter::none()).pending());
  broadcast.close();
  EXPECT_EQ(code_of(now(tracks.poll_next(Waiter::none()))), Code::closed);
}

TEST(Tracks, BeginWhenARequestIsAccepted) {
  broadcast::Producer broadcast;
  broadcast::Dynamic dynamic = broadcast.dynamic();
  broadcast::Consumer consumer = broadcast.consume();
  broadcast::Tracks tracks = consumer.tracks();
  track::Consumer reader = consumer.subscribe("video");
  EXPECT_TRUE(tracks.poll_next(Waiter::none()).pending());
  track::Producer video = *(*now(dynamic.poll_requested_track(Waiter::none()))).accept({});
  EXPECT_EQ(now(tracks.poll_next(Waiter::none()))->name, "video");
}

TEST(Tracks, AWatchSeesTheEndOfOneThatNobodyReads) {
  using Fate = track::Watch::Fate;
  broadcast::Producer broadcast;
  broadcast::Dynamic dynamic = broadcast.dynamic();
  broadcast::Consumer consumer = broadcast.consume();
  track::Producer finished = *broadcast.create_track("finished");
  track::Producer aborted = *broadcast.create_track("aborted");
  const track::Watch first = finished.consume().watch();
  const track::Watch second = aborted.consume().watch();
  EXPECT_TRUE(first.poll_over(Waiter::none()).pending());
  std::move(finished).finish();
  std::move(aborted).abort(Error(Code::internal));
  EXPECT_EQ(now(first.poll_over(Waiter::none())), Fate::finished);
  EXPECT_EQ(now(second.poll_over(Waiter::none())), Fate::idle);  // Nothing is left of it.

  std::optional<track::Consumer> reader = consumer.subscribe("asked");
  track::Producer asked = *(*now(dynamic.poll_requested_track(Waiter::none()))).accept({});
  const track::Watch third = reader->watch();
  reader.reset();
  EXPECT_TRUE(third.poll_over(Waiter::none()).pending());
  std::move(asked).give_back();
  EXPECT_EQ(now(third.poll_over(Waiter::none())), Fate::idle);
}

TEST(Broadcast, ANameIsWrittenOnceAtATime) {
  broadcast::Producer broadcast;
  track::Producer first = *broadcast.create_track("video");
  EXPECT_EQ(code_of(broadcast.create_track("video")), Code::duplicate);
  track::Consumer old = first.consume();
  std::move(first).abort(Error(Code::internal));
  track::Producer second = *broadcast.create_track("video");
  track::Consumer reader = broadcast.consume().subscribe("video", kEverything);
  write_group(second, 0, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  EXPECT_EQ(code_of(now(old.poll_next_group(Waiter::none()))), Code::internal);
  {
    const track::Producer dropped = std::move(second);
  }
  EXPECT_TRUE(broadcast.create_track("video"));
}

TEST(Broadcast, AFinishedNameCanBeWrittenAgain) {
  broadcast::Producer broadcast;
  track::Producer first = *broadcast.create_track("video");
  const track::Producer kept = first.clone();
  std::move(first).finish();
  EXPECT_TRUE(broadcast.create_track("video"));
}

TEST(Broadcast, ClosesWithItsLastProducer) {
  sim::World world;
  std::optional<broadcast::Producer> broadcast;
  broadcast.emplace();
  std::optional<broadcast::Producer> clone = broadcast->clone();
  broadcast::Consumer consumer = broadcast->consume();
  track::Producer track = *broadcast->create_track("video");
  track::Consumer reader = consumer.subscribe("video", kEverything);
  Watch closed(world, [&](const Waiter& waiter) { return consumer.poll_closed(waiter); });
  broadcast.reset();
  EXPECT_FALSE(closed.woken());
  clone.reset();
  EXPECT_TRUE(closed.woken());
  EXPECT_EQ(now(consumer.poll_closed(Waiter::none())).code, Code::closed);
  // Its tracks go on for those who read them, and nobody else finds them.
  write_group(track, 0, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  track::Consumer late = consumer.subscribe("video", kEverything);
  EXPECT_EQ(code_of(now(late.poll_next_group(Waiter::none()))), Code::closed);
}

/// A finished track of one group.
void write_track(broadcast::Producer& broadcast, std::string_view name) {
  track::Producer track = *broadcast.create_track(name);
  write_group(track, 0, 0);
  std::move(track).finish();
}

TEST(Broadcast, KeepsFinishedTracksForLateReaders) {
  broadcast::Producer broadcast;
  const broadcast::Consumer consumer = broadcast.consume();
  write_track(broadcast, "clip");
  for (int i = 0; i < 2; ++i) {
    track::Consumer late = consumer.subscribe("clip", kEverything);
    auto group = now(late.poll_next_group(Waiter::none()));
    ASSERT_TRUE(group && *group);
    EXPECT_EQ(take_frames(**group), (Texts{"x"}));
    EXPECT_EQ(now(late.poll_next_group(Waiter::none())), std::nullopt);
    EXPECT_TRUE(now(consumer.fetch("clip", 0).poll(Waiter::none())));
  }
  const std::weak_ptr<track::State> kept = consumer.state()->tracks.at("clip");
  broadcast.close();
  EXPECT_TRUE(kept.expired());
}

TEST(Broadcast, ANewTrackTakesThePlaceOfAFinishedOne) {
  broadcast::Producer broadcast;
  const broadcast::Consumer consumer = broadcast.consume();
  write_track(broadcast, "clip");
  const std::weak_ptr<track::State> kept = consumer.state()->tracks.at("clip");
  track::Producer next = *broadcast.create_track("clip");
  EXPECT_TRUE(kept.expired());
  track::Consumer reader = consumer.subscribe("clip", kEverything);
  EXPECT_TRUE(reader.poll_next_group(Waiter::none()).pending());
}

TEST(Broadcast, AFinishedTrackThatWasAskedForIsAskedForAgain) {
  broadcast::Producer broadcast;
  broadcast::Dynamic dynamic = broadcast.dynamic();
  const broadcast::Consumer consumer = broadcast.consume();
  for (int i = 0; i < 2; ++i) {
    track::Consumer reader = consumer.subscribe("clip", kEverything);
    auto request = dynamic.poll_requested_track(Waiter::none());
    ASSERT_TRUE(request.ready());
    track::Producer track = *std::move(**request).accept({});
    write_group(track, 0, 0);
    std::move(track).finish();
    EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  }
}

TEST(BroadcastLimits, FinishedTracks) {
  broadcast::Producer broadcast;
  const broadcast::Consumer consumer = broadcast.consume();
  for (std::size_t i = 0; i <= kMaxFinishedTracks; ++i) write_track(broadcast, std::to_string(i));
  EXPECT_EQ(consumer.state()->finished.size(), kMaxFinishedTracks);
  track::Consumer oldest = consumer.subscribe("0", kEverything);
  EXPECT_EQ(code_of(now(oldest.poll_next_group(Waiter::none()))), Code::not_found);
  track::Consumer next = consumer.subscribe("1", kEverything);
  EXPECT_EQ(take_sequences(next), (Sequences{0}));
}

TEST(Broadcast, CloseTellsWhy) {
  broadcast::Producer broadcast;
  broadcast::Consumer consumer = broadcast.consume();
  broadcast.close(Error(Code::going_away));
  broadcast.close(Error(Code::internal));  // The first counts.
  EXPECT_EQ(now(consumer.poll_closed(Waiter::none())).code, Code::going_away);
  EXPECT_EQ(code_of(broadcast.create_track("video")), Code::going_away);
  EXPECT_EQ(code_of(now(broadcast.poll_used(Waiter::none()))), Code::going_away);
  EXPECT_EQ(code_of(now(broadcast.poll_unused(Waiter::none()))), Code::going_away);
  track::Consumer reader = consumer.subscribe("video");
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::going_away);
}

TEST(Broadcast, UsedWhileThereIsAConsumer) {
  sim::World world;
  broadcast::Producer broadcast;
  EXPECT_TRUE(broadcast.poll_unused(Waiter::none()).ready());
  Watch used(world, [&](const Waiter& waiter) { return broadcast.poll_used(waiter); });
  EXPECT_FALSE(used.woken());
  std::optional<broadcast::Consumer> consumer = broadcast.consume();
  EXPECT_TRUE(used.woken());
  Watch unused(world, [&](const Waiter& waiter) { return broadcast.poll_unused(waiter); });
  std::optional<broadcast::Consumer> clone = consumer->clone();
  consumer.reset();
  EXPECT_FALSE(unused.woken());
  EXPECT_TRUE(clone->same_broadcast(broadcast.consume()));
  clone.reset();
  EXPECT_TRUE(unused.woken());
}

struct Requested {
  Requested() : dynamic(broadcast.dynamic()), consumer(broadcast.consume()) {}
  broadcast::TrackRequest request() {
    auto request = now(dynamic->poll_requested_track(Waiter::none()));
    EXPECT_TRUE(request);
    return *std::move(request);
  }
  [[nodiscard]] bool asked() const { return dynamic->poll_requested_track(Waiter::none()).ready(); }
  broadcast::Producer broadcast;
  mutable std::optional<broadcast::Dynamic> dynamic;
  broadcast::Consumer consumer;
};

TEST(Dynamic, AnswersAReader) {
  sim::World world;
  Requested stage;
  track::Consumer reader = stage.consumer.subscribe("video", kEverything);
  EXPECT_TRUE(reader.poll_info(Waiter::none()).pending());
  broadcast::TrackRequest request = stage.request();
  EXPECT_EQ(request.name(), "video");
  EXPECT_FALSE(request.former_info());
  Watch info(world, [&](const Waiter& waiter) { return reader.poll_info(waiter); });
  Watch served(world, [&](const Waiter& waiter) { return reader.poll_served(waiter, false); });
  auto track = std::move(request).accept({.timescale = 48000});
  ASSERT_TRUE(track);
  EXPECT_TRUE(info.woken());
  EXPECT_TRUE(served.woken());
  write_group(*track, 0, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  // A second reader joins without a request.
  track::Consumer second = stage.consumer.subscribe("video", kEverything);
  EXPECT_EQ(take_sequences(second), (Sequences{0}));
  EXPECT_FALSE(stage.asked());
}

TEST(Dynamic, IsWokenByARequest) {
  sim::World world;
  Requested stage;
  Watch asked(world,
              [&](const Waiter& waiter) { return stage.dynamic->poll_requested_track(waiter); });
  EXPECT_FALSE(asked.woken());
  track::InfoRequest question = stage.consumer.info("video");
  EXPECT_TRUE(asked.woken());
}

TEST(Dynamic, AsksOnceForManyReaders) {
  Requested stage;
  track::Consumer first = stage.consumer.subscribe("video");
  track::Consumer second = stage.consumer.subscribe("video");
  broadcast::TrackRequest request = stage.request();
  EXPECT_FALSE(stage.asked());
  track::Consumer third = stage.consumer.subscribe("video");  // While the answer is awaited.
  track::InfoRequest question = stage.consumer.info("video");
  EXPECT_FALSE(stage.asked());
  auto track = std::move(request).accept({});
  EXPECT_TRUE(now(third.poll_info(Waiter::none())));
  EXPECT_TRUE(now(question.poll(Waiter::none())));
}

TEST(Dynamic, RejectionReachesAllReadersAndALaterOneAsksAgain) {
  Requested stage;
  track::Consumer first = stage.consumer.subscribe("video");
  stage.request().reject(Error(Code::unauthorized));
  EXPECT_EQ(code_of(now(first.poll_info(Waiter::none()))), Code::unauthorized);
  track::Consumer second = stage.consumer.subscribe("video");
  {
    auto dropped = stage.request();
  }
  EXPECT_EQ(code_of(now(second.poll_info(Waiter::none()))), Code::not_found);
}

TEST(Dynamic, ARequestThatNobodyWantsIsNotPassedOn) {
  Requested stage;
  {
    track::Consumer brief = stage.consumer.subscribe("video");
  }
  EXPECT_FALSE(stage.asked());
}

TEST(Dynamic, LearnsThatARequestIsUnwanted) {
  sim::World world;
  Requested stage;
  std::optional<track::Consumer> reader = stage.consumer.subscribe("video");
  broadcast::TrackRequest request = stage.request();
  Watch unwanted(world, [&](const Waiter& waiter) { return request.poll_unwanted(waiter); });
  EXPECT_FALSE(unwanted.woken());
  reader.reset();
  EXPECT_TRUE(unwanted.woken());
}

TEST(Dynamic, AnUnwantedRequestIsAskedAgainForWhoComesMeanwhile) {
  Requested stage;
  std::optional<track::Consumer> reader = stage.consumer.subscribe("video");
  std::optional<broadcast::TrackRequest> request = stage.request();
  reader.reset();
  request.reset();
  EXPECT_FALSE(stage.asked());
  track::Consumer next = stage.consumer.subscribe("video");
  broadcast::TrackRequest again = stage.request();
  track::Consumer other = stage.consumer.subscribe("video");
  std::move(again).give_back();
  auto track = stage.request().accept({});
  EXPECT_TRUE(now(next.poll_info(Waiter::none())));
  EXPECT_TRUE(now(other.poll_info(Waiter::none())));
}

TEST(Dynamic, AWriterThatGoesWithoutReadersEndsNothing) {
  Requested stage;
  std::optional<track::Consumer> reader = stage.consumer.subscribe("video");
  auto track = stage.request().accept({});
  reader.reset();
  std::optional<group::Consumer> kept;
  {
    track::Producer writer = *std::move(track);
    EXPECT_TRUE(writer.poll_unused(Waiter::none()).ready());
  }
  track::Consumer next = stage.consumer.subscribe("video");
  EXPECT_TRUE(next.poll_info(Waiter::none()).pending());
  EXPECT_TRUE(stage.asked());
}

TEST(Dynamic, AWriterThatGoesUnderItsReadersAborts) {
  Requested stage;
  track::Consumer reader = stage.consumer.subscribe("video");
  {
    auto track = stage.request().accept({});
  }
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::cancelled);
}

TEST(Dynamic, WithoutAHandlerWaitingRequestsFail) {
  Requested stage;
  track::Consumer reader = stage.consumer.subscribe("video");
  {
    broadcast::Dynamic second = stage.broadcast.dynamic();
    stage.dynamic.reset();
    EXPECT_TRUE(reader.poll_info(Waiter::none()).pending());
  }
  EXPECT_EQ(code_of(now(reader.poll_info(Waiter::none()))), Code::not_found);
  track::Consumer next = stage.consumer.subscribe("video");
  EXPECT_EQ(code_of(now(next.poll_info(Waiter::none()))), Code::not_found);
}

TEST(Dynamic, GivenBackWithoutAHandlerFails) {
  Requested stage;
  track::Consumer reader = stage.consumer.subscribe("video");
  auto track = stage.request().accept({});
  stage.dynamic.reset();
  std::move(*track).give_back();
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::not_found);
}

TEST(Dynamic, CloseFailsWaitingRequests) {
  Requested stage;
  track::Consumer reader = stage.consumer.subscribe("video");
  stage.broadcast.close();
  EXPECT_EQ(code_of(now(reader.poll_info(Waiter::none()))), Code::closed);
  EXPECT_EQ(code_of(now(stage.dynamic->poll_requested_track(Waiter::none()))), Code::closed);
}

TEST(Dynamic, CreateTrackTakesOverWhatReadersWaitFor) {
  Requested stage;
  track::Consumer queued = stage.consumer.subscribe("queued");
  track::Producer first = *stage.broadcast.create_track("queued", {.timescale = 7});
  EXPECT_EQ(now(queued.poll_info(Waiter::none()))->timescale, 7U);
  EXPECT_FALSE(stage.asked());

  track::Consumer asked = stage.consumer.subscribe("asked", kEverything);
  broadcast::TrackRequest request = stage.request();
  EXPECT_TRUE(request.poll_unwanted(Waiter::none()).pending());
  track::Producer second = *stage.broadcast.create_track("asked");
  EXPECT_TRUE(request.poll_unwanted(Waiter::none()).ready());
  write_group(second, 4, 0);
  EXPECT_EQ(code_of(std::move(request).accept({})), Code::duplicate);
  EXPECT_EQ(take_sequences(asked), (Sequences{4}));
  EXPECT_TRUE(second.append_group());
}

TEST(Dynamic, ARequestTakenOverCannotEndTheTrack) {
  for (const int way : {0, 1, 2}) {
    Requested stage;
    track::Consumer reader = stage.consumer.subscribe("video", kEverything);
    std::optional<broadcast::TrackRequest> request = stage.request();
    track::Producer track = *stage.broadcast.create_track("video");
    if (way == 0) std::move(*request).reject(Error(Code::internal));
    if (way == 1) std::move(*request).give_back();
    request.reset();
    write_group(track, 0, 0);
    EXPECT_EQ(take_sequences(reader), (Sequences{0})) << way;
    EXPECT_FALSE(stage.asked());
  }
}

TEST(BroadcastLimits, WaitingRequests) {
  Requested stage;
  std::vector<track::InfoRequest> questions;
  for (std::size_t i = 0; i < kMaxTrackRequests; ++i) {
    questions.push_back(stage.consumer.info(std::to_string(i)));
  }
  EXPECT_TRUE(questions.back().poll(Waiter::none()).pending());
  EXPECT_EQ(code_of(now(stage.consumer.info("one more").poll(Waiter::none()))), Code::too_many);
  questions.pop_back();
  EXPECT_TRUE(stage.consumer.info("one more").poll(Waiter::none()).pending());
}

TEST(BroadcastLimits, NamesThatNobodyHoldsAreForgotten) {
  broadcast::Producer broadcast;
  broadcast::Consumer consumer = broadcast.consume();
  const auto& names = consumer.state()->tracks;
  track::Producer kept = *broadcast.create_track("kept");
  for (int i = 0; i < 10'000; ++i) (void)consumer.info(std::to_string(i));
  EXPECT_LE(names.size(), 64U);
  for (int i = 0; i < 10'000; ++i) (void)broadcast.create_track(std::to_string(i));
  EXPECT_LE(names.size(), 64U);
  EXPECT_EQ(code_of(broadcast.create_track("kept")), Code::duplicate);
}

TEST(BroadcastLifetime, WaitingTracksGoWithTheirReaders) {
  std::weak_ptr<broadcast::State> home;
  std::weak_ptr<track::State> track;
  {
    Requested stage;
    home = stage.consumer.state();
    std::optional<track::Consumer> reader = stage.consumer.subscribe("video");
    track = stage.consumer.state()->tracks.at("video");
    EXPECT_FALSE(track.expired());
    reader.reset();
    EXPECT_TRUE(track.expired());
    track::Fetch fetch = stage.consumer.fetch("audio", 3);
    track = stage.consumer.state()->tracks.at("audio");
  }
  EXPECT_TRUE(track.expired());
  EXPECT_TRUE(home.expired());
}

TEST(BroadcastLifetime, ReadersOutliveTheirBroadcastWithoutALeak) {
  std::weak_ptr<track::State> track;
  std::optional<track::Consumer> reader;
  {
    Requested stage;
    reader = stage.consumer.subscribe("video");
    track = stage.consumer.state()->tracks.at("video");
  }
  EXPECT_EQ(code_of(now(reader->poll_info(Waiter::none()))), Code::not_found);
  reader.reset();
  EXPECT_TRUE(track.expired());
}

}  // namespace
}  // namespace moq::net

#include "moq/net/broadcast.h"
#include "moq/net/internal/track_state.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

struct Stage {
  Stage() : track(*broadcast.create_track("video")), consumer(broadcast.consume()) {}
  /// Makes the producer one that answers fetches.
  void serve_fetches() { EXPECT_TRUE(track.poll_requested_group(Waiter::none()).pending()); }
  track::Fetch fetch(std::uint64_t sequence, std::uint8_t priority = 0) const {
    return consumer.fetch("video", sequence, priority);
  }
  broadcast::Producer broadcast;
  track::Producer track;
  broadcast::Consumer consumer;
};

TEST(Fetch, ACachedGroupIsThereAtOnce) {
  Stage stage;
  write_group(stage.track, 3, 0, "cached");
  track::Fetch fetch = stage.fetch(3);
  auto group = now(fetch.poll(Waiter::none()));
  ASSERT_TRUE(group);
  EXPECT_EQ(take_frames(*group), (Texts{"cached"}));
  track::Consumer reader = stage.track.consume();
  auto same = now(reader.fetch(3).poll(Waiter::none()));
  EXPECT_EQ(take_frames(*same), (Texts{"cached"}));
}

TEST(Fetch, WithoutAHandlerOnlyTheCacheAnswers) {
  Stage stage;
  EXPECT_EQ(code_of(now(stage.fetch(3).poll(Waiter::none()))), Code::not_found);
}

TEST(Fetch, TheHandlerIsAskedAndItsGroupGrows) {
  sim::World world;
  Stage stage;
  stage.serve_fetches();
  Watch requested(world, [&](const Waiter& waiter) { return stage.track.poll_used(waiter); });
  track::Fetch fetch = stage.fetch(3, 9);
  EXPECT_TRUE(requested.woken());
  Watch answered(world, [&](const Waiter& waiter) { return fetch.poll(waiter); });
  auto request = now(stage.track.poll_requested_group(Waiter::none()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->sequence(), 3U);
  EXPECT_EQ(request->priority(), 9U);
  EXPECT_FALSE(answered.woken());
  group::Producer writer = std::move(*request).accept();
  EXPECT_TRUE(answered.woken());
  auto group = now(fetch.poll(Waiter::none()));
  ASSERT_TRUE(writer.write_frame(0, Bytes::copy("old one")));
  std::move(writer).finish();
  EXPECT_EQ(take_frames(*group), (Texts{"old one"}));
  // It is not one of the track's.
  track::Consumer reader = stage.track.consume(kEverything);
  EXPECT_EQ(take_sequences(reader), (Sequences{}));
}

TEST(Fetch, ARefusalReachesTheAsker) {
  Stage stage;
  stage.serve_fetches();
  track::Fetch refused = stage.fetch(3);
  std::move(*now(stage.track.poll_requested_group(Waiter::none())))
      .reject(Error(Code::too_far_behind));
  EXPECT_EQ(code_of(now(refused.poll(Waiter::none()))), Code::too_far_behind);
  track::Fetch dropped = stage.fetch(4);
  {
    auto request = now(stage.track.poll_requested_group(Waiter::none()));
  }
  EXPECT_EQ(code_of(now(dropped.poll(Waiter::none()))), Code::cancelled);
}

TEST(Fetch, AFailedAnswerIsNotSharedWithLaterAskers) {
  Stage stage;
  stage.serve_fetches();
  track::Fetch first = stage.fetch(3);
  std::move(*now(stage.track.poll_requested_group(Waiter::none()))).reject(Error(Code::timeout));
  track::Fetch second = stage.fetch(3);
  EXPECT_TRUE(second.poll(Waiter::none()).pending());
  EXPECT_TRUE(stage.track.poll_requested_group(Waiter::none()).ready());
  EXPECT_EQ(code_of(now(first.poll(Waiter::none()))), Code::timeout);
}

TEST(Fetch, AskersOfOneGroupShareTheAnswer) {
  Stage stage;
  stage.serve_fetches();
  std::optional<track::Fetch> first = stage.fetch(3, 1);
  track::Fetch second = stage.fetch(3, 5);
  auto request = now(stage.track.poll_requested_group(Waiter::none()));
  EXPECT_EQ(request->priority(), 5U);
  EXPECT_TRUE(stage.track.poll_requested_group(Waiter::none()).pending());
  group::Producer writer = std::move(*request).accept();
  ASSERT_TRUE(writer.write_frame(0, Bytes::copy("shared")));
  auto a = now(first->poll(Waiter::none()));
  first.reset();
  auto b = now(second.poll(Waiter::none()));
  EXPECT_EQ(take_frames(*a), (Texts{"shared"}));
  EXPECT_EQ(take_frames(*b), (Texts{"shared"}));
}

TEST(Fetch, GivenUpBeforeItIsAskedIsNotAsked) {
  Stage stage;
  stage.serve_fetches();
  {
    auto given_up = stage.fetch(3);
  }
  EXPECT_TRUE(stage.track.poll_requested_group(Waiter::none()).pending());
}

TEST(Fetch, TheHandlerLearnsThatNobodyWantsIt) {
  sim::World world;
  Stage stage;
  stage.serve_fetches();
  std::optional<track::Fetch> fetch = stage.fetch(3);
  auto request = now(stage.track.poll_requested_group(Waiter::none()));
  Watch unwanted(world, [&](const Waiter& waiter) { return request->poll_unwanted(waiter); });
  EXPECT_FALSE(unwanted.woken());
  fetch.reset();
  EXPECT_TRUE(unwanted.woken());
}

TEST(Fetch, TheWriterLearnsThatTheReaderLeft) {
  sim::World world;
  Stage stage;
  stage.serve_fetches();
  std::optional<track::Fetch> fetch = stage.fetch(3);
  group::Producer writer =
      std::move(*now(stage.track.poll_requested_group(Waiter::none()))).accept();
  std::optional<group::Consumer> reader = *now(fetch->poll(Waiter::none()));
  ASSERT_TRUE(writer.write_frame(0, Bytes::copy("x")));
  std::optional<frame::Consumer> frame = **now(reader->poll_next_frame(Waiter::none()));
  Watch unused(world, [&](const Waiter& waiter) { return writer.poll_unused(waiter); });
  fetch.reset();
  EXPECT_FALSE(unused.woken());
  reader.reset();
  EXPECT_FALSE(unused.woken());  // A frame of it is still read.
  frame.reset();
  EXPECT_TRUE(unused.woken());
}

TEST(Fetch, AGroupOfATrackIsNeverUnused) {
  Stage stage;
  auto group = stage.track.append_group();
  EXPECT_TRUE(group->poll_unused(Waiter::none()).pending());
}

TEST(Fetch, GivenBackGoesToTheNextHandler) {
  Stage stage;
  stage.serve_fetches();
  track::Fetch fetch = stage.fetch(3);
  track::Fetch other = stage.fetch(4);
  std::move(*now(stage.track.poll_requested_group(Waiter::none()))).give_back();
  track::Producer next = stage.track.clone();
  EXPECT_EQ(now(next.poll_requested_group(Waiter::none()))->sequence(), 3U);
}

TEST(Fetch, AnAbortedGroupOfTheCacheIsAskedForAgain) {
  Stage stage;
  stage.serve_fetches();
  std::move(*stage.track.create_group(3)).abort(Error(Code::old));
  track::Fetch fetch = stage.fetch(3);
  EXPECT_TRUE(fetch.poll(Waiter::none()).pending());
  EXPECT_TRUE(stage.track.poll_requested_group(Waiter::none()).ready());
}

TEST(Fetch, TheTracksEndAnswersWhatNobodyWorksOn) {
  Stage stage;
  stage.serve_fetches();
  track::Fetch worked_on = stage.fetch(3);
  auto request = now(stage.track.poll_requested_group(Waiter::none()));
  track::Fetch waiting = stage.fetch(4);
  std::move(stage.track).finish();
  EXPECT_EQ(code_of(now(waiting.poll(Waiter::none()))), Code::not_found);
  EXPECT_TRUE(worked_on.poll(Waiter::none()).pending());
  group::Producer writer = std::move(*request).accept();
  EXPECT_TRUE(now(worked_on.poll(Waiter::none())));
}

TEST(Fetch, AnAbortFailsAll) {
  Stage stage;
  stage.serve_fetches();
  track::Fetch worked_on = stage.fetch(3);
  auto request = now(stage.track.poll_requested_group(Waiter::none()));
  track::Fetch waiting = stage.fetch(4);
  std::move(stage.track).abort(Error(Code::going_away));
  EXPECT_EQ(code_of(now(waiting.poll(Waiter::none()))), Code::going_away);
  EXPECT_EQ(code_of(now(worked_on.poll(Waiter::none()))), Code::going_away);
  group::Producer late = std::move(*request).accept();  // Nobody sees it, nothing breaks.
  EXPECT_TRUE(late.write_frame(0, Bytes::copy("x")));
  EXPECT_TRUE(late.poll_unused(Waiter::none()).ready());
}

TEST(Fetch, PastTheEndIsNotFound) {
  Stage stage;
  stage.serve_fetches();
  ASSERT_TRUE(stage.track.finish_at(5));
  EXPECT_EQ(code_of(now(stage.fetch(5).poll(Waiter::none()))), Code::not_found);
  EXPECT_TRUE(stage.fetch(4).poll(Waiter::none()).pending());
}

TEST(FetchLimits, WaitingFetches) {
  Stage stage;
  stage.serve_fetches();
  std::vector<track::Fetch> fetches;
  for (std::uint64_t i = 0; i < kMaxGroupRequests; ++i) fetches.push_back(stage.fetch(i));
  EXPECT_TRUE(fetches.back().poll(Waiter::none()).pending());
  EXPECT_EQ(code_of(now(stage.fetch(kMaxGroupRequests).poll(Waiter::none()))), Code::too_many);
  fetches.pop_back();
  EXPECT_TRUE(stage.fetch(kMaxGroupRequests).poll(Waiter::none()).pending());
}

TEST(Fetch, OfARequestedTrackWaitsForItsSource) {
  broadcast::Producer broadcast;
  broadcast::Dynamic dynamic = broadcast.dynamic();
  track::Fetch fetch = broadcast.consume().fetch("asked", 3);
  EXPECT_TRUE(fetch.poll(Waiter::none()).pending());
  auto request = now(dynamic.poll_requested_track(Waiter::none()));
  auto track = std::move(*request).accept({});
  auto asked = now(track->poll_requested_group(Waiter::none()));
  EXPECT_EQ(asked->sequence(), 3U);
}

TEST(Fetch, BytesOfAFetchedGroupDoNotCountInTheTracksCache) {
  auto state = track::State::create("video", nullptr);
  state->info = track::Info{};
  state->served = true;
  track::Producer track(state);
  ASSERT_TRUE(track.poll_requested_group(Waiter::none()).pending());
  track::Fetch fetch = track::fetch(state, 3, 0);
  group::Producer writer = std::move(*now(track.poll_requested_group(Waiter::none()))).accept();
  ASSERT_TRUE(writer.write_frame(1, large(1 << 20)));
  EXPECT_EQ(state->tally->held(), 0U);
  EXPECT_FALSE(state->tally->live_edge());
}

}  // namespace
}  // namespace moq::net

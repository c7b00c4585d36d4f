#include "moq/net/internal/following.h"
#include "moq/net/lite/control.h"
#include "moq/net/model_test_support.h"
#include "moq/net/scripted_test_support.h"

/// What a subscriber makes of what its publisher does on group and subscribe streams. moq-lite.md
/// §6.2, §6.5, §6.6, §11.
namespace moq::net::hostile {
namespace {

lite::GroupHeader header(std::uint64_t id, std::uint64_t sequence, std::uint64_t frame_start = 0) {
  return {.subscribe_id = id, .sequence = sequence, .frame_start = frame_start};
}

/// Whether `reader` has come to its end: true for a clean one.
std::optional<bool> end_of(track::Consumer& reader) {
  for (;;) {
    auto next = reader.poll_next_group(kio::Waiter::none());
    if (next.pending()) return std::nullopt;
    if (!*next) return false;
    if (!**next) return true;
  }
}

class FollowRules : public testing::TestWithParam<Version> {
 protected:
  Stage stage{GetParam()};
  Scripted peer{stage};
};

TEST_P(FollowRules, AGroupOfAnUnknownSubscriptionIsStoppedAsCancelled) {
  auto stray = peer.group(header(77, 0));
  EXPECT_EQ(peer.attacker->stopped(*stray), kCancelled);
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowRules, GroupsMayOvertakeTheAnswer) {
  track::Consumer reader = peer.read_track();
  if (has_track_info(GetParam())) {
    auto info = peer.next(BidiType::track);
    peer.say(info, lite::encode_message(lite::TrackInfo{}, GetParam()));
    info.send->finish();
  }
  auto asked = peer.next(BidiType::subscribe);
  const auto message = peer.read<lite::Subscribe>(asked);
  auto group = peer.group(header(message.id, 4));
  EXPECT_EQ(take_sequences(reader), (Sequences{4}));
}

TEST_P(FollowRules, ASecondStreamOfAGroupIsStoppedWithZero) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto first = peer.group(header(peer.subscribe.id, 3));
  auto second = peer.group(header(peer.subscribe.id, 3), 2);
  EXPECT_EQ(peer.attacker->stopped(*second), kInternal);
  first->finish();
  stage.world.run_for(50ms);
  auto group = now_of(reader, &track::Consumer::poll_next_group);
  ASSERT_TRUE(group && *group);
  EXPECT_EQ(take_frames(**group), (Texts{"x"}));
  EXPECT_TRUE((*group)->finished());
  auto third = peer.group(header(peer.subscribe.id, 3));
  EXPECT_EQ(peer.attacker->stopped(*third), kInternal) << "also once it is whole";
  EXPECT_EQ(take_sequences(reader), (Sequences{}));
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowRules, AResetEndsItsGroupAlone) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto group = peer.group(header(peer.subscribe.id, 3));
  auto taken = now_of(reader, &track::Consumer::poll_next_group);
  ASSERT_TRUE(taken && *taken);
  group->reset(static_cast<std::uint32_t>(StreamCode::old));
  stage.world.run_for(50ms);
  ASSERT_TRUE((*taken)->error());
  EXPECT_EQ((*taken)->error()->code, Code::old);
  auto next = peer.group(header(peer.subscribe.id, 4));
  EXPECT_EQ(take_sequences(reader), (Sequences{4}));
}

TEST_P(FollowRules, AFinInsideAPayloadIsWrongSize) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto stream = peer.group(header(peer.subscribe.id, 0), 0);
  stream->write(*lite::FrameHeaderEncoder(GetParam()).encode(0, 100));
  stream->write(Bytes::copy("too short"));
  stream->finish();
  stage.world.run_for(50ms);
  auto group = now_of(reader, &track::Consumer::poll_next_group);
  ASSERT_TRUE(group && *group);
  ASSERT_TRUE((*group)->error());
  EXPECT_EQ((*group)->error()->code, Code::wrong_size);
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowRules, AGroupWithoutItsHeadIsRefused) {
  if (!has_frame_range(GetParam())) GTEST_SKIP() << "groups begin at their beginning";
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto headless = peer.group(header(peer.subscribe.id, 3, 2));
  EXPECT_EQ(peer.attacker->stopped(*headless),
            static_cast<std::uint64_t>(StreamCode::too_far_behind));
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowRules, FinEndsTheTrackOnceItsGroupsAreThere) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto group = peer.group(header(peer.subscribe.id, 0));
  if (has_subscribe_end(GetParam())) peer.say(asked, lite::SubscribeEnd{.group = 1});
  asked.send->finish();
  stage.world.run_for(500ms);
  EXPECT_EQ(end_of(reader), std::nullopt) << "a group is still on its way";
  group->finish();
  stage.world.run_for(100ms);
  EXPECT_EQ(end_of(reader), true);
  auto end = reader.poll_end(kio::Waiter::none());
  ASSERT_TRUE(end.ready() && *end);
  EXPECT_EQ(**end, 1U);
}

TEST_P(FollowRules, ATrackIsKeptForLaterReadersOnceSomethingWasHeardOfIt) {
  for (const bool heard : {false, true}) {
    SCOPED_TRACE(heard);
    if (!heard && has_track_info(GetParam())) continue;  // TRACK_INFO is something.
    {
      track::Consumer reader = peer.read_track();
      if (heard) {
        auto asked = peer.subscribed();
      } else {
        auto asked = peer.next(BidiType::subscribe);
      }
    }
    stage.world.run_for(1s);
    // Nobody serves it, until it is asked for again.
    const track::Consumer again = peer.read_track();
    EXPECT_EQ(again.poll_served(kio::Waiter::none(), true).pending(), heard);
    auto asked = peer.next(BidiType::subscribe);
  }
}

INSTANTIATE_TEST_SUITE_P(Lite, FollowRules,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

/// The rules of SUBSCRIBE_START and SUBSCRIBE_END.
class FollowEnd : public FollowRules {};

TEST_P(FollowEnd, OfAnEmptyTrackIsZero) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  peer.say(asked, lite::SubscribeEnd{.group = 0});
  asked.send->finish();
  stage.world.run_for(2s);
  EXPECT_EQ(end_of(reader), true);
}

TEST_P(FollowEnd, FinWithoutItMeansThatTheSubscriptionFailed) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto group = peer.group(header(peer.subscribe.id, 0));
  group->finish();
  asked.send->finish();
  auto again = peer.next(BidiType::subscribe);
  const auto message = peer.read<lite::Subscribe>(again);
  EXPECT_EQ(message.id, peer.subscribe.id + 1) << "ids are never used again";
  EXPECT_EQ(message.range.group_start, 1U) << "after what has come";
  auto next = peer.group(header(message.id, 1));
  EXPECT_EQ(take_sequences(reader), (Sequences{0, 1}));
}

TEST_P(FollowEnd, AGroupPastItIsRefusedAndSince06EndsTheTrack) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto first = peer.group(header(peer.subscribe.id, 0));
  peer.say(asked, lite::SubscribeEnd{.group = 2});
  auto past = peer.group(header(peer.subscribe.id, 2));
  EXPECT_EQ(peer.attacker->stopped(*past), static_cast<std::uint64_t>(StreamCode::session_closed));
  if (GetParam() >= Version::lite_06) {
    EXPECT_EQ(end_of(reader), false);
  } else {
    auto second = peer.group(header(peer.subscribe.id, 1));
    EXPECT_EQ(take_sequences(reader), (Sequences{0, 1}));
  }
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowEnd, BelowAGroupThatCameIsIgnoredOn05AndEndsTheTrackSince06) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  auto group = peer.group(header(peer.subscribe.id, 1));
  group->finish();
  peer.say(asked, lite::SubscribeEnd{.group = 1});  // Inclusive, as old JavaScript peers have it.
  if (GetParam() >= Version::lite_06) {
    EXPECT_EQ(end_of(reader), false);
  } else {
    EXPECT_EQ(take_sequences(reader), (Sequences{1}));
    asked.send->finish();
    stage.world.run_for(7s);
    EXPECT_EQ(end_of(reader), true);
  }
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowEnd, AStartAboveWhatWasAskedLeavesNothingToWaitForBelow) {
  track::Consumer reader = peer.read_track({.max_age = 5s, .start = 2});
  auto asked = peer.subscribed();
  EXPECT_EQ(peer.subscribe.range.group_start, 2U);
  asked.send->write(lite::encode_answer(lite::SubscribeStart{.group = 5}, GetParam()));
  auto fifth = peer.group(header(peer.subscribe.id, 5));
  EXPECT_TRUE(reader.may_come(2, 4));  // To be fetched, maybe.
  // 5 s past the beginning of group 5, which superseded 4.
  auto newer = peer.group(header(peer.subscribe.id, 10));
  EXPECT_FALSE(reader.may_come(2, 4));
  EXPECT_TRUE(reader.may_come(6, 9));
}

TEST_P(FollowEnd, WhoCameSinceWithMorePatienceIsSubscribedForAnewNotFetchedFor) {
  track::Consumer reader = peer.read_track({.max_age = 500ms, .start = 2});
  auto asked = peer.subscribed();
  track::Consumer patient = peer.read_track({.max_age = 5s, .start = 2});
  stage.world.run_for(50ms);
  peer.say(asked, lite::SubscribeStart{.group = 5});
  auto again = peer.next(BidiType::subscribe);
  const auto message = peer.read<lite::Subscribe>(again);
  EXPECT_EQ(message.range.group_start, 2U);
  EXPECT_EQ(message.range.max_age, 5s);
}

TEST_P(FollowEnd, AFetchBelowItsStartIsGivenUpOnceItsGroupIsTooOld) {
  track::Consumer reader = peer.read_track({.max_age = 5s, .start = 2});
  auto asked = peer.subscribed();
  peer.say(asked, lite::SubscribeStart{.group = 5});
  auto fifth = peer.group(header(peer.subscribe.id, 5));
  auto fetch = peer.next(BidiType::fetch);
  EXPECT_EQ(peer.read<lite::Fetch>(fetch).group, 4U);
  EXPECT_TRUE(reader.may_come(2, 4));
  auto newer = peer.group(header(peer.subscribe.id, 10));
  EXPECT_FALSE(reader.may_come(2, 4));
}

TEST_P(FollowEnd, GroupsBelowItsStartThatAreNotTooOldAreFetchedNewestFirst) {
  track::Consumer reader = peer.read_track({.max_age = 5s, .start = 2});
  auto asked = peer.subscribed();
  peer.say(asked, lite::SubscribeStart{.group = 5});
  auto fifth = peer.group(header(peer.subscribe.id, 5));
  EXPECT_TRUE(reader.may_come(2, 4));
  auto fetch = peer.next(BidiType::fetch);
  EXPECT_EQ(peer.read<lite::Fetch>(fetch).group, 4U);
  lite::FrameHeaderEncoder encoder(GetParam());
  fetch.send->write(*encoder.encode(4000, 1));
  fetch.send->write(Bytes::copy("x"));
  fetch.send->finish();
  auto next = peer.next(BidiType::fetch);
  EXPECT_EQ(peer.read<lite::Fetch>(next).group, 3U);
  EXPECT_TRUE(reader.may_come(2, 3));
  // Who does not hold it holds no older one.
  next.send->reset(static_cast<std::uint32_t>(StreamCode::not_found));
  stage.world.run_for(50ms);
  EXPECT_FALSE(reader.may_come(2, 3));
  EXPECT_EQ(take_sequences(reader), (Sequences{5, 4}));
  EXPECT_TRUE(peer.alive());
}

TEST_P(FollowEnd, NothingIsFetchedBelowItsStartAfterGoaway) {
  track::Consumer reader = peer.read_track({.max_age = 5s, .start = 2});
  auto asked = peer.subscribed();
  auto goaway = wait_for(stage.world, [&](const kio::Waiter& waiter) {
    return peer.attacker->raw->poll_open_bidi(waiter);
  });
  goaway->send->write(lite::encode_opening(BidiType::goaway, lite::Goaway{}, GetParam()));
  goaway->send->finish();
  stage.world.run_for(50ms);
  peer.say(asked, lite::SubscribeStart{.group = 5});
  auto fifth = peer.group(header(peer.subscribe.id, 5));
  stage.world.run_for(1s);
  EXPECT_TRUE(peer.attacker->raw->poll_accept_bidi(kio::Waiter::none()).pending());
  EXPECT_TRUE(reader.may_come(2, 4));  // From the next route.
}

TEST_P(FollowEnd, NoMoreThanTheLimitAreFetchedBelowItsStart) {
  track::Consumer reader = peer.read_track({.max_age = 1h, .start = 2});
  auto asked = peer.subscribed();
  const std::uint64_t start = 2000;
  peer.say(asked, lite::SubscribeStart{.group = start});
  auto first = peer.group(header(peer.subscribe.id, start));
  for (std::size_t i = 1; i <= kMaxLeftOut; ++i) {
    auto fetch = peer.next(BidiType::fetch);
    ASSERT_EQ(peer.read<lite::Fetch>(fetch).group, start - i);
    fetch.send->finish();  // An empty group.
  }
  stage.world.run_for(1s);
  EXPECT_FALSE(reader.may_come(2, start - 1));
}

TEST_P(FollowEnd, DatagramsOfNobodyAndGarbageAreDropped) {
  track::Consumer reader = peer.read_track();
  auto asked = peer.subscribed();
  lite::Datagram datagram{.subscribe_id = 99, .sequence = 0, .timestamp = 5, .payload = {}};
  auto& raw = *peer.attacker->raw;
  raw.send_datagram(datagram.encode(GetParam()));
  raw.send_datagram(Bytes());
  raw.send_datagram(Bytes::copy("\xff"));
  datagram.subscribe_id = peer.subscribe.id;
  datagram.payload = Bytes::copy("tick");
  raw.send_datagram(datagram.encode(GetParam()));
  stage.world.run_for(50ms);
  auto got = now_of(reader, &track::Consumer::poll_datagram);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->payload.text(), "tick");
  EXPECT_TRUE(reader.poll_datagram(kio::Waiter::none()).pending());
  EXPECT_TRUE(peer.alive());
}

INSTANTIATE_TEST_SUITE_P(Lite, FollowEnd, testing::Values(Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile

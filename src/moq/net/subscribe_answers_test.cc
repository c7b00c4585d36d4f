#include "moq/net/hostile_test_support.h"
#include "moq/net/model_test_support.h"
#include "moq/net/ordered.h"

/// What a publisher says on a subscribe stream, and what becomes of its readers.
namespace moq::net::hostile {
namespace {

class SubscribeAnswers : public testing::TestWithParam<Version> {
 protected:
  Bytes drop(std::uint64_t first, std::uint64_t last, std::uint64_t code = 0) const {
    lite::SubscribeDrop message;
    message.group_start = first;
    message.group_end = last;
    message.error_code = code;
    return lite::encode_answer(message, GetParam());
  }
};

TEST_P(SubscribeAnswers, ReadersGoOnAtOnceWithoutDroppedGroups) {
  Stage stage(GetParam());
  Victim victim(stage);
  track::Ordered ordered(stage.world, victim.audio->clone(), {.latency = 1h, .grace = 1h});
  stage.write(stage.audio, 0);
  stage.write(stage.audio, 3);
  EXPECT_EQ((*now_of(ordered, &track::Ordered::poll_next_group))->sequence(), 0U);
  stage.world.run_for(1min);
  EXPECT_TRUE(ordered.poll_next_group(kio::Waiter::none()).pending());
  ASSERT_TRUE(victim.say(victim.stream(BidiType::subscribe), drop(1, 2)));
  EXPECT_EQ((*now_of(ordered, &track::Ordered::poll_next_group))->sequence(), 3U);
  EXPECT_EQ(ordered.take_skipped(), (std::vector<track::Skipped>{{1, 2}}));
  EXPECT_TRUE(stage.delivers(stage.audio, *victim.audio));
  EXPECT_FALSE(victim.ended());
}

TEST_P(SubscribeAnswers, TheEndOfATrackWaitsForNoDroppedGroup) {
  Stage stage(GetParam());
  Victim victim(stage);
  stage.write(stage.audio, 0);
  ASSERT_TRUE(victim.say(victim.stream(BidiType::subscribe), drop(1, 4)));
  stage.write(stage.audio, 5);
  EXPECT_EQ(take_sequences(*victim.audio), (Sequences{0, 5}));
  std::move(stage.audio).finish();
  stage.world.run_for(100ms);
  const auto next = now_of(*victim.audio, &track::Consumer::poll_next_group);
  EXPECT_TRUE(next && !*next);
}

TEST_P(SubscribeAnswers, AGroupThatBrokeOffWithItsSessionEndsWhenItIsDropped) {
  Stage stage(GetParam());
  Victim victim(stage);
  auto begun = stage.audio.append_group();
  ASSERT_TRUE(begun->write_frame(0, Bytes::copy("first")));
  stage.world.run_for(50ms);
  auto group = now_of(*victim.audio, &track::Consumer::poll_next_group);
  ASSERT_TRUE(group && *group);
  EXPECT_EQ(take_frames(**group), (Texts{"first"}));
  victim.session->control.kill(sim::Side::client, Error(Code::transport, "reset"));
  stage.world.run_for(1s);
  // The publisher comes back without it.
  std::move(*begun).abort(Error(Code::evicted));
  victim.session = stage.connect(victim.origin);
  stage.write(stage.audio, 1);
  EXPECT_FALSE((**group).error());
  constexpr std::uint64_t kTooOld = 0x34;
  ASSERT_TRUE(victim.say(victim.stream(BidiType::subscribe), drop(0, 0, kTooOld)));
  ASSERT_TRUE((**group).error());
  EXPECT_EQ((**group).error()->code, Code::old) << (**group).error()->describe();
}

INSTANTIATE_TEST_SUITE_P(Lite, SubscribeAnswers,
                         testing::Values(Version::lite_03, Version::lite_04, Version::lite_05,
                                         Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile

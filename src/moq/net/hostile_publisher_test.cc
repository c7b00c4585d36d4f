#include "moq/net/hostile_test_support.h"
#include "moq/net/limits.h"
#include "moq/net/lite/announce.h"
#include "moq/net/lite/limits.h"

/// Hostile publishers of a server that subscribes.
namespace moq::net::hostile {
namespace {

Bytes announcement(std::string_view path, const lite::HopChain& hops, Version version) {
  if (!has_announce_ids(version)) {
    lite::Announce message;
    message.suffix = Path::of(path);
    message.hops = hops;
    return lite::encode_message(message, version);
  }
  lite::AnnounceStart message;
  message.suffix.rest = Path::of(path);
  message.hops.literal = hops;
  Writer out(varint_kind(version));
  out.varint(lite::AnnounceStart::kType);
  lite::write_message(out, message, version);
  return out.take();
}
class HostilePublisher : public testing::TestWithParam<Version> {};

TEST_P(HostilePublisher, MoreThan32HopsEndTheSession) {
  if (!has_hop_count(GetParam())) GTEST_SKIP() << "tells no hops";
  Stage stage(GetParam());
  Victim victim(stage);
  lite::HopChain hops;
  for (std::uint64_t i = 0; i < lite::kMaxHops + 1; ++i) hops.push_back(100 + i);
  ASSERT_TRUE(victim.say(victim.stream(BidiType::announce), announcement("far", hops, GetParam())));
  const auto ended = victim.ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->wire, static_cast<std::uint64_t>(SessionCode::protocol_violation));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostilePublisher, OurOwnHopInTheChainGivesNoRoute) {
  if (!has_hop_ids(GetParam())) GTEST_SKIP() << "tells no ids";
  Stage stage(GetParam());
  Victim victim(stage);
  const std::uint64_t id = victim.stream(BidiType::announce);
  ASSERT_TRUE(victim.say(id, announcement("loop", {7, 0x4444, 9}, GetParam())));
  ASSERT_TRUE(victim.say(id, announcement("fine", {7, 8, 9}, GetParam())));
  EXPECT_FALSE(victim.origin.consume().find(Path::of("loop")));
  EXPECT_TRUE(victim.origin.consume().find(Path::of("fine")));
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
}

TEST_P(HostilePublisher, LengthsThatLieInAnnouncementsEndTheSession) {
  for (const std::uint64_t length : {kMaxVarint, lite::kMaxControlBytes + 1, std::uint64_t{1}}) {
    SCOPED_TRACE(length);
    Stage stage(GetParam());
    Victim victim(stage);
    Writer out(varint_kind(GetParam()));
    if (has_announce_ids(GetParam())) out.varint(lite::AnnounceStart::kType);
    out.varint(length).u8(0xff);
    ASSERT_TRUE(victim.say(victim.stream(BidiType::announce), out.take()));
    const auto ended = victim.ended();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->wire, static_cast<std::uint64_t>(SessionCode::protocol_violation));
    EXPECT_TRUE(stage.healthy_delivers());
  }
}

TEST_P(HostilePublisher, UnknownAnswersEndTheSubscriptionAlone) {
  if (!has_answer_types(GetParam())) GTEST_SKIP() << "has one answer";
  Stage stage(GetParam());
  Victim victim(stage);
  const std::uint64_t id = victim.stream(BidiType::subscribe);  // That of "audio".
  Writer out(varint_kind(GetParam()));
  ASSERT_TRUE(victim.say(id, out.varint(9).varint(1).u8(0).take()));
  const auto record = victim.record(id);
  EXPECT_EQ(record.from_client.stopped, static_cast<std::uint32_t>(kBroken));
  EXPECT_TRUE(record.from_server.finished || record.from_server.reset);
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostilePublisher, ClaimedFrameSizesAboveTheLimitEndTheGroupAlone) {
  Stage stage(GetParam());
  Victim victim(stage);
  for (const std::uint64_t size : {kMaxFrameBytes + 1, std::uint64_t{1} << 40, kMaxVarint}) {
    SCOPED_TRACE(size);
    auto group = stage.audio.append_group();
    ASSERT_TRUE(group->write_frame(stage.written, Bytes::copy("x")));
    stage.world.run_for(50ms);
    const std::uint64_t id = victim.newest_group();
    Writer out(varint_kind(GetParam()));
    if (has_frame_timestamps(GetParam())) out.varint(0);
    ASSERT_TRUE(victim.say(id, out.varint(size).take()));
    EXPECT_EQ(victim.record(id).from_client.stopped,
              static_cast<std::uint32_t>(StreamCode::frame_too_large));
    std::move(*group).finish();
    EXPECT_FALSE(victim.ended());
    EXPECT_TRUE(stage.delivers(stage.audio, *victim.audio));
    EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostilePublisher, GroupsThatNeverComeBelowTheEndDelayItNoLongerThanTheyMayBeLate) {
  Stage stage(GetParam());
  Victim victim(stage);
  ASSERT_TRUE(stage.delivers(stage.audio, *victim.audio));
  auto last = stage.audio.create_group(5);  // 1 to 4 are left out.
  ASSERT_TRUE(last && last->write_frame(stage.written, Bytes::copy("last")));
  std::move(*last).finish();
  std::move(stage.audio).finish();
  const bool ended = stage.world.run_until(
      [&] {
        auto next = victim.audio->poll_next_group(kio::Waiter::none());
        return next.ready() && *next && !**next;
      },
      10s);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostilePublisher, ControlStreamsResetAtARandomMoment) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Stage stage(GetParam(), seed);
    Victim victim(stage);
    for (int i = 0; i < 5; ++i) {
      stage.world.run_for(std::chrono::milliseconds(stage.world.below(30)));
      ASSERT_TRUE(stage.video.write_frame(stage.written, Bytes::copy("noise")));
      const sim::Side side = stage.world.below(2) == 0 ? sim::Side::client : sim::Side::server;
      const std::uint64_t id = 1 + 4 * stage.world.below(6);
      const auto code = static_cast<std::uint32_t>(stage.world.below(0x40));
      if (stage.world.below(3) == 0) {
        victim.session->control.inject_stop(side, id, code);
      } else {
        victim.session->control.inject_reset(side, id, code);
      }
    }
    EXPECT_TRUE(stage.healthy_delivers());
  }
}
INSTANTIATE_TEST_SUITE_P(Lite, HostilePublisher,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile

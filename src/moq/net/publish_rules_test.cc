#include <algorithm>
#include <map>

#include "moq/net/hostile_test_support.h"
#include "moq/net/lite/announce.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/net/lite/track.h"
#include "moq/net/model_test_support.h"

/// What a publisher does on the streams of a subscriber that is driven by hand. moq-lite.md §6.2 to
/// §6.5, §8, §9.
namespace moq::net::hostile {
namespace {

/// What came over one group stream.
struct Received {
  lite::GroupHeader header;
  Texts frames;
  std::uint64_t ended = kClean - 1;  ///< Its code, or `kClean`; neither while it is open.
};

class PublishRules : public testing::TestWithParam<Version> {
 protected:
  [[nodiscard]] lite::Subscribe message(std::uint64_t id = 1) const {
    lite::Subscribe subscribe;
    subscribe.id = id;
    subscribe.broadcast = Path::of("live");
    subscribe.track = "video";
    subscribe.range.max_age = 5s;
    return subscribe;
  }
  transport::BidiStream subscribe(const lite::Subscribe& request) {
    auto stream = client.open_with(encode_opening(BidiType::subscribe, request, GetParam()));
    stage.world.run_for(50ms);
    return stream;
  }
  void update(transport::BidiStream& stream, const lite::SubscribeRange& range) {
    stream.send->write(lite::encode_message(lite::SubscribeUpdate{range}, GetParam()));
    stage.world.run_for(50ms);
  }
  transport::BidiStream fetch(std::uint64_t first, std::optional<std::uint64_t> last) {
    lite::Fetch request;
    request.broadcast = Path::of("live");
    request.track = "video";
    request.frame_start = first;
    request.frame_end = last;
    return client.open_with(lite::encode_opening(BidiType::fetch, request, GetParam()));
  }
  /// Reads `stream` as far as it goes now; `Reader` is one that stands at a frame.
  void read_frames(lite::StreamReader& reader, Received& out) {
    for (;;) {
      auto frame = reader.poll_frame(kio::Waiter::none());
      if (frame.pending()) return;
      if (!*frame) out.ended = frame->error().wire.value_or(0);
      if (*frame && !**frame) out.ended = kClean;
      if (!*frame || !**frame) return;
      std::string payload;
      while (reader.payload_remaining() > 0) {
        auto part = reader.poll_payload(kio::Waiter::none());
        if (part.pending()) return;
        if (!*part) {
          out.ended = part->error().wire.value_or(0);
          return;
        }
        payload += (*part)->text();
      }
      out.frames.push_back(std::move(payload));
    }
  }
  /// The group streams that have come since the last call.
  std::vector<Received> groups() {
    stage.world.run_for(100ms);
    std::vector<Received> all;
    while (auto accepted = client.raw->poll_accept_uni(kio::Waiter::none())) {
      if (!*accepted) break;
      lite::StreamReader reader(**std::move(accepted), GetParam());
      const auto type = now(reader.poll_varint(kio::Waiter::none()));
      if (!type || *type != static_cast<std::uint64_t>(UniType::group)) continue;
      Received one;
      one.header = **now(reader.poll_message<lite::GroupHeader>(kio::Waiter::none()));
      read_frames(reader, one);
      all.push_back(std::move(one));
      if (all.back().ended == kClean - 1) open.push_back(std::move(reader));
    }
    return all;
  }
  void write(std::uint64_t sequence, int frames) {
    auto group = stage.video.create_group(sequence);
    ASSERT_TRUE(group);
    for (int i = 0; i < frames; ++i) {
      ASSERT_TRUE(group->write_frame(1000 * sequence, Bytes::copy(fmt::format("{}", i))));
    }
    std::move(*group).finish();
  }

  Stage stage{GetParam()};
  Attacker client{stage};
  std::vector<lite::StreamReader> open;  ///< Group streams that have not ended.
};

TEST_P(PublishRules, AnUpdateMayComeBeforeTheAnswer) {
  if (!has_group_range(GetParam())) GTEST_SKIP() << "has no ranges and ages";
  broadcast::Dynamic handler = stage.broadcast.dynamic();
  lite::Subscribe request = message();
  request.track = "asked for";
  auto stream = subscribe(request);
  auto asked = handler.poll_requested_track(kio::Waiter::none());
  ASSERT_TRUE(asked.ready() && *asked);
  lite::SubscribeRange range = request.range;
  range.group_end = 0;
  update(stream, range);
  auto track = std::move(**asked).accept({});
  ASSERT_TRUE(track);
  stage.world.run_for(50ms);
  write_group(*track, 0, 0);
  write_group(*track, 1, 1);
  const auto came = groups();
  ASSERT_EQ(came.size(), 1U);
  EXPECT_EQ(came[0].header.sequence, 0U);
  EXPECT_EQ(came[0].ended, kClean);
}

TEST_P(PublishRules, AnUpdateAfterTheEndCutsNothingOff) {
  auto stream = subscribe(message());
  auto group = stage.video.append_group();
  ASSERT_TRUE(group->write_frame(0, Bytes::copy("a")));
  std::move(stage.video).finish();
  stage.world.run_for(100ms);
  lite::SubscribeRange range = message().range;
  range.priority = 9;
  update(stream, range);
  ASSERT_TRUE(group->write_frame(1, Bytes::copy("b")));
  std::move(*group).finish();
  const auto came = groups();
  ASSERT_EQ(came.size(), 1U);
  EXPECT_EQ(came[0].frames, (Texts{"a", "b"}));
  EXPECT_EQ(came[0].ended, kClean);
  EXPECT_EQ(client.ending(stream), kClean);
}

TEST_P(PublishRules, TheLatestStaysTheFloorAfterAnUpdate) {
  if (has_raw_group_start(GetParam())) GTEST_SKIP() << "0 is no floor there";
  write(5, 1);
  auto stream = subscribe(message());
  lite::SubscribeRange range = message().range;
  range.priority = 9;
  update(stream, range);
  write(3, 1);  // Late, and below.
  write(6, 1);
  std::vector<std::uint64_t> sequences;
  for (const Received& one : groups()) sequences.push_back(one.header.sequence);
  std::ranges::sort(sequences);
  EXPECT_EQ(sequences, (Sequences{5, 6}));
}

TEST_P(PublishRules, UnsubscribingCancelsGroupsAndEndsBothHalves) {
  auto stream = subscribe(message());
  auto group = stage.video.append_group();
  ASSERT_TRUE(group->write_frame(0, Bytes::copy("a")));
  EXPECT_EQ(groups().size(), 1U);
  stream.send->finish();
  EXPECT_EQ(client.ending(stream), kClean);
  Received rest;
  read_frames(open.at(0), rest);
  EXPECT_EQ(rest.ended, kCancelled);
}

TEST_P(PublishRules, AGroupThatGrowsTooOldWhileItWaitsIsResetAsOld) {
  if (!has_group_range(GetParam())) GTEST_SKIP() << "has no ranges and ages";
  lite::Subscribe request = message();
  request.range.max_age = Duration::zero();
  auto stream = subscribe(request);
  auto slow = stage.video.create_group(0);
  // More than the windows and buffers take.
  ASSERT_TRUE(slow->write_frame(0, large(1 << 20)));
  EXPECT_EQ(groups().size(), 1U);
  write(1, 1);
  const auto newer = groups();
  ASSERT_EQ(newer.size(), 1U);
  EXPECT_EQ(newer[0].ended, kClean);
  std::optional<std::uint64_t> code;
  while (!code) {
    auto part = open.at(0).poll_payload(kio::Waiter::none());
    ASSERT_TRUE(part.ready());
    if (!*part) code = part->error().wire;
  }
  EXPECT_EQ(code, static_cast<std::uint64_t>(StreamCode::old));
}

TEST_P(PublishRules, FirstAndLastFrameBoundTheirGroups) {
  if (!has_frame_range(GetParam())) GTEST_SKIP() << "names no frames";
  lite::Subscribe request = message();
  request.range.group_start = 4;
  request.range.group_end = 6;
  request.range.frame_start = 1;
  request.range.frame_end = 1;
  auto stream = subscribe(request);
  for (std::uint64_t sequence = 4; sequence <= 7; ++sequence) write(sequence, 3);
  std::map<std::uint64_t, Received> came;
  for (Received& one : groups()) came.emplace(one.header.sequence, std::move(one));
  ASSERT_EQ(came.size(), 3U);
  EXPECT_EQ(came[4].header.frame_start, 1U);
  EXPECT_EQ(came[4].frames, (Texts{"1", "2"}));
  EXPECT_EQ(came[5].frames, (Texts{"0", "1", "2"}));
  EXPECT_EQ(came[6].frames, (Texts{"0", "1"}));
  for (const auto& [sequence, one] : came) EXPECT_EQ(one.ended, kClean) << sequence;
}

TEST_P(PublishRules, AFetchOfTheFirstFramesEndsWithTheLastOfThem) {
  if (!has_frame_range(GetParam())) GTEST_SKIP() << "names no frames";
  auto group = stage.video.append_group();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(group->write_frame(0, Bytes::copy(fmt::format("{}", i))));
  auto stream = fetch(1, 2);
  lite::StreamReader reader(std::move(stream.recv), GetParam());
  stage.world.run_for(100ms);
  Received came;
  read_frames(reader, came);
  EXPECT_EQ(came.frames, (Texts{"1", "2"}));
  EXPECT_EQ(came.ended, kClean) << "the group goes on, but nothing of it is wanted";
}

TEST_P(PublishRules, RequestsKeepTheirHalfOpenAndSilent) {
  if (!has_track_info(GetParam())) GTEST_SKIP() << "neither TRACK nor FETCH";
  broadcast::Dynamic handler = stage.broadcast.dynamic();
  lite::Track track;
  track.broadcast = Path::of("live");
  track.track = "asked for";
  const Bytes whole = lite::encode_opening(BidiType::track, track, GetParam());
  auto gave_up = client.open_with(whole);
  gave_up.send->finish();
  EXPECT_EQ(client.ending(gave_up), kCancelled);
  auto talks = client.open_with(whole);
  talks.send->write(Bytes::copy("x"));
  EXPECT_EQ(client.ending(talks), static_cast<std::uint64_t>(StreamCode::session_closed));
  EXPECT_TRUE(client.alive());
}

TEST_P(PublishRules, ControlStreamsAreSentBeforeGroups) {
  auto stream = subscribe(message());
  auto announcements = client.open_with(
      lite::encode_opening(BidiType::announce, lite::AnnounceRequest(), GetParam()));
  write(0, 1);
  write(1, 1);
  EXPECT_EQ(groups().size(), 2U);
  std::vector<transport::Priority> uni;
  for (const sim::StreamRecord& record : client.control->records()) {
    if (record.bidi) {
      EXPECT_EQ(record.from_server.priority, transport::kControlPriority) << record.id;
    } else if (record.opener == sim::Side::server) {
      uni.push_back(record.from_server.priority);
    }
  }
  // The first is SETUP, from 05 on.
  if (has_setup_stream(GetParam())) {
    EXPECT_EQ(uni.at(0), transport::kControlPriority);
  }
}

TEST_P(PublishRules, TheNewestGroupIsSentFirst) {
  auto stream = subscribe(message());
  std::vector<group::Producer> begun;
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    begun.push_back(*stage.video.create_group(sequence));
    ASSERT_TRUE(begun.back().write_frame(sequence, Bytes::copy("x")));
    stage.world.run_for(20ms);
  }
  std::vector<int> priorities;
  for (const sim::StreamRecord& record : client.control->records()) {
    const bool group = record.opener == sim::Side::server && !record.bidi;
    if (group && record.from_server.written[0] == 0)
      priorities.push_back(record.from_server.priority);
  }
  EXPECT_EQ(priorities, (std::vector<int>{253, 254, 255}));
}

INSTANTIATE_TEST_SUITE_P(Lite, PublishRules,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile

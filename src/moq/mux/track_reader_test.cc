#include "moq/mux/track_reader.h"

#include <gtest/gtest.h>

#include "moq/hang/container.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_tracks.h"
#include "moq/sim/world.h"

namespace moq::mux {
namespace {

constexpr std::uint64_t kMs = 1000;

/// A legacy track, written by hand, and its reader.
class TrackReaderTest : public ::testing::Test {
 protected:
  net::group::Producer begin(std::uint64_t sequence) { return *track.create_group(sequence); }
  static void write(net::group::Producer& group, std::uint64_t time_us, std::string_view payload) {
    const Bytes bytes =
        hang::encode_legacy({.timestamp_us = time_us, .payload = Bytes::copy(payload)});
    ASSERT_TRUE(group.write_frame(time_us, bytes));
  }
  void write_group(std::uint64_t sequence, std::uint64_t time_us) {
    net::group::Producer group = begin(sequence);
    write(group, time_us, "k" + std::to_string(sequence));
    write(group, time_us + 10 * kMs, "d" + std::to_string(sequence));
    std::move(group).finish();
  }
  /// The payloads that can be had now, joined by spaces.
  std::string read() {
    std::string out;
    for (;;) {
      auto next = reader.poll_next(kio::Waiter::none());
      if (next.pending()) return out;
      if (!*next) return out + "!" + std::string(to_string(next->error().code));
      if (!**next) return out + ".";
      out += std::string((**next)->sample.payload.text()) + " ";
      last = ***next;
    }
  }
  std::vector<Event> take_events() {
    std::vector<Event> out;
    while (std::optional<Event> event = events.pop()) out.push_back(*event);
    return out;
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  net::track::Producer track =
      *broadcast.create_track("t", {.max_age = 60s, .timescale = 1'000'000});
  EventQueue events;
  TrackReader reader{world,
                     events,
                     broadcast.consume().subscribe("t", {.max_age = 500ms}),
                     *FrameDecoder::create({}, mp4::Track::Kind::video),
                     {.max_latency = 500ms}};
  std::optional<ReadSample> last;
};

TEST_F(TrackReaderTest, ReadsSamplesAsTheyCome) {
  net::group::Producer group = begin(3);
  EXPECT_EQ(read(), "");
  write(group, 0, "a");
  EXPECT_EQ(read(), "a ");
  EXPECT_TRUE(last->begins_group && last->sample.keyframe);
  EXPECT_EQ(last->group, 3U);
  write(group, 40 * kMs, "b");
  EXPECT_EQ(read(), "b ");
  EXPECT_FALSE(last->begins_group || last->sample.keyframe);
  EXPECT_EQ(last->sample.pts(), 40 * kMs);
  std::move(group).finish();
  EXPECT_EQ(read(), "");
  EXPECT_EQ(take_events(), (std::vector<Event>{GroupDone{"t", 3, 2, 2}}));
}

TEST_F(TrackReaderTest, PutsGroupsInOrder) {
  net::group::Producer first = begin(0);
  write(first, 0, "k0");
  EXPECT_EQ(read(), "k0 ");
  write_group(2, 200 * kMs);
  write_group(1, 100 * kMs);
  EXPECT_EQ(read(), "");
  std::move(first).finish();
  EXPECT_EQ(read(), "k1 d1 k2 d2 ");
}

TEST_F(TrackReaderTest, WaitsForAMissingGroupByTheClock) {
  write_group(0, 0);
  EXPECT_EQ(read(), "k0 d0 ");
  write_group(2, 200 * kMs);
  EXPECT_EQ(read(), "");
  world.run_for(400ms);
  EXPECT_EQ(read(), "");
  world.run_for(100ms);
  EXPECT_EQ(read(), "k2 d2 ");
  const std::vector<Event> all = take_events();
  EXPECT_EQ(all.at(1), Event(GroupsLost{"t", 1, 1, "too old"}));
}

TEST_F(TrackReaderTest, WaitsForNoGroupThatTheSourceHasToldIsGone) {
  track.ask_from(0, 500ms);
  write_group(0, 0);
  EXPECT_EQ(read(), "k0 d0 ");
  write_group(4, 400 * kMs);
  EXPECT_EQ(read(), "");
  track.begin_from(4, Error(Code::evicted));
  EXPECT_EQ(read(), "k4 d4 ");
  EXPECT_EQ(take_events().at(1), Event(GroupsLost{"t", 1, 3, "dropped by peer"}));
}

TEST_F(TrackReaderTest, WaitsForAMissingGroupByTheTimesOfLaterOnes) {
  write_group(0, 0);
  EXPECT_EQ(read(), "k0 d0 ");
  write_group(2, 200 * kMs);
  write_group(3, 600 * kMs);
  EXPECT_EQ(read(), "");
  write_group(4, 700 * kMs);
  EXPECT_EQ(read(), "k2 d2 k3 d3 k4 d4 ");
}

TEST_F(TrackReaderTest, SkipsTheRestOfAGroupThatStalls) {
  net::group::Producer stalled = begin(0);
  write(stalled, 0, "k0");
  EXPECT_EQ(read(), "k0 ");
  write_group(1, 100 * kMs);
  EXPECT_EQ(read(), "");
  world.run_for(500ms);
  EXPECT_EQ(read(), "k1 d1 ");
  write(stalled, 10 * kMs, "late");
  EXPECT_EQ(read(), "");
}

TEST_F(TrackReaderTest, DropsGroupsWhoseTurnHasPassed) {
  write_group(5, 0);
  EXPECT_EQ(read(), "k5 d5 ");
  write_group(4, 100);
  EXPECT_EQ(read(), "");
  write_group(6, 200);
  EXPECT_EQ(read(), "k6 d6 ");
}

TEST_F(TrackReaderTest, GoesOnAfterAGroupThatFails) {
  net::group::Producer failing = begin(0);
  write(failing, 0, "k0");
  EXPECT_EQ(read(), "k0 ");
  std::move(failing).abort(Error(Code::cancelled));
  write_group(1, 100 * kMs);
  EXPECT_EQ(read(), "k1 d1 ");
  EXPECT_EQ(take_events().at(0), Event(GroupsLost{"t", 0, 0, "dropped by peer"}));
}

TEST_F(TrackReaderTest, GoesOnAfterAGroupThatDoesNotDecode) {
  net::group::Producer broken = begin(0);
  ASSERT_TRUE(broken.write_frame(0, Bytes::copy("\xc0")));
  std::move(broken).finish();
  write_group(1, 100 * kMs);
  EXPECT_EQ(read(), "k1 d1 ");
  EXPECT_EQ(take_events().at(0), Event(GroupsLost{"t", 0, 0, "undecodable"}));
}

TEST_F(TrackReaderTest, GivesNoMarksToDecoders) {
  net::group::Producer group = begin(0);
  write(group, 0, "k");
  write(group, 40 * kMs, "");
  std::move(group).finish();
  net::group::Producer pause = begin(1);
  write(pause, 40 * kMs, "");
  std::move(pause).finish();
  write_group(2, 80 * kMs);
  EXPECT_EQ(read(), "k k2 d2 ");
}

TEST_F(TrackReaderTest, EndsWithTheTrack) {
  write_group(0, 0);
  write_group(2, 100 * kMs);
  std::move(track).finish();
  EXPECT_EQ(read(), "k0 d0 k2 d2 .");
}

TEST_F(TrackReaderTest, FailsWithTheTrack) {
  write_group(0, 0);
  EXPECT_EQ(read(), "k0 d0 ");
  std::move(track).abort(Error(Code::restarted));
  EXPECT_EQ(read(), "!" + std::string(to_string(Code::restarted)));
}

TEST_F(TrackReaderTest, HoldsNoMoreGroupsThanItMay) {
  net::group::Producer stalled = begin(0);
  write(stalled, 0, "k0");
  EXPECT_EQ(read(), "k0 ");
  for (std::uint64_t i = 1; i < kMaxHeldGroups; ++i) write_group(i, i);
  EXPECT_EQ(read(), "");
  write_group(kMaxHeldGroups, kMaxHeldGroups);
  EXPECT_TRUE(read().starts_with("k1 d1 k2 d2 "));
}

TEST(FrameDecoder, RefusesContainersThatItCannotRead) {
  const auto code = [](const hang::Container& container) {
    return FrameDecoder::create(container, mp4::Track::Kind::video).error().code;
  };
  EXPECT_EQ(code({.kind = hang::Container::Kind::unknown}), Code::unsupported);
  EXPECT_EQ(code({.kind = hang::Container::Kind::cmaf}), Code::decode);
  const Bytes both = testing::read_testdata("cmaf_h264_aac.mp4");
  EXPECT_EQ(code({.kind = hang::Container::Kind::cmaf, .init = both}), Code::decode);
}

TEST(FrameDecoder, ReadsLoc) {
  const auto decoder =
      FrameDecoder::create({.kind = hang::Container::Kind::loc}, mp4::Track::Kind::audio);
  const Bytes frame = hang::encode_loc({.timestamp_us = 7, .payload = Bytes::copy("x")});
  const auto samples = decoder->decode(frame, false);
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->at(0).pts(), 7U);
  EXPECT_TRUE(samples->at(0).keyframe);
  EXPECT_EQ(decoder->timescale(), 1'000'000U);
}

}  // namespace
}  // namespace moq::mux

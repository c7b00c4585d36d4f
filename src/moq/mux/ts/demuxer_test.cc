#include "moq/mux/ts/demuxer.h"

#include <gtest/gtest.h>

#include <array>

#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_found.h"
#include "moq/mux/opus.h"

namespace moq::mux::ts {
namespace {

using testing::bytes_of;
using testing::Contents;
using testing::read_testdata;
using testing::take_apart;
using testing::times_of;

// As ffmpeg numbers its streams.
constexpr std::uint32_t kFirst = 256;
constexpr std::uint32_t kSecond = 257;

TEST(TsDemuxer, FindsH264AndAac) {
  const Contents found = take_apart<TsDemuxer>(read_testdata("ts_h264_aac.ts"));
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(kFirst), (FoundTrack{kFirst, "avc3", {}}));
  EXPECT_EQ(found.tracks.at(kSecond), (FoundTrack{kSecond, "aac", bytes_of({0x11, 0x88})}));
  const auto& video = found.frames.at(kFirst);
  ASSERT_EQ(video.size(), 25U);
  const std::vector<std::int64_t> times = times_of(video);
  EXPECT_EQ((std::vector<std::int64_t>(times.begin(), times.begin() + 4)),
            (std::vector<std::int64_t>{1'480'000, 1'600'000, 1'520'000, 1'560'000}));
  EXPECT_EQ(video[0].payload.size(), 412U);
  EXPECT_EQ(video[1].payload.size(), 40U);
  const auto& audio = found.frames.at(kSecond);
  ASSERT_EQ(audio.size(), 48U);
  EXPECT_EQ(audio[0].payload.size(), 69U);
  for (std::size_t i = 1; i < audio.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(audio[i].pts_us - audio[i - 1].pts_us), 21'333, 12);
  }
}

TEST(TsDemuxer, FindsTheSameInPiecesOfAnySizeAndWithArrivalTimes) {
  const Bytes file = read_testdata("ts_h264_aac.ts");
  const Contents whole = take_apart<TsDemuxer>(file);
  for (const std::size_t piece : {1U, 7U, 188U, 189U, 4096U}) {
    EXPECT_EQ(take_apart<TsDemuxer>(file, piece), whole) << piece;
  }
  const Contents m2ts = take_apart<TsDemuxer>(read_testdata("ts_h264_aac.m2ts"), 1000);
  EXPECT_EQ(m2ts.tracks.size(), 2U);
  EXPECT_EQ(m2ts.frames.begin()->second.size(), 25U);
  EXPECT_EQ(m2ts.frames.rbegin()->second.size(), 48U);
}

TEST(TsDemuxer, FindsH265AndMp3) {
  const Contents found = take_apart<TsDemuxer>(read_testdata("ts_h265_mp3.ts"));
  EXPECT_EQ(found.tracks.at(kFirst).format, "hev1");
  EXPECT_EQ(found.frames.at(kFirst).size(), 25U);
  EXPECT_EQ(found.tracks.at(kSecond).format, "mp3");
  EXPECT_EQ(found.tracks.at(kSecond).init.size(), 4U);
  EXPECT_EQ(found.begun, 2U);
  ASSERT_EQ(found.frames.at(kSecond).size(), 43U);
  EXPECT_EQ(found.frames.at(kSecond)[0].payload.size(), 96U);
}

TEST(TsDemuxer, FindsOpus) {
  const Contents found = take_apart<TsDemuxer>(read_testdata("ts_opus.ts"));
  EXPECT_EQ(found.tracks.at(kFirst),
            (FoundTrack{kFirst, "opus", opus::Head{.channels = 1}.encode()}));
  const auto& frames = found.frames.at(kFirst);
  ASSERT_EQ(frames.size(), 51U);
  EXPECT_EQ(frames[0].payload.size(), 69U);
  EXPECT_EQ(frames[1].pts_us - frames[0].pts_us, 20'000);
}

TEST(TsDemuxer, TakesAStreamThatIsCutAnywhere) {
  const Bytes file = read_testdata("ts_h264_aac.ts");
  std::size_t before = 0;
  for (std::size_t size = 0; size < file.size(); size += 188 / 2) {
    const Contents found = take_apart<TsDemuxer>(file.slice(0, size));
    EXPECT_EQ(found.error, std::nullopt);
    const std::size_t frames = found.frames.contains(kFirst) ? found.frames.at(kFirst).size() : 0;
    EXPECT_GE(frames, before);
    before = frames;
    // Joined late: tables and frames come again.
    EXPECT_EQ(take_apart<TsDemuxer>(file.slice(size)).error, std::nullopt);
  }
}

TEST(TsDemuxer, ALostPacketCostsTheFramesThatItWasOf) {
  const Bytes file = read_testdata("ts_h264_aac.ts");
  const Contents whole = take_apart<TsDemuxer>(file);
  for (std::size_t at = 5 * kPacketBytes; at < file.size(); at += 188) {
    const std::array<Bytes, 2> parts = {file.slice(0, at), file.slice(at + 188)};
    const Contents found = take_apart<TsDemuxer>(join(parts));
    EXPECT_EQ(found.error, std::nullopt);
    EXPECT_EQ(found.tracks, whole.tracks);
    EXPECT_GE(found.frames.at(kFirst).size(), 23U);
    EXPECT_GE(found.frames.at(kSecond).size(), 48U - 20U);
    // What is there is whole.
    for (const auto& [id, frames] : found.frames) {
      for (const FoundFrame& frame : frames) {
        EXPECT_NE(std::ranges::find(whole.frames.at(id), frame.payload, &FoundFrame::payload),
                  whole.frames.at(id).end());
      }
    }
  }
}

TEST(TsDemuxer, GoesOnAfterOtherBytes) {
  const Bytes file = read_testdata("ts_h264_aac.ts");
  const Bytes noise = Bytes::copy(std::string(1000, 'x'));
  const std::array<Bytes, 4> parts = {noise, file.slice(0, 30 * kPacketBytes), noise,
                                      file.slice(30 * kPacketBytes)};
  const Contents found = take_apart<TsDemuxer>(join(parts), 100);
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.frames.at(kFirst).size(), 25U);
  EXPECT_EQ(found.frames.at(kSecond).size(), 48U);
}

TEST(TsDemuxer, RefusesWhatIsNoTransportStream) {
  const Contents found = take_apart<TsDemuxer>(Bytes::copy(std::string(100'000, 'x')), 1000);
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.error->code, Code::decode);
}

TEST(TsDemuxer, FollowsAMapThatChanges) {
  // ts_opus.ts has pid 256, too, of another type.
  const std::array<Bytes, 2> parts = {read_testdata("ts_h264_aac.ts"), read_testdata("ts_opus.ts")};
  const Contents found = take_apart<TsDemuxer>(join(parts));
  EXPECT_EQ(found.tracks.at(kFirst).format, "opus");
  EXPECT_EQ(found.begun, 3U);
  EXPECT_EQ(found.frames.at(kFirst).size(), 25U + 51U);
}

}  // namespace
}  // namespace moq::mux::ts

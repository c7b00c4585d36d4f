#include "moq/mux/flv/demuxer.h"

#include <gtest/gtest.h>

#include <array>

#include "moq/base/wire.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_found.h"

namespace moq::mux::flv {
namespace {

using testing::bytes_of;
using testing::Contents;
using testing::read_testdata;
using testing::take_apart;
using testing::times_of;

constexpr std::uint32_t kAudio = 8;
constexpr std::uint32_t kVideo = 9;

/// A file with those tags.
class File {
 public:
  File() { out_.bytes(as_bytes("FLV")).u8(1).u8(5).u32(9).u32(0); }
  File& tag(std::uint8_t type, std::uint32_t time_ms, const std::vector<int>& body) {
    out_.u8(type).u24(static_cast<std::uint32_t>(body.size()));
    out_.u24(time_ms & 0xffffff).u8(static_cast<std::uint8_t>(time_ms >> 24)).u24(0);
    out_.bytes(bytes_of(body).span()).u32(static_cast<std::uint32_t>(body.size()) + 11);
    return *this;
  }
  Bytes take() { return out_.take(); }

 private:
  Writer out_;
};

TEST(FlvDemuxer, FindsH264AndAac) {
  const Contents found = take_apart<FlvDemuxer>(read_testdata("flv_h264_aac.flv"));
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(kVideo).format, "avc1");
  EXPECT_TRUE(h264::AvcConfig::decode(found.tracks.at(kVideo).init));
  EXPECT_EQ(found.tracks.at(kAudio).format, "aac");
  EXPECT_EQ(found.tracks.at(kAudio).init.slice(0, 2), bytes_of({0x11, 0x88}));
  const auto& video = found.frames.at(kVideo);
  ASSERT_EQ(video.size(), 25U);
  const std::vector<std::int64_t> times = times_of(video);
  EXPECT_EQ((std::vector<std::int64_t>(times.begin(), times.begin() + 4)),
            (std::vector<std::int64_t>{80'000, 200'000, 120'000, 160'000}));
  EXPECT_EQ(video[0].payload.size(), 370U);
  const auto& audio = found.frames.at(kAudio);
  ASSERT_EQ(audio.size(), 48U);
  EXPECT_EQ(audio[0].pts_us, 59'000);
  EXPECT_EQ(audio[0].payload.size(), 69U);
}

TEST(FlvDemuxer, FindsTheSameInPiecesOfAnySize) {
  const Bytes file = read_testdata("flv_h264_aac.flv");
  const Contents whole = take_apart<FlvDemuxer>(file);
  for (const std::size_t piece : {1U, 7U, 188U, 1000U}) {
    EXPECT_EQ(take_apart<FlvDemuxer>(file, piece), whole) << piece;
  }
}

TEST(FlvDemuxer, FindsMp3) {
  const Contents found = take_apart<FlvDemuxer>(read_testdata("flv_mp3.flv"));
  EXPECT_EQ(found.tracks.at(kAudio),
            (FoundTrack{kAudio, "mp3", bytes_of({0xff, 0xfb, 0x10, 0xc4})}));
  EXPECT_EQ(found.frames.at(kAudio).size(), 40U);
  EXPECT_EQ(found.frames.at(kAudio)[1].pts_us, 26'000);
}

TEST(FlvDemuxer, TellsACutFileAfterWhatCameBefore) {
  const Bytes file = read_testdata("flv_h264_aac.flv");
  const Contents found = take_apart<FlvDemuxer>(file.slice(0, file.size() - 10));
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.error->code, Code::decode);
  EXPECT_EQ(found.frames.at(kVideo).size() + found.frames.at(kAudio).size(), 73U);
}

TEST(FlvDemuxer, TakesFramesOnlyBehindTheirConfiguration) {
  File file;
  file.tag(kVideo, 0, {0x27, 1, 0, 0, 0, 1}).tag(kVideo, 0, {0x17, 0, 0, 0, 0, 5});
  file.tag(kVideo, 40, {0x27, 1, 0xff, 0xff, 0xd8, 2}).tag(kVideo, 80, {0x27, 1, 0, 0, 0});
  const Contents found = take_apart<FlvDemuxer>(file.take());
  EXPECT_EQ(found.frames.at(kVideo), (std::vector<FoundFrame>{{kVideo, 0, bytes_of({2})}}));
}

TEST(FlvDemuxer, BeginsAnewWithAnotherConfigurationOnly) {
  File file;
  for (const int config : {1, 1, 2}) {
    file.tag(kAudio, 0, {0xaf, 0, config}).tag(kAudio, 0, {0xaf, 1, 9});
  }
  const Contents found = take_apart<FlvDemuxer>(file.take());
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(kAudio).init, bytes_of({2}));
  EXPECT_EQ(found.frames.at(kAudio).size(), 3U);
}

TEST(FlvDemuxer, FindsTheCodecsOfEnhancedRtmp) {
  File file;
  file.tag(kVideo, 0, {0x90, 'h', 'v', 'c', '1', 5, 6});
  file.tag(kVideo, 0, {0x91, 'h', 'v', 'c', '1', 0, 0, 80, 1});
  file.tag(kAudio, 0, {0x90, 'O', 'p', 'u', 's', 7});
  file.tag(kAudio, 10, {0x91, 'O', 'p', 'u', 's', 2});
  const Contents found = take_apart<FlvDemuxer>(file.take());
  EXPECT_EQ(found.tracks.at(kVideo), (FoundTrack{kVideo, "hvc1", bytes_of({5, 6})}));
  EXPECT_EQ(found.tracks.at(kAudio), (FoundTrack{kAudio, "opus", bytes_of({7})}));
  EXPECT_EQ(found.frames.at(kVideo)[0], (FoundFrame{kVideo, 80'000, bytes_of({1})}));
  EXPECT_EQ(found.frames.at(kAudio)[0], (FoundFrame{kAudio, 10'000, bytes_of({2})}));
}

TEST(FlvDemuxer, FindsVp9WithoutAConfigurationAndLeavesOutTheUnknown) {
  File file;
  file.tag(kVideo, 0, {0xa1, 'v', 'v', 'c', '1', 1}).tag(kVideo, 0, {0x91, 'v', 'p', '0', '9', 1});
  file.tag(kAudio, 0, {0x5f, 1});
  const Contents found = take_apart<FlvDemuxer>(file.take());
  EXPECT_EQ(found.tracks.at(kVideo), (FoundTrack{kVideo, "vp9", {}}));
  EXPECT_EQ(found.frames.size(), 1U);
  EXPECT_EQ(found.error, std::nullopt);
}

TEST(FlvDemuxer, CountsOnWhereTheTimesStartOver) {
  File file;
  file.tag(kAudio, 0xffffffff, {0x2f, 1, 2, 3, 4}).tag(kAudio, 1, {0x2f, 1, 2, 3, 4});
  EXPECT_EQ(times_of(take_apart<FlvDemuxer>(file.take()).frames.at(kAudio)),
            (std::vector<std::int64_t>{4'294'967'295'000, 4'294'967'297'000}));
}

}  // namespace
}  // namespace moq::mux::flv

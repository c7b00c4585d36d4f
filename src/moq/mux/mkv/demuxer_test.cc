#include "moq/mux/mkv/demuxer.h"

#include <gtest/gtest.h>

#include "moq/mux/h264/avcc.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_found.h"
#include "moq/mux/mkv/testing_elements.h"
#include "moq/mux/opus.h"

namespace moq::mux::mkv {
namespace {

using mux::testing::bytes_of;
using mux::testing::Contents;
using mux::testing::read_testdata;
using mux::testing::times_of;
using testing::all;
using testing::element;
using testing::number;

Contents take_apart(const Bytes& stream, std::size_t piece = SIZE_MAX) {
  return mux::testing::take_apart<MkvDemuxer>(stream, piece);
}
using Times = std::vector<std::int64_t>;
Times first_times(const std::vector<FoundFrame>& frames, std::ptrdiff_t count) {
  const Times all_times = times_of(frames);
  return {all_times.begin(), all_times.begin() + count};
}

/// The header of a file, and its segment up to the tracks.
Bytes head(const Bytes& tracks, std::uint64_t tick_ns = 1'000'000) {
  const Bytes info = number(0x2ad7b1, tick_ns);
  return all(element(0x1a45dfa3, element(0x4282, "webm").span()),
             bytes_of({0x18, 0x53, 0x80, 0x67, 0xff}), element(0x1549a966, info.span()),
             element(0x1654ae6b, tracks.span()));
}
Bytes track(std::uint64_t id, std::string_view codec, const Bytes& more = {}) {
  return element(0xae, all(number(0xd7, id), element(0x86, codec), more).span());
}
/// A cluster of unknown size begins.
Bytes cluster(std::uint64_t time) {
  return all(bytes_of({0x1f, 0x43, 0xb6, 0x75, 0xff}), number(0xe7, time));
}
Bytes block(const std::vector<int>& body) { return element(0xa3, bytes_of(body).span()); }

TEST(MkvDemuxer, FindsH264AndOpusWithItsDelay) {
  const Contents found = take_apart(read_testdata("mkv_h264_opus.mkv"));
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(1).format, "avc1");
  EXPECT_TRUE(h264::AvcConfig::decode(found.tracks.at(1).init));
  EXPECT_EQ(found.tracks.at(2).format, "opus");
  EXPECT_EQ(opus::Head::decode(found.tracks.at(2).init)->pre_skip, 312U);
  ASSERT_EQ(found.frames.at(1).size(), 25U);
  ASSERT_EQ(found.frames.at(2).size(), 51U);
  // All is 6.5 ms later, so that the sound begins at 0.
  EXPECT_EQ(first_times(found.frames.at(1), 4), (Times{13'500, 133'500, 53'500, 93'500}));
  EXPECT_EQ(first_times(found.frames.at(2), 3), (Times{0, 21'000, 41'000}));
  EXPECT_EQ(found.frames.at(1)[0].payload.size(), 370U);
}

TEST(MkvDemuxer, FindsTheSameInPiecesOfAnySize) {
  for (const char* name : {"mkv_h264_opus.mkv", "mkv_vp8_opus_live.webm"}) {
    const Bytes file = read_testdata(name);
    const Contents whole = take_apart(file);
    for (const std::size_t piece : {1U, 7U, 188U, 1000U}) {
      EXPECT_EQ(take_apart(file, piece), whole) << piece;
    }
  }
}

TEST(MkvDemuxer, FindsTheCodecsOfItsVectors) {
  const Contents live = take_apart(read_testdata("mkv_vp8_opus_live.webm"));
  EXPECT_EQ(live.error, std::nullopt);
  EXPECT_EQ(live.tracks.at(1).format, "vp8");
  EXPECT_EQ(live.frames.at(1).size(), 25U);
  EXPECT_EQ(live.frames.at(2).size(), 51U);
  const Contents vp9 = take_apart(read_testdata("mkv_vp9_flac.mkv"));
  EXPECT_EQ(vp9.tracks.at(1).format, "vp9");
  EXPECT_EQ(vp9.tracks.at(2).format, "flac");
  EXPECT_EQ(vp9.tracks.at(2).init.size(), 42U);
  EXPECT_EQ(vp9.frames.at(1).size(), 25U);
  const Contents hevc = take_apart(read_testdata("mkv_h265_aac.mkv"));
  EXPECT_EQ(hevc.tracks.at(1).format, "hvc1");
  EXPECT_EQ(hevc.tracks.at(2).format, "aac");
  EXPECT_EQ(hevc.frames.at(2).size(), 48U);
  const Contents av1 = take_apart(read_testdata("mkv_av1_mp3.mkv"));
  EXPECT_EQ(av1.tracks.at(1).format, "av01");
  EXPECT_EQ(av1.tracks.at(2), (FoundTrack{2, "mp3", bytes_of({0xff, 0xfb, 0x14, 0xc4})}));
  EXPECT_EQ(av1.begun, 2U);
}

TEST(MkvDemuxer, TellsACutFileAfterWhatCameBefore) {
  const Bytes file = read_testdata("mkv_h264_opus.mkv");
  for (std::size_t size = 0; size < file.size(); size += 50) {
    const Contents found = take_apart(file.slice(0, size));
    if (found.error) {
      EXPECT_EQ(found.error->code, Code::decode) << size;
    }
  }
  const Contents found = take_apart(file.slice(0, file.size() / 2));
  ASSERT_TRUE(found.error);
  EXPECT_TRUE(found.error->text.starts_with("mkv: the input ends within an element, at byte 2"));
  EXPECT_GE(found.frames.at(1).size(), 5U);
}

TEST(MkvDemuxer, ReadsGroupsAndLaces) {
  // Two frames of VP8 share 40 ms; three of 20 ms are Opus.
  const Bytes group =
      all(element(0xa1, bytes_of({0x81, 0, 5, 0x04, 1, 1, 2}).span()), number(0x9b, 40));
  const Bytes opus = element(0x63a2, opus::Head().encode().span());
  const Bytes stream =
      all(head(all(track(1, "V_VP8"), track(2, "A_OPUS", opus))), cluster(100),
          element(0xa0, group.span()), block({0x82, 0, 0, 0x04, 2, 0xf8, 1, 0xf8, 2, 0xf8, 3}));
  const Contents found = take_apart(stream);
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.frames.at(1),
            (std::vector<FoundFrame>{{1, 105'000, bytes_of({1})}, {1, 125'000, bytes_of({2})}}));
  EXPECT_EQ(times_of(found.frames.at(2)), (Times{100'000, 120'000, 140'000}));
}

TEST(MkvDemuxer, LacedFramesLastAsTheirTrackSays) {
  const Bytes lasts = number(0x23e383, 10'000'000);
  const Contents found = take_apart(
      all(head(track(1, "V_VP9", lasts)), cluster(0), block({0x81, 0, 0, 0x04, 1, 1, 2})));
  EXPECT_EQ(times_of(found.frames.at(1)), (Times{0, 10'000}));
}

TEST(MkvDemuxer, CountsInTheTicksOfTheFile) {
  const Contents found = take_apart(
      all(head(track(1, "V_VP8"), 1000), cluster(5'000'000), block({0x81, 0xff, 0xff, 0x80, 1})));
  EXPECT_EQ(times_of(found.frames.at(1)), Times{4'999'999});
}

TEST(MkvDemuxer, PutsBackWhatFramesWereStrippedOf) {
  const Bytes strip = all(number(0x4254, 3), element(0x4255, "ab"));
  const Bytes encoding = element(0x6240, element(0x5034, strip.span()).span());
  const Contents found = take_apart(all(head(track(1, "V_VP8", element(0x6d80, encoding.span()))),
                                        cluster(0), block({0x81, 0, 0, 0x80, 'c'})));
  EXPECT_EQ(found.frames.at(1)[0].payload, Bytes::copy("abc"));
}

TEST(MkvDemuxer, LeavesOutTracksItDoesNotKnow) {
  const Contents found = take_apart(all(
      head(all(track(1, "V_THEORA"), track(2, "V_VP8"))), cluster(0), block({0x81, 0, 0, 0x80, 1}),
      block({0x82, 0, 0, 0x80, 2}), block({0x83, 0, 0, 0x80, 3}), block({0x82, 0, 0, 0x80})));
  EXPECT_EQ(found.error, std::nullopt);
  EXPECT_EQ(found.tracks.size(), 1U);
  EXPECT_EQ(found.frames.size(), 1U);
  EXPECT_EQ(found.frames.at(2).size(), 1U);  // The empty one is none.
}

TEST(MkvDemuxer, GoesOnWithAnotherFileBehindTheFirst) {
  const Bytes part = all(head(track(1, "V_VP8")), cluster(7), block({0x81, 0, 0, 0x80, 1}));
  const Bytes other = all(head(track(1, "V_VP9")), cluster(7), block({0x81, 0, 0, 0x80, 1}));
  const Contents same = take_apart(all(part, part));
  EXPECT_EQ(same.begun, 1U);
  EXPECT_EQ(same.frames.at(1).size(), 2U);
  const Contents changed = take_apart(all(part, other));
  EXPECT_EQ(changed.begun, 2U);
  EXPECT_EQ(changed.tracks.at(1).format, "vp9");
}

TEST(MkvDemuxer, PassesOverWhatIsNotForItHoweverLarge) {
  Writer attachment;
  attachment.u32(0x1941a469).u64(std::uint64_t{1} << 56 | (kMaxBlockBytes + 1));
  MkvDemuxer demuxer;
  Found found;
  ASSERT_TRUE(demuxer.push(all(head(track(1, "V_VP8")), attachment.take()), found));
  for (std::size_t i = 0; i < kMaxBlockBytes; i += 1 << 20) {
    ASSERT_TRUE(demuxer.push(Bytes::copy(std::string(1 << 20, 'x')), found));
  }
  ASSERT_TRUE(demuxer.push(bytes_of({'x'}), found));
  ASSERT_TRUE(demuxer.push(all(cluster(0), block({0x81, 0, 0, 0x80, 1})), found));
  EXPECT_TRUE(demuxer.finish(found));
  EXPECT_EQ(found.size(), 2U);
}

TEST(MkvDemuxer, LimitsWhatItHolds) {
  const auto error_of = [](std::uint32_t id, std::uint64_t size) {
    Writer out;
    for (int shift = 24; shift >= 0; shift -= 8) {
      if (id >> shift != 0) out.u8(static_cast<std::uint8_t>(id >> shift));
    }
    out.u64(std::uint64_t{1} << 56 | size);
    Found found;
    MkvDemuxer demuxer;
    const auto pushed = demuxer.push(all(head(track(1, "V_VP8")), out.take()), found);
    return pushed ? std::optional<Code>() : pushed.error().code;
  };
  for (const std::uint32_t header : {0x1a45dfa3U, 0x1549a966U, 0x1654ae6bU}) {
    EXPECT_EQ(error_of(header, kMaxHeaderBytes), std::nullopt);
    EXPECT_EQ(error_of(header, kMaxHeaderBytes + 1), Code::too_many);
  }
  for (const std::uint32_t held : {0xa3U, 0xa0U, 0x4321U}) {
    EXPECT_EQ(error_of(held, kMaxBlockBytes), std::nullopt);
    EXPECT_EQ(error_of(held, kMaxBlockBytes + 1), Code::too_many);
  }
}

TEST(MkvDemuxer, RefusesWhatIsNoMatroska) {
  const auto code_of = [](const Bytes& stream) {
    const Contents found = take_apart(stream);
    return found.error ? std::optional<Code>(found.error->code) : std::nullopt;
  };
  EXPECT_EQ(code_of(Bytes::copy("this is no Matroska file")), Code::decode);
  EXPECT_EQ(code_of(element(0x1a45dfa3, element(0x4282, "other").span())), Code::decode);
  EXPECT_EQ(code_of(head(track(1, "V_VP8"), 0)), Code::decode);
  EXPECT_EQ(code_of(all(head(track(1, "V_VP8")), bytes_of({0, 0}))), Code::decode);
  EXPECT_EQ(code_of(all(head(track(1, "V_VP8")), bytes_of({0xa3, 0xff}))), Code::unsupported);
  const Bytes frame = block({0x81, 0, 0, 0x80, 1});
  EXPECT_EQ(code_of(all(head(track(1, "V_VP8")), cluster(std::uint64_t{1} << 60), frame)),
            Code::decode);
}

}  // namespace
}  // namespace moq::mux::mkv

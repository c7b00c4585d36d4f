#include "moq/mux/mp4/fragment.h"

#include <gtest/gtest.h>

#include "moq/mux/internal/testing.h"

namespace moq::mux::mp4 {
namespace {

Track video_track() {
  Track track{.id = 7, .kind = Track::Kind::video, .timescale = 90'000};
  return track;
}

Sample sample_of(std::uint64_t dts, std::int32_t offset, bool keyframe, std::string_view payload) {
  return {.dts = dts,
          .composition_offset = offset,
          .duration = 3000,
          .keyframe = keyframe,
          .payload = Bytes::copy(payload)};
}

TEST(WriteFragment, IsReadBackTheSame) {
  const std::vector<Sample> samples = {sample_of(1ULL << 40, 3000, true, "key"),
                                       sample_of((1ULL << 40) + 3000, -3000, false, ""),
                                       sample_of((1ULL << 40) + 6000, 0, false, "last")};
  const Bytes frame = write_fragment(5, 1, samples);
  const auto back = read_cmaf_frame(video_track(), frame);
  ASSERT_TRUE(back) << back.error().describe();
  EXPECT_EQ(*back, samples);
}

TEST(WriteFragment, HasTheBytesThatPeersExpect) {
  // ISO/IEC 14496-12 by hand: tfhd with default-base-is-moof, tfdt of 64 bits, one sample with
  // duration, size and flags.
  const Bytes frame = write_fragment(3, 2, {{sample_of(9000, 0, true, "hi")}});
  EXPECT_EQ(frame, mux::testing::bytes_of({
                       0,    0,    0, 100, 'm', 'o', 'o',  'f',                               //
                       0,    0,    0, 16,  'm', 'f', 'h',  'd',  0,   0,   0, 0, 0, 0, 0, 3,  //
                       0,    0,    0, 76,  't', 'r', 'a',  'f',                               //
                       0,    0,    0, 16,  't', 'f', 'h',  'd',  0,   2,   0, 0, 0, 0, 0, 2,  //
                       0,    0,    0, 20,  't', 'f', 'd',  't',  1,   0,   0, 0, 0, 0, 0, 0, 0, 0,
                       0x23, 0x28, 0, 0,   0,   32,  't',  'r',  'u', 'n', 1, 0, 7, 1, 0, 0, 0, 1,
                       0,    0,    0, 108, 0,   0,   0x0b, 0xb8, 0,   0,   0, 2, 2, 0, 0, 0,  //
                       0,    0,    0, 10,  'm', 'd', 'a',  't',  'h', 'i',
                   }));
}

TEST(ReadCmafFrame, TakesAnyTrackIdAndSkipsOtherBoxes) {
  const Bytes frame = write_fragment(0, 99, {{sample_of(0, 0, true, "x")}});
  const std::vector<Bytes> parts = {Writer().u32(8).u32(FourCc("styp").value).take(), frame};
  const auto samples = read_cmaf_frame(video_track(), join(parts));
  ASSERT_TRUE(samples) << samples.error().describe();
  EXPECT_EQ(samples->front().payload.text(), "x");
}

TEST(ReadCmafFrame, FailsWhenCut) {
  const Bytes frame = write_fragment(0, 1, {{sample_of(0, 0, true, "payload")}});
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(read_cmaf_frame(video_track(), frame.slice(0, size))) << size;
  }
}

TEST(Sample, PresentsNotBeforeZero) {
  EXPECT_EQ(sample_of(5, -3, true, "").pts(), 2U);
  EXPECT_EQ(sample_of(5, -9, true, "").pts(), 0U);
  EXPECT_EQ(sample_of(5, INT32_MIN, true, "").pts(), 0U);
}

TEST(WriteInit, IsReadBackTheSame) {
  const Bytes file = mux::testing::read_testdata("cmaf_h264_aac.mp4");
  const auto movie = parse_init(file);
  ASSERT_TRUE(movie) << movie.error().describe();
  const auto again = parse_init(write_init(movie->tracks));
  ASSERT_TRUE(again) << again.error().describe();
  ASSERT_EQ(again->tracks.size(), 2U);
  EXPECT_TRUE(again->fragmented);
  for (std::size_t i = 0; i < 2; ++i) {
    const Track& a = movie->tracks[i];
    const Track& b = again->tracks[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.timescale, b.timescale);
    EXPECT_EQ(a.entry.box, b.entry.box);
    EXPECT_EQ(a.entry.codec, b.entry.codec);
    EXPECT_EQ(a.entry.width, b.entry.width);
  }
}

TEST(WriteInit, OfOneTrackHasOneTrack) {
  const auto movie = parse_init(mux::testing::read_testdata("cmaf_h264_aac.mp4"));
  const auto one = parse_init(write_init(std::span(movie->tracks).subspan(1)));
  ASSERT_TRUE(one);
  ASSERT_EQ(one->tracks.size(), 1U);
  EXPECT_EQ(one->tracks[0].entry.codec, "mp4a.40.2");
}

TEST(ParseInit, RefusesTooManyTracksAndRepeatedIds) {
  const auto movie = parse_init(mux::testing::read_testdata("cmaf_h264_aac.mp4"));
  std::vector<Track> tracks;
  for (std::uint32_t id = 1; id <= kMaxTracks + 1; ++id) {
    tracks.push_back(movie->tracks[0]);
    tracks.back().id = id;
  }
  EXPECT_EQ(parse_init(write_init(tracks)).error().code, Code::too_many);
  tracks.pop_back();
  EXPECT_TRUE(parse_init(write_init(tracks)));
  tracks.back().id = 1;
  EXPECT_EQ(parse_init(write_init(tracks)).error().code, Code::decode);
}

TEST(BuildSampleEntry, MakesWhatParsesToTheSame) {
  const auto movie = parse_init(mux::testing::read_testdata("cmaf_h264_aac.mp4"));
  const auto opus = parse_init(mux::testing::read_testdata("frag_h264_opus.mp4"));
  for (const SampleEntry& original :
       {movie->tracks[0].entry, movie->tracks[1].entry, opus->tracks[1].entry}) {
    const auto built = build_sample_entry(original);
    ASSERT_TRUE(built) << built.error().describe();
    const auto parsed = parse_sample_entry(built->box, original.width != 0);
    ASSERT_TRUE(parsed) << parsed.error().describe();
    EXPECT_EQ(parsed->codec, original.codec);
    EXPECT_EQ(parsed->description, original.description);
    EXPECT_EQ(parsed->width, original.width);
    EXPECT_EQ(parsed->height, original.height);
    EXPECT_EQ(parsed->sample_rate, original.sample_rate);
    EXPECT_EQ(parsed->channels, original.channels);
  }
}

TEST(BuildSampleEntry, RefusesWhatItCannotDescribe) {
  EXPECT_EQ(build_sample_entry({.codec = "vp8"}).error().code, Code::unsupported);
  EXPECT_EQ(build_sample_entry({.codec = "avc1.64001f"}).error().code, Code::invalid_argument);
}

TEST(HevcCodec, FollowsAnnexE) {
  // hvcC of a Main profile stream, level 3.1, progressive and frame-only.
  const Bytes hvcc =
      mux::testing::bytes_of({1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0});
  EXPECT_EQ(hevc_codec("hvc1", hvcc.span()), "hvc1.1.6.L93.90");
  const Bytes main10 =
      mux::testing::bytes_of({1, 0x62, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120, 0xf0, 0});
  EXPECT_EQ(hevc_codec("hev1", main10.span()), "hev1.A2.4.H120");
  EXPECT_EQ(hevc_codec("hev1", main10.slice(0, 12).span()), "");
}

}  // namespace
}  // namespace moq::mux::mp4

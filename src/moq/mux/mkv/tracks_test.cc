#include "moq/mux/mkv/tracks.h"

#include <gtest/gtest.h>

#include "moq/mux/internal/testing.h"
#include "moq/mux/mkv/testing_elements.h"

namespace moq::mux::mkv {
namespace {

using mux::testing::bytes_of;
using testing::all;
using testing::element;
using testing::number;

TEST(MkvTracks, AreReadWithWhatTheySay) {
  const Bytes rate = bytes_of({0x47, 0x3b, 0x80, 0});
  const Bytes audio = all(element(0xb5, rate.span()), number(0x9f, 2));
  const Bytes strip = all(number(0x4254, 3), element(0x4255, "ab"));
  const Bytes encoding = element(0x6240, element(0x5034, strip.span()).span());
  const Bytes entry =
      all(number(0xd7, 3), element(0x86, "A_OPUS"), element(0x63a2, "head"),
          number(0x23e383, 20'000'000), number(0x56aa, 6'500'000), element(0xe1, audio.span()),
          element(0x6d80, encoding.span()), element(0x1234567, "of the future"));
  const auto tracks = parse_tracks(element(0xae, entry.span()).span());
  ASSERT_TRUE(tracks);
  EXPECT_EQ(*tracks, (std::vector<TrackEntry>{{.number = 3,
                                               .codec_id = "A_OPUS",
                                               .codec_private = Bytes::copy("head"),
                                               .default_duration_ns = 20'000'000,
                                               .codec_delay_ns = 6'500'000,
                                               .sample_rate = 48'000,
                                               .channels = 2,
                                               .stripped = Bytes::copy("ab")}}));
}

TEST(MkvTracks, HaveALimit) {
  Writer out;
  for (std::size_t i = 0; i < kMaxTracks; ++i) out.bytes(element(0xae, ByteSpan()).span());
  EXPECT_EQ(parse_tracks(out.span())->size(), kMaxTracks);
  out.bytes(element(0xae, ByteSpan()).span());
  EXPECT_EQ(parse_tracks(out.span()).error().code, Code::too_many);
}

TEST(MkvTracks, BelieveInNoDelayThatIsNonsense) {
  const auto delay_of = [](std::uint64_t ns) {
    return parse_tracks(element(0xae, number(0x56aa, ns).span()).span())->at(0).codec_delay_ns;
  };
  EXPECT_EQ(delay_of(kMaxCodecDelayNs), kMaxCodecDelayNs);
  EXPECT_EQ(delay_of(kMaxCodecDelayNs + 1), 0U);
}

TEST(MkvTracks, OfWhatIsCompressedAreNotFound) {
  // zlib, which is the default; and encryption, which has no compression at all.
  const Bytes zlib = element(0x6240, element(0x5034, ByteSpan()).span());
  const Bytes encrypted = element(0x6240, element(0x5035, ByteSpan()).span());
  for (const Bytes& encoding : {zlib, encrypted}) {
    const Bytes entry =
        all(number(0xd7, 1), element(0x86, "V_VP8"), element(0x6d80, encoding.span()));
    const auto tracks = parse_tracks(element(0xae, entry.span()).span());
    EXPECT_TRUE(tracks->at(0).encoded);
    EXPECT_EQ(found_track(tracks->at(0)), std::nullopt);
  }
}

std::optional<FoundTrack> found(const std::string& codec_id, const Bytes& init = {}) {
  return found_track({.number = 1, .codec_id = codec_id, .codec_private = init});
}

TEST(MkvCodecs, AreFoundWithWhatTheirDecodersNeed) {
  const Bytes init = bytes_of({1, 2, 3});
  EXPECT_EQ(found("V_MPEG4/ISO/AVC", init), (FoundTrack{1, "avc1", init}));
  EXPECT_EQ(found("V_MPEGH/ISO/HEVC", init), (FoundTrack{1, "hvc1", init}));
  EXPECT_EQ(found("V_AV1", init), (FoundTrack{1, "av01", init}));
  EXPECT_EQ(found("V_AV1"), (FoundTrack{1, "av01", {}}));
  EXPECT_EQ(found("V_VP8", init), (FoundTrack{1, "vp8", {}}));
  EXPECT_EQ(found("V_VP9", init), (FoundTrack{1, "vp9", {}}));
  EXPECT_EQ(found("A_OPUS", init), (FoundTrack{1, "opus", init}));
  EXPECT_EQ(found("A_AAC", init), (FoundTrack{1, "aac", init}));
  EXPECT_EQ(found("A_MPEG/L3"), (FoundTrack{1, "mp3", {}}));
}

TEST(MkvCodecs, TellTheRateOfFrames) {
  TrackEntry entry{.number = 1, .codec_id = "V_VP8", .default_duration_ns = 40'000'000};
  EXPECT_EQ(found_track(entry)->framerate, 25.0);
  entry.codec_id = "A_MPEG/L3";
  EXPECT_EQ(found_track(entry)->framerate, std::nullopt);
}

TEST(MkvCodecs, AreNotFoundWithoutIt) {
  for (const char* codec : {"V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC", "A_OPUS", "A_FLAC"}) {
    EXPECT_EQ(found(codec), std::nullopt) << codec;
  }
  EXPECT_EQ(found("A_AC3"), std::nullopt);
  EXPECT_EQ(found(""), std::nullopt);
  EXPECT_EQ(found_track({.number = 0, .codec_id = "V_VP8"}), std::nullopt);
  EXPECT_EQ(found_track({.number = std::uint64_t{1} << 32, .codec_id = "V_VP8"}), std::nullopt);
}

TEST(MkvCodecs, OldAacIsConfiguredByItsTrack) {
  TrackEntry entry{.number = 1, .codec_id = "A_AAC/MPEG4/LC", .sample_rate = 48'000, .channels = 2};
  EXPECT_EQ(found_track(entry)->init, bytes_of({0x11, 0x90}));
  entry.sample_rate = 0;
  EXPECT_EQ(found_track(entry), std::nullopt);
}

TEST(MkvCodecs, FlacKeepsItsFirstBlockAlone) {
  std::vector<int> header = {'f', 'L', 'a', 'C', 0, 0, 0, 34};
  header.resize(42 + 100, 5);
  std::vector<int> expected(header.begin(), header.begin() + 42);
  expected[4] = 0x80;
  EXPECT_EQ(found("A_FLAC", bytes_of(header)), (FoundTrack{1, "flac", bytes_of(expected)}));
  EXPECT_EQ(found("A_FLAC", bytes_of(expected).slice(0, 41)), std::nullopt);
}

}  // namespace
}  // namespace moq::mux::mkv

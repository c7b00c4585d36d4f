#include <gtest/gtest.h>

#include "moq/base/random.h"
#include "moq/mux/h264/access_unit.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/mp4/demuxer.h"

namespace moq::mux::h264 {
namespace {

using mux::testing::bytes_of;
using mux::testing::read_testdata;

std::vector<Bytes> nals_of(const Bytes& stream, std::size_t piece) {
  AnnexBReader reader;
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < stream.size(); at += std::min(piece, stream.size())) {
    const auto nals = reader.push(stream.slice(at, piece).span());
    EXPECT_TRUE(nals);
    out.insert(out.end(), nals->begin(), nals->end());
  }
  if (std::optional<Bytes> last = reader.finish()) out.push_back(*last);
  return out;
}

std::vector<AccessUnit> units_of(const Bytes& stream, std::size_t piece = SIZE_MAX) {
  AccessUnitReader reader;
  std::vector<AccessUnit> out;
  for (std::size_t at = 0; at < stream.size(); at += std::min(piece, stream.size())) {
    const auto units = reader.push(stream.slice(at, piece).span());
    if (!units) return out;
    out.insert(out.end(), units->begin(), units->end());
  }
  const auto last = reader.finish();
  if (last) out.insert(out.end(), last->begin(), last->end());
  return out;
}

std::vector<NalType> types_of(const AccessUnit& unit) {
  std::vector<NalType> out;
  for (const ByteSpan nal : split_annex_b(unit.payload.span())) out.push_back(nal_type(nal));
  return out;
}

TEST(AnnexBReader, TakesBothStartCodesAndDropsPadding) {
  const Bytes stream =
      bytes_of({9, 9, 0, 0, 1, 0x41, 1, 0, 0, 0, 1, 0x42, 0, 2, 0, 0, 0, 0, 1, 0x43, 0, 0});
  const std::vector<Bytes> expected = {bytes_of({0x41, 1}), bytes_of({0x42, 0, 2}),
                                       bytes_of({0x43})};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(nals_of(stream, piece), expected) << piece;
  }
}

TEST(AnnexBReader, SkipsEmptyNalUnitsAndLeadingGarbage) {
  EXPECT_TRUE(nals_of(bytes_of({0, 0, 1, 0, 0, 1, 0, 0, 0, 1}), 3).empty());
  EXPECT_TRUE(nals_of(bytes_of({1, 2, 3, 4, 5, 6, 7}), 2).empty());
}

TEST(AnnexBReader, LimitsANalUnit) {
  AnnexBReader reader;
  const std::vector<std::uint8_t> start = {0, 0, 1};
  ASSERT_TRUE(reader.push(start));
  const std::vector<std::uint8_t> most(kMaxNalBytes, 7);
  ASSERT_TRUE(reader.push(most));
  EXPECT_EQ(reader.push(std::vector<std::uint8_t>{7}).error().code, Code::too_many);
}

TEST(AnnexBReader, HoldsNothingBeforeTheFirstStartCode) {
  AnnexBReader reader;
  const std::vector<std::uint8_t> garbage(kMaxNalBytes + 10, 7);
  ASSERT_TRUE(reader.push(garbage));
  ASSERT_TRUE(reader.push(garbage));
}

TEST(Sps, ReadsWhatX264Writes) {
  const Bytes clip = read_testdata("clip.h264");
  const std::vector<ByteSpan> nals = split_annex_b(clip.span());
  const auto sps = Sps::decode(nals.at(0));
  ASSERT_TRUE(sps) << sps.error().describe();
  EXPECT_EQ(sps->codec("avc3"), "avc3.64000a");
  EXPECT_EQ(sps->width, 64U);
  EXPECT_EQ(sps->height, 48U);
  EXPECT_EQ(sps->framerate, 25.0);
  EXPECT_EQ(sps->chroma_format, 1U);
  EXPECT_EQ(sps->luma_bits, 8U);
}

TEST(Sps, ReadsCroppingAndBaseline) {
  // From WebRTC's SPS of a 1280x720 constrained baseline stream, level 3.1: 45 rows of 16.
  const auto sps =
      Sps::decode(bytes_of({0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe9, 0xb8, 0x08,
                            0x08, 0x0a, 0x00, 0x00, 0x07, 0xd0, 0x00, 0x01, 0xd4, 0xc0, 0x80})
                      .span());
  ASSERT_TRUE(sps) << sps.error().describe();
  EXPECT_EQ(sps->codec("avc1"), "avc1.42c01f");
  EXPECT_EQ(sps->width, 1280U);
  EXPECT_EQ(sps->height, 720U);
}

TEST(Sps, FailsWhenCut) {
  const Bytes clip = read_testdata("clip.h264");
  const ByteSpan whole = split_annex_b(clip.span()).at(0);
  // Without its VUI an SPS is still one, so only what comes before must fail.
  for (std::size_t size = 0; size < 8; ++size) EXPECT_FALSE(Sps::decode(whole.first(size))) << size;
  for (std::size_t size = 8; size < whole.size(); ++size) {
    EXPECT_EQ(Sps::decode(whole.first(size))->width, 64U);
  }
}

TEST(Sps, NeverCrashesOnNoise) {
  SeededRandom random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::uint8_t> noise(random.below(40));
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.next());
    if (noise.size() > 1 && round % 2 == 0) noise[1] = 100;
    const auto sps = Sps::decode(noise);
    EXPECT_TRUE(!sps || (sps->width > 0 && sps->width <= 16'384));
  }
}

TEST(AccessUnitReader, FindsThePicturesOfAFile) {
  const std::vector<AccessUnit> units = units_of(read_testdata("clip.h264"));
  ASSERT_EQ(units.size(), 25U);
  for (std::size_t i = 0; i < units.size(); ++i) EXPECT_EQ(units[i].keyframe, i % 10 == 0) << i;
  EXPECT_EQ(types_of(units[0]), (std::vector{NalType::sps, NalType::pps, NalType::idr}));
  EXPECT_EQ(types_of(units[1]), (std::vector{NalType::slice}));
}

TEST(AccessUnitReader, DoesNotDependOnThePieces) {
  const Bytes clip = read_testdata("clip.h264");
  const std::vector<AccessUnit> whole = units_of(clip);
  for (const std::size_t piece : {1, 2, 3, 5, 17, 100, 1000}) {
    EXPECT_EQ(units_of(clip, piece), whole) << piece;
  }
}

const Bytes kSps = bytes_of({0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe9, 0xb8, 0x08,
                             0x08, 0x0a, 0x00, 0x00, 0x07, 0xd0, 0x00, 0x01, 0xd4, 0xc0, 0x80});
const Bytes kPps = bytes_of({0x68, 0xce, 0x3c, 0x80});
const Bytes kIdr = bytes_of({0x65, 0x88, 0x84, 0x21});
const Bytes kSlice = bytes_of({0x41, 0x9a, 0x24, 0x6c});
const Bytes kSecondSlice = bytes_of({0x41, 0x3a, 0x24, 0x6c});
const Bytes kDelimiter = bytes_of({0x09, 0xf0});

Bytes stream_of(const std::vector<Bytes>& nals) {
  std::vector<ByteSpan> spans;
  for (const Bytes& nal : nals) spans.push_back(nal.span());
  return join_annex_b(spans);
}

TEST(AccessUnitReader, GivesEachKeyFrameItsParameterSets) {
  const auto units = units_of(stream_of({kSps, kPps, kIdr, kSlice, kDelimiter, kIdr, kSlice}));
  ASSERT_EQ(units.size(), 4U);
  EXPECT_EQ(units[0].payload, stream_of({kSps, kPps, kIdr}));
  EXPECT_EQ(units[1].payload, stream_of({kSlice}));
  EXPECT_EQ(units[2].payload, stream_of({kDelimiter, kSps, kPps, kIdr}));
  EXPECT_TRUE(units[2].keyframe);
}

TEST(AccessUnitReader, AddsOnlyTheSetThatIsMissing) {
  const auto units = units_of(stream_of({kSps, kPps, kIdr, kSps, kIdr, kPps, kIdr}));
  ASSERT_EQ(units.size(), 3U);
  EXPECT_EQ(units[1].payload, stream_of({kSps, kPps, kIdr}));
  EXPECT_EQ(units[2].payload, stream_of({kSps, kPps, kIdr}));
}

TEST(AccessUnitReader, KeepsSlicesOfOnePictureTogether) {
  const auto units = units_of(stream_of({kSlice, kSecondSlice, kSlice}));
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(units[0].payload, stream_of({kSlice, kSecondSlice}));
}

TEST(AccessUnitReader, TakesARecoveryPointAsAKeyFrame) {
  const Bytes at_once = bytes_of({0x06, 6, 1, 0x80, 0x80});
  const Bytes in_four = bytes_of({0x06, 6, 1, 0x28, 0x80});
  const Bytes other = bytes_of({0x06, 5, 2, 1, 1, 0x80});
  EXPECT_TRUE(units_of(stream_of({kSps, kPps, at_once, kSlice}))[0].keyframe);
  EXPECT_FALSE(units_of(stream_of({kSps, kPps, in_four, kSlice}))[0].keyframe);
  EXPECT_FALSE(units_of(stream_of({kSps, kPps, other, kSlice}))[0].keyframe);
}

TEST(AccessUnitReader, DropsBrokenNalUnitsAndFiller) {
  const auto units =
      units_of(stream_of({bytes_of({0xe5, 1, 2}), kIdr, bytes_of({12, 0xff, 0xff})}));
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].payload, stream_of({kIdr}));
}

TEST(AccessUnitReader, LimitsParameterSets) {
  std::vector<std::uint8_t> big(kMaxParameterSetBytes, 0x68);
  AccessUnitReader reader;
  const Bytes end = stream_of({kSlice});
  ASSERT_TRUE(reader.push(stream_of({Bytes::copy(ByteSpan(big))}).span()));
  ASSERT_TRUE(reader.push(end.span()));
  big.push_back(0x68);
  ASSERT_TRUE(reader.push(stream_of({Bytes::copy(ByteSpan(big))}).span()));
  EXPECT_EQ(reader.push(end.span()).error().code, Code::too_many);
}

TEST(AccessUnitReader, LimitsAnAccessUnitOfTinyNalUnits) {
  AccessUnitReader reader;
  const std::vector<Bytes> tiny(10'000, bytes_of({0x06}));
  const Bytes many = stream_of(tiny);
  std::size_t pushes = 0;
  while (reader.push(many.span()) && pushes < 1000) ++pushes;
  EXPECT_LT(pushes, 20U);
}

TEST(AccessUnitReader, NeverCrashesOnABrokenStream) {
  const Bytes clip = read_testdata("clip.h264");
  SeededRandom random(5);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::uint8_t> broken(clip.begin(), clip.end());
    for (int i = 0; i < 8; ++i) {
      broken[random.below(broken.size())] = static_cast<std::uint8_t>(random.below(8));
    }
    for (const AccessUnit& unit : units_of(Bytes::copy(ByteSpan(broken)), 333)) {
      EXPECT_FALSE(unit.payload.empty());
    }
  }
}

TEST(AvcConfig, ReadsWhatFfmpegWritesAndWritesTheSame) {
  const auto movie = mp4::parse_init(read_testdata("cmaf_h264_aac.mp4"));
  const Bytes& avcc = movie->tracks[0].entry.description;
  const auto config = AvcConfig::decode(avcc);
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->length_size, 4U);
  ASSERT_EQ(config->sps.size(), 1U);
  ASSERT_EQ(config->pps.size(), 1U);
  EXPECT_EQ(*config->encode(), avcc);
  for (std::size_t size = 0; size + 4 < avcc.size(); ++size) {
    EXPECT_FALSE(AvcConfig::decode(avcc.slice(0, size))) << size;
  }
}

TEST(AvcConfig, IsFoundInAKeyFrame) {
  const auto units = units_of(read_testdata("clip.h264"));
  const auto config = find_config(units[0].payload);
  ASSERT_TRUE(config);
  EXPECT_EQ(Sps::decode(config->sps[0].span())->width, 64U);
  EXPECT_EQ(find_config(units[1].payload), std::nullopt);
}

TEST(Conversion, GoesThereAndBack) {
  const AvcConfig config{.sps = {kSps}, .pps = {kPps}};
  const Bytes key = stream_of({kDelimiter, kSps, kPps, kIdr});
  const Bytes prefixed = to_length_prefixed(key.span());
  EXPECT_EQ(prefixed, bytes_of({0, 0, 0, 4, 0x65, 0x88, 0x84, 0x21}));
  EXPECT_EQ(*to_annex_b(config, prefixed.span(), true), stream_of({kSps, kPps, kIdr}));
  EXPECT_EQ(*to_annex_b(config, prefixed.span(), false), stream_of({kIdr}));
}

TEST(Conversion, LeavesAKeyFrameWithParameterSetsAlone) {
  const std::vector<ByteSpan> nals = {kSps.span(), kPps.span(), kIdr.span()};
  const Bytes prefixed = join_length_prefixed(nals);
  EXPECT_EQ(*to_annex_b({.sps = {kPps}}, prefixed.span(), true), stream_of({kSps, kPps, kIdr}));
}

TEST(Conversion, RefusesLengthsThatLie) {
  EXPECT_EQ(to_annex_b({}, bytes_of({0, 0, 0, 2, 1}).span(), false).error().code, Code::decode);
  EXPECT_EQ(to_annex_b({}, bytes_of({0, 0, 0}).span(), false).error().code, Code::decode);
  EXPECT_EQ(to_annex_b({.length_size = 1}, bytes_of({1, 0x41}).span(), false),
            stream_of({bytes_of({0x41})}));
}

}  // namespace
}  // namespace moq::mux::h264

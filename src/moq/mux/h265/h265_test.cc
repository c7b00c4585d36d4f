#include <gtest/gtest.h>

#include "moq/mux/h264/nal.h"
#include "moq/mux/h265/access_unit.h"
#include "moq/mux/h265/hvcc.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/mp4/demuxer.h"

namespace moq::mux::h265 {
namespace {

using testing::bytes_of;
using testing::read_testdata;

/// The access units of clip.h265, each of which begins with a delimiter.
std::vector<Bytes> read_clip() {
  std::vector<std::vector<ByteSpan>> units;
  const Bytes file = read_testdata("clip.h265");
  for (const ByteSpan nal : h264::split_annex_b(file.span())) {
    if (nal_type(nal) == NalType::delimiter) units.emplace_back();
    units.back().push_back(nal);
  }
  std::vector<Bytes> out;
  for (const auto& nals : units) out.push_back(h264::join_annex_b(nals));
  return out;
}

std::vector<NalType> types_of(const Bytes& payload) {
  std::vector<NalType> out;
  for (const ByteSpan nal : h264::split_annex_b(payload.span())) out.push_back(nal_type(nal));
  return out;
}

/// `unit` without its parameter sets.
Bytes without_sets(const Bytes& unit) {
  std::vector<ByteSpan> nals = h264::split_annex_b(unit.span());
  std::erase_if(nals, [](ByteSpan nal) {
    return nal_type(nal) >= NalType::vps && nal_type(nal) <= NalType::pps;
  });
  return h264::join_annex_b(nals);
}

/// The hvcC of frag_hvc1.mp4.
Bytes read_hvcc() {
  mp4::Demuxer demuxer;
  demuxer.push(read_testdata("frag_hvc1.mp4"));
  return std::get<mp4::Movie>(**demuxer.next()).tracks.at(0).entry.description;
}

TEST(H265Sps, SaysWhatFfprobeSays) {
  const Bytes unit = read_clip().at(0);
  for (const ByteSpan nal : h264::split_annex_b(unit.span())) {
    if (nal_type(nal) != NalType::sps) continue;
    const auto sps = Sps::decode(nal);
    ASSERT_TRUE(sps) << sps.error().describe();
    EXPECT_EQ(sps->width, 70U);  // Cropped from 72x56.
    EXPECT_EQ(sps->height, 50U);
    EXPECT_EQ(sps->chroma_format, 1U);
    EXPECT_EQ(sps->codec("hev1"), "hev1.1.6.L30.90");
    // Up to the picture's size all bytes count.
    for (std::size_t size = 0; size < 20; ++size) EXPECT_FALSE(Sps::decode(nal.first(size)));
    return;
  }
  FAIL() << "no SPS";
}

TEST(H265Sps, SkipsTheLayersOfASublayeredStream) {
  // Three sub-layers: one with a profile and a level, one with a level. 16x8.
  std::vector<int> nal = {0x42, 0x01, 0x05, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93};
  nal.insert(nal.end(), {0xd0, 0x00});                                 // Which say what.
  nal.insert(nal.end(), {0x01, 0x60, 1, 1, 1, 1, 1, 1, 1, 1, 1, 60});  // The first,
  nal.insert(nal.end(), {90});                                         // and the second.
  nal.insert(nal.end(), {0xa0, 0x88, 0x90});
  const auto sps = Sps::decode(bytes_of(nal).span());
  ASSERT_TRUE(sps) << sps.error().describe();
  EXPECT_EQ(sps->width, 16U);
  EXPECT_EQ(sps->height, 8U);
  EXPECT_EQ(sps->codec("hvc1"), "hvc1.1.6.L93.B0");
}

TEST(H265Sps, RefusesNonsense) {
  EXPECT_FALSE(Sps::decode({}));
  EXPECT_FALSE(Sps::decode(std::vector<std::uint8_t>(200, 0)));
  EXPECT_FALSE(Sps::decode(std::vector<std::uint8_t>(200, 0xff)));
}

TEST(HevcConfig, HoldsTheParameterSets) {
  const Bytes hvcc = read_hvcc();
  const auto config = HevcConfig::decode(hvcc);
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->length_size, 4U);
  ASSERT_EQ(config->nals.size(), 3U);
  EXPECT_EQ(nal_type(config->nals[0].span()), NalType::vps);
  EXPECT_EQ(nal_type(config->nals[1].span()), NalType::sps);
  EXPECT_EQ(nal_type(config->nals[2].span()), NalType::pps);
  for (std::size_t size = 0; size < hvcc.size(); ++size) {
    EXPECT_FALSE(HevcConfig::decode(hvcc.slice(0, size))) << size;
  }
}

TEST(HevcConfig, BelievesNoCountBeyondItsBytes) {
  std::vector<int> claims(23, 0);
  claims[0] = 1;
  claims[22] = 255;
  claims.insert(claims.end(), {0x20, 0xff, 0xff});
  EXPECT_FALSE(HevcConfig::decode(bytes_of(claims)));
}

TEST(H265AccessUnits, PassOnWhatLacksNothing) {
  AccessUnitReader reader;
  const std::vector<Bytes> units = read_clip();
  ASSERT_EQ(units.size(), 6U);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto unit = reader.read_unit(units[i]);
    EXPECT_EQ(unit, (AccessUnit{.keyframe = i % 3 == 0, .payload = units[i]})) << i;
  }
  EXPECT_EQ(reader.sps()->width, 70U);
}

TEST(H265AccessUnits, GiveKeyFramesTheirParameterSets) {
  AccessUnitReader reader;
  const std::vector<Bytes> units = read_clip();
  ASSERT_TRUE(reader.read_unit(units[0]));
  const auto unit = reader.read_unit(without_sets(units[3]));
  ASSERT_TRUE(unit && *unit);
  EXPECT_TRUE((*unit)->keyframe);
  EXPECT_EQ(types_of((*unit)->payload), (std::vector{NalType::delimiter, NalType::vps, NalType::sps,
                                                     NalType::pps, NalType::cra}));
  EXPECT_EQ((*unit)->payload, units[3]);
}

TEST(H265AccessUnits, AddOnlyTheSetsThatAreMissing) {
  AccessUnitReader reader;
  const std::vector<Bytes> units = read_clip();
  ASSERT_TRUE(reader.read_unit(units[0]));
  std::vector<ByteSpan> nals = h264::split_annex_b(units[3].span());
  std::erase_if(nals, [](ByteSpan nal) {
    return nal_type(nal) == NalType::vps || nal_type(nal) == NalType::pps;
  });
  EXPECT_EQ((*reader.read_unit(h264::join_annex_b(nals)))->payload, units[3]);
}

TEST(H265AccessUnits, KeepParameterSetsThatComeAlone) {
  AccessUnitReader reader;
  const std::vector<Bytes> units = read_clip();
  std::vector<ByteSpan> nals = h264::split_annex_b(units[0].span());
  std::erase_if(nals, is_slice);
  EXPECT_EQ(reader.read_unit(h264::join_annex_b(nals)), std::nullopt);
  EXPECT_TRUE(reader.sps());
  EXPECT_EQ((*reader.read_unit(without_sets(units[0])))->payload, units[0]);
}

TEST(H265AccessUnits, TakeCleanRandomAccessForKeyFrames) {
  const std::vector<std::uint8_t> cra = {21 << 1, 1, 0};
  const std::vector<std::uint8_t> rasl = {9 << 1, 1, 0};
  EXPECT_TRUE(is_keyframe(std::vector<ByteSpan>{cra}));
  EXPECT_FALSE(is_keyframe(std::vector<ByteSpan>{rasl}));
}

TEST(H265AccessUnits, RefuseWhatIsNone) {
  AccessUnitReader reader;
  EXPECT_EQ(reader.read_unit(bytes_of({1, 2, 3, 4})).error().code, Code::decode);
  std::vector<int> large = {0, 0, 0, 1, 32 << 1, 1};
  large.resize(6 + kMaxParameterSetBytes - 2, 7);
  EXPECT_TRUE(reader.read_unit(bytes_of(large)));
  large.push_back(7);
  EXPECT_EQ(reader.read_unit(bytes_of(large)).error().code, Code::too_many);
}

}  // namespace
}  // namespace moq::mux::h265

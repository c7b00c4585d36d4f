#include <gtest/gtest.h>

#include "moq/mux/av1/obu.h"
#include "moq/mux/av1/temporal_unit.h"
#include "moq/mux/internal/testing.h"

namespace moq::mux::av1 {
namespace {

using testing::bytes_of;
using testing::read_ivf;

// The av1C that ffmpeg writes for av1.ivf, and for the same in 4:4:4 with 10 bits, BT.2020 and PQ
// in full range. Its dash muxer calls them av01.0.00M.08 and av01.1.00M.10.0.000.09.16.09.1.
const Bytes kConfig = bytes_of({0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x03, 0x2c,
                                0x5c, 0x4d, 0xaf, 0x90, 0x04});
const Bytes kHdrConfig = bytes_of({0x81, 0x20, 0x40, 0x00, 0x0a, 0x0d, 0x20, 0x00, 0x00, 0x03, 0x2c,
                                   0x5c, 0x4d, 0xaf, 0x96, 0x12, 0x20, 0x13, 0x20});

SequenceHeader header_of(const Bytes& av1c) { return Av1Config::decode(av1c)->header(); }

TEST(Av1SequenceHeader, SaysWhatFfmpegSays) {
  const SequenceHeader header = header_of(kConfig);
  EXPECT_EQ(header.width, 70U);
  EXPECT_EQ(header.height, 50U);
  EXPECT_EQ(header.codec(), "av01.0.00M.08");
  const SequenceHeader hdr = header_of(kHdrConfig);
  EXPECT_EQ(hdr.width, 70U);
  EXPECT_EQ(hdr.codec(), "av01.1.00M.10.0.000.09.16.09.1");
}

TEST(Av1SequenceHeader, ReadsTimingAndDecoderModel) {
  // Built from §5.5: 30000/1001 pictures per second, a decoder model of 10-bit delays, one
  // operating point of level 5.1 in the high tier, 1920x1080, all tools off.
  const SequenceHeader expected{
      .level = 13, .high_tier = true, .width = 1920, .height = 1080, .framerate = 30'000.0 / 1001};
  std::string bits =
      "000"
      "0"
      "0";                                                       // Profile, still, reduced.
  bits += "1" + std::string("00000000000000000000001111101001")  // Timing: tick 1001,
          + "00000000000000000111010100110000" + "1" + "1";      // scale 30000, constant.
  bits +=
      "1"
      "01001" +
      std::string(32, '0') +
      "00000"
      "00000";  // The decoder model.
  bits +=
      "0"
      "00000" +
      std::string(12, '0') +
      "01101"
      "1"
      "1" +
      std::string(21, '0');
  bits +=
      "1010"
      "1010"
      "11101111111"
      "10000110111";  // The size.
  bits +=
      "0"
      "000"
      "0000"
      "0"
      "1"
      "1"
      "000";  // Tools.
  bits +=
      "0"
      "0"
      "0"
      "0"
      "00"
      "0"
      "0";  // Colours, grain.
  bits.resize((bits.size() + 7) / 8 * 8, '0');
  std::vector<std::uint8_t> body;
  for (std::size_t at = 0; at < bits.size(); at += 8) {
    body.push_back(static_cast<std::uint8_t>(std::stoi(bits.substr(at, 8), nullptr, 2)));
  }
  const auto header = SequenceHeader::decode(body);
  ASSERT_TRUE(header) << header.error().describe();
  EXPECT_EQ(*header, expected);
  EXPECT_EQ(header->codec(), "av01.0.13H.08");
}

TEST(Av1SequenceHeader, RefusesWhatIsCut) {
  const Bytes body = kConfig.slice(6);
  for (std::size_t size = 0; size < body.size() - 1; ++size) {
    EXPECT_FALSE(SequenceHeader::decode(body.slice(0, size).span())) << size;
  }
  EXPECT_FALSE(SequenceHeader::decode(std::vector<std::uint8_t>(40, 0xff)));
}

TEST(Av1Config, HasAHeadAndObus) {
  const auto config = Av1Config::decode(kHdrConfig);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->head.profile, 1);
  EXPECT_EQ(config->head.codec(), "av01.1.00M.10.0.000.01.01.01.0");
  EXPECT_EQ(Av1Config::decode(kHdrConfig.slice(0, 4))->header(), config->head);
  EXPECT_EQ(Av1Config::decode(kHdrConfig.slice(0, 9))->header(), config->head);
  EXPECT_TRUE(Av1Config::looks_like(kConfig.span()));
  EXPECT_FALSE(Av1Config::looks_like(config->obus.span()));
  for (std::size_t size = 0; size < 4; ++size)
    EXPECT_FALSE(Av1Config::decode(kConfig.slice(0, size)));
  EXPECT_FALSE(Av1Config::decode(bytes_of({0x82, 0, 0x0c, 0})));
}

TEST(Av1Obus, AreCutWhereTheirSizesSay) {
  const Bytes unit = read_ivf("av1.ivf").at(0);
  const auto obus = split_obus(unit.span());
  ASSERT_TRUE(obus);
  ASSERT_EQ(obus->size(), 3U);
  EXPECT_EQ((*obus)[0].type, ObuType::temporal_delimiter);
  EXPECT_EQ((*obus)[1].type, ObuType::sequence_header);
  EXPECT_EQ((*obus)[2].type, ObuType::frame);
  EXPECT_EQ((*obus)[2].body.size(), 449U);
  EXPECT_FALSE(split_obus(unit.slice(0, unit.size() - 1).span()));
  EXPECT_FALSE(split_obus(bytes_of({0x8a, 0}).span()));                        // The forbidden bit.
  EXPECT_FALSE(split_obus(bytes_of({0x0a, 128, 128, 128, 128, 128}).span()));  // An endless size.
}

TEST(Av1Obus, GetASizeWhenMoreFollows) {
  std::vector<int> bytes = {0x0c, 0x20};  // A sequence header with an extension, without a size.
  bytes.resize(2 + 130, 5);
  const Bytes bare = bytes_of(bytes);
  const auto obus = split_obus(bare.span());
  ASSERT_TRUE(obus && obus->size() == 1);
  const Bytes sized = with_size(obus->front());
  EXPECT_EQ(sized.slice(0, 4), bytes_of({0x0e, 0x20, 0x82, 0x01}));
  EXPECT_EQ(split_obus(sized.span())->at(0).body.size(), 130U);
}

TEST(Av1TemporalUnits, PassOnWhatLacksNothing) {
  TemporalUnitReader reader;
  const std::vector<Bytes> units = read_ivf("av1.ivf");
  ASSERT_EQ(units.size(), 6U);
  for (std::size_t i = 0; i < units.size(); ++i) {
    EXPECT_EQ(reader.read_unit(units[i]),
              (TemporalUnit{.keyframe = i % 3 == 0, .payload = units[i]}));
  }
  EXPECT_EQ(reader.header()->width, 70U);
}

TEST(Av1TemporalUnits, GiveKeyFramesTheirSequenceHeader) {
  TemporalUnitReader reader;
  const std::vector<Bytes> units = read_ivf("av1.ivf");
  const Bytes header = Av1Config::decode(kConfig)->obus;
  EXPECT_EQ(reader.read_unit(header), std::nullopt);
  EXPECT_TRUE(reader.header());
  // The delimiter has two bytes, and the header follows it.
  const Bytes parts[] = {units[3].slice(0, 2), units[3].slice(2 + header.size())};
  const auto unit = reader.read_unit(join(parts));
  EXPECT_EQ(unit, (TemporalUnit{.keyframe = true, .payload = units[3]}));
}

TEST(Av1TemporalUnits, TakeNoFrameThatIsShownLaterForAKeyFrame) {
  TemporalUnitReader reader;
  EXPECT_FALSE((*reader.read_unit(bytes_of({0x32, 1, 0x00})))->keyframe);  // Key, not shown.
  EXPECT_FALSE((*reader.read_unit(bytes_of({0x32, 1, 0x90})))->keyframe);  // Shows an old one.
  EXPECT_FALSE((*reader.read_unit(bytes_of({0x32, 1, 0x50})))->keyframe);  // Intra only.
  EXPECT_TRUE((*reader.read_unit(bytes_of({0x32, 1, 0x10})))->keyframe);
}

TEST(Av1TemporalUnits, RefuseWhatIsBroken) {
  TemporalUnitReader reader;
  EXPECT_EQ(reader.read_unit({}).error().code, Code::decode);
  EXPECT_EQ(reader.read_unit(bytes_of({0x0a, 1, 0})).error().code, Code::decode);
  std::vector<int> large(kMaxSequenceHeaderBytes, 0);
  large[0] = 0x08;
  EXPECT_EQ(reader.read_unit(bytes_of(large)), std::nullopt);
  large.push_back(0);
  EXPECT_EQ(reader.read_unit(bytes_of(large)).error().code, Code::too_many);
}

}  // namespace
}  // namespace moq::mux::av1

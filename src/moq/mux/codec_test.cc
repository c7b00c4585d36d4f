#include <gtest/gtest.h>

#include "moq/mux/aac.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/mp4/esds.h"
#include "moq/mux/opus.h"

namespace moq::mux {
namespace {

using testing::bytes_of;

TEST(AacConfig, ReadsAndWritesTheUsualOnes) {
  // AAC-LC: 48 kHz stereo, 44.1 kHz mono.
  EXPECT_EQ(aac::Config::decode(bytes_of({0x11, 0x90}).span()),
            (aac::Config{.object_type = 2, .sample_rate = 48'000, .channels = 2}));
  EXPECT_EQ((aac::Config{.sample_rate = 48'000, .channels = 2}).encode(), bytes_of({0x11, 0x90}));
  EXPECT_EQ((aac::Config{.sample_rate = 44'100, .channels = 1}).encode(), bytes_of({0x12, 0x08}));
  EXPECT_EQ(aac::Config{}.codec(), "mp4a.40.2");
}

TEST(AacConfig, ReadsBackWhatItWrote) {
  for (const std::uint32_t rate : {96'000U, 48'000U, 7350U, 12'345U}) {
    for (std::uint32_t channels = 0; channels <= 8; ++channels) {
      const aac::Config config{.sample_rate = rate, .channels = channels};
      EXPECT_EQ(aac::Config::decode(config.encode().span()), config) << rate << ' ' << channels;
    }
  }
}

TEST(AacConfig, ReadsHighEfficiencyAndEscapedTypes) {
  EXPECT_EQ(aac::Config::decode(bytes_of({0x2b, 0x11, 0x88, 0x00}).span())->object_type, 5U);
  EXPECT_EQ(aac::Config::decode(bytes_of({0xf9, 0x46, 0x40}).span())->object_type, 42U);
}

TEST(AacConfig, RefusesNonsense) {
  EXPECT_FALSE(aac::Config::decode({}));
  EXPECT_FALSE(aac::Config::decode(bytes_of({0x11}).span()));
  EXPECT_FALSE(aac::Config::decode(bytes_of({0x16, 0x88}).span()));  // Reserved rate 13.
  EXPECT_FALSE(aac::Config::decode(bytes_of({0x01, 0x90}).span()));  // Object type 0.
}

TEST(OpusHead, IsLittleEndianInOggAndBigInMp4) {
  const opus::Head head{.channels = 2, .pre_skip = 312, .input_rate = 48'000, .gain = -1};
  const Bytes ogg = bytes_of(
      {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0xff, 0xff, 0});
  const Bytes mp4 = bytes_of({0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0xff, 0xff, 0});
  EXPECT_EQ(head.encode(), ogg);
  EXPECT_EQ(head.encode_dops(), mp4);
  EXPECT_EQ(opus::Head::decode(ogg), head);
  EXPECT_EQ(opus::Head::decode_dops(mp4), head);
  for (std::size_t size = 0; size < ogg.size(); ++size) {
    EXPECT_FALSE(opus::Head::decode(ogg.slice(0, size)));
  }
}

TEST(OpusHead, CarriesTheMappingOfOtherFamilies) {
  const opus::Head head{.channels = 3, .mapping_family = 1, .mapping = bytes_of({2, 1, 0, 2, 1})};
  EXPECT_EQ(opus::Head::decode(head.encode()), head);
  EXPECT_FALSE(opus::Head::decode(head.encode().slice(0, 22)));
}

TEST(OpusPacket, TellsItsDuration) {
  EXPECT_EQ(opus::packet_duration(bytes_of({0xfc}).span()), 20ms);     // CELT, one frame.
  EXPECT_EQ(opus::packet_duration(bytes_of({0xe0}).span()), 2500us);   // CELT 2.5 ms.
  EXPECT_EQ(opus::packet_duration(bytes_of({0x19}).span()), 120ms);    // SILK 60 ms, twice.
  EXPECT_EQ(opus::packet_duration(bytes_of({0x7b, 3}).span()), 60ms);  // Hybrid 20 ms, three.
  EXPECT_EQ(opus::packet_duration(bytes_of({0x1b, 3}).span()), std::nullopt);  // 180 ms.
  EXPECT_EQ(opus::packet_duration(bytes_of({0x7b}).span()), std::nullopt);
  EXPECT_EQ(opus::packet_duration({}), std::nullopt);
}

TEST(Esds, ReadsLongLengthsAndOptionalFields) {
  // As QuickTime writes it: four bytes for each length.
  const Bytes body =
      bytes_of({0,    0,    0,    0,    3,    0x80, 0x80, 0x80, 0x1f, 0, 1,    0, 4, 0x80,
                0x80, 0x80, 0x14, 0x40, 0x15, 0,    0,    0,    0,    1, 0xf4, 0, 0, 1,
                0xf4, 1,    5,    0x80, 0x80, 0x80, 2,    0x11, 0x90, 6, 1,    2});
  const auto esds = mp4::parse_esds(body);
  ASSERT_TRUE(esds) << esds.error().describe();
  EXPECT_TRUE(esds->is_aac());
  EXPECT_EQ(esds->specific, bytes_of({0x11, 0x90}));
  EXPECT_EQ(esds->bitrate, 0x1f401U);
  for (std::size_t size = 0; size < 30; ++size) EXPECT_FALSE(mp4::parse_esds(body.slice(0, size)));
}

}  // namespace
}  // namespace moq::mux

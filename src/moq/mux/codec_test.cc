#include <gtest/gtest.h>

#include "moq/mux/aac.h"
#include "moq/mux/flac.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/mp3.h"
#include "moq/mux/mp4/esds.h"
#include "moq/mux/opus.h"
#include "moq/mux/vp8.h"
#include "moq/mux/vp9.h"

namespace moq::mux {
namespace {

using testing::bytes_of;
using testing::read_ivf;

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

// What ffmpeg's encoder begins a stereo stream of 44.1 kHz with.
const Bytes kFlac =
    bytes_of({'f',  'L',  'a',  'C',  0,    0,    0,    0x22, 0x12, 0x00, 0x12, 0x00, 0x00, 0x04,
              0xd2, 0x00, 0x04, 0xd2, 0x0a, 0xc4, 0x42, 0xf0, 0x00, 0x00, 0x11, 0x3a, 0xa7, 0xe1,
              0x29, 0x32, 0x6b, 0x5b, 0xc5, 0xac, 0x89, 0xa7, 0xbe, 0xe2, 0x77, 0xe8, 0x74, 0x24});

TEST(FlacStreamInfo, ReadsTheBeginningOfAStream) {
  EXPECT_EQ(flac::StreamInfo::decode(kFlac.span()),
            (flac::StreamInfo{.sample_rate = 44'100, .channels = 2, .bits_per_sample = 16}));
}

TEST(FlacStreamInfo, RefusesAnythingElse) {
  for (std::size_t size = 0; size < kFlac.size(); ++size) {
    EXPECT_FALSE(flac::StreamInfo::decode(kFlac.slice(0, size).span())) << size;
  }
  const auto with = [](std::size_t at, std::uint8_t value) {
    std::vector<std::uint8_t> out(kFlac.begin(), kFlac.end());
    out[at] = value;
    return out;
  };
  EXPECT_FALSE(flac::StreamInfo::decode(with(0, 'F')));
  EXPECT_FALSE(flac::StreamInfo::decode(with(4, 4)));     // A block of comments.
  EXPECT_FALSE(flac::StreamInfo::decode(with(7, 0x23)));  // Of another size.
  EXPECT_TRUE(flac::StreamInfo::decode(with(4, 0x80)));   // The last block.
}

TEST(Mp3Header, TellsRateAndChannels) {
  const auto read = [](int second, int third, int fourth) {
    const auto header = mp3::FrameHeader::decode(bytes_of({0xff, second, third, fourth}).span());
    return header ? std::pair(header->sample_rate, header->channels) : std::pair(0U, 0U);
  };
  EXPECT_EQ(read(0xfb, 0x90, 0x64), std::pair(44'100U, 2U));  // MPEG-1, joint stereo.
  EXPECT_EQ(read(0xf3, 0x40, 0xc4), std::pair(22'050U, 1U));  // LAME's first of 22.05 kHz mono.
  EXPECT_EQ(read(0xe3, 0x48, 0x00), std::pair(8'000U, 2U));   // MPEG-2.5.
  EXPECT_EQ(read(0xfd, 0x90, 0x64), std::pair(0U, 0U));       // Layer II.
  EXPECT_EQ(read(0xeb, 0x90, 0x64), std::pair(0U, 0U));       // No such version,
  EXPECT_EQ(read(0xfb, 0x9c, 0x64), std::pair(0U, 0U));       // rate,
  EXPECT_EQ(read(0xfb, 0xf0, 0x64), std::pair(0U, 0U));       // or bitrate.
  EXPECT_EQ(read(0xdb, 0x90, 0x64), std::pair(0U, 0U));       // No sync.
  EXPECT_FALSE(mp3::FrameHeader::decode(bytes_of({0xff, 0xfb, 0x90}).span()));
}

TEST(Mp3Header, TellsHowLongItsFrameIs) {
  const auto read = [](int second, int third) {
    const auto header = mp3::FrameHeader::decode(bytes_of({0xff, second, third, 0xc4}).span());
    return std::pair(header->size, header->samples);
  };
  EXPECT_EQ(read(0xfb, 0x10), std::pair(std::size_t{104}, 1152U));  // 32 kbit/s at 44.1 kHz,
  EXPECT_EQ(read(0xfb, 0x12), std::pair(std::size_t{105}, 1152U));  // padded.
  EXPECT_EQ(read(0xf3, 0x14), std::pair(std::size_t{24}, 576U));    // 8 kbit/s at 24 kHz,
  EXPECT_EQ(read(0xe3, 0x18), std::pair(std::size_t{72}, 576U));    // and at 8 kHz.
  EXPECT_EQ(read(0xfb, 0x00), std::pair(std::size_t{0}, 1152U));    // Free format.
}

TEST(Vp8Header, TellsKeyFramesAndTheirSize) {
  const std::vector<Bytes> frames = read_ivf("vp8.ivf");
  ASSERT_EQ(frames.size(), 6U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto header = vp8::FrameHeader::decode(frames[i].span());
    const bool is_key = i % 3 == 0;
    EXPECT_EQ(header,
              (vp8::FrameHeader{
                  .keyframe = is_key, .width = is_key ? 70U : 0U, .height = is_key ? 50U : 0U}));
  }
  for (std::size_t size = 0; size < 10; ++size) {
    EXPECT_FALSE(vp8::FrameHeader::decode(frames[0].slice(0, size).span()));
  }
  EXPECT_FALSE(vp8::FrameHeader::decode(bytes_of({0, 0, 0, 0x9d, 1, 0x2b, 4, 0, 4, 0}).span()));
  EXPECT_FALSE(vp8::FrameHeader::decode(bytes_of({0, 0, 0, 0x9d, 1, 0x2a, 0, 0, 4, 0}).span()));
}

TEST(Vp9Header, TellsKeyFramesTheirSizeAndCodec) {
  const std::vector<Bytes> frames = read_ivf("vp9.ivf");
  ASSERT_EQ(frames.size(), 6U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(vp9::FrameHeader::decode(frames[i].span())->keyframe, i % 3 == 0);
  }
  const auto header = vp9::FrameHeader::decode(frames[0].span());
  EXPECT_EQ(header->width, 70U);
  EXPECT_EQ(header->height, 50U);
  EXPECT_EQ(header->codec(), "vp09.00.10.08");  // As ffmpeg's dash muxer says, too.
  for (std::size_t size = 0; size < 9; ++size) {
    EXPECT_FALSE(vp9::FrameHeader::decode(frames[0].slice(0, size).span())) << size;
  }
}

TEST(Vp9Header, ReadsTheOtherProfiles) {
  const auto header = vp9::FrameHeader::decode(read_ivf("vp9_10bit.ivf").at(0).span());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->width, 70U);
  EXPECT_EQ(header->bit_depth, 10);
  EXPECT_EQ(header->codec(), "vp09.03.10.10.02.01.01.01.00");
  // sRGB of profile 1, 8x8.
  const Bytes rgb = bytes_of({0xa0, 0x49, 0x83, 0x42, 0xe0, 0x00, 0x70, 0x00, 0x70});
  EXPECT_EQ(vp9::FrameHeader::decode(rgb.span())->codec(), "vp09.01.10.08.03.01.13.00.01");
}

TEST(Vp9Header, TakesTheLowestLevelThatFits) {
  const auto level = [](std::uint32_t width, std::uint32_t height) {
    return vp9::FrameHeader{.width = width, .height = height}.codec().substr(8, 2);
  };
  EXPECT_EQ(level(256, 144), "10");
  EXPECT_EQ(level(512, 16), "10");
  EXPECT_EQ(level(514, 16), "11");
  EXPECT_EQ(level(320, 240), "20");
  EXPECT_EQ(level(1280, 720), "31");
  EXPECT_EQ(level(1920, 1080), "40");
  EXPECT_EQ(level(3840, 2160), "50");
  EXPECT_EQ(level(7680, 4320), "60");
}

TEST(Vp9Header, CallsNothingElseAKeyFrame) {
  EXPECT_FALSE(vp9::FrameHeader::decode(bytes_of({0x88})  // Shows what is there already.
                                            .span())
                   ->keyframe);
  EXPECT_FALSE(vp9::FrameHeader::decode(bytes_of({0x00, 0x00}).span()));  // No marker.
  EXPECT_FALSE(vp9::FrameHeader::decode(bytes_of({0xb8}).span()));        // A reserved profile.
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

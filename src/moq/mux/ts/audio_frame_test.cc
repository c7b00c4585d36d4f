#include "moq/mux/ts/audio_frame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace moq::mux::ts {
namespace {

using Buffer = std::vector<std::uint8_t>;

// AAC-LC, 48 kHz, one channel, 76 bytes in all, no CRC: the first of ts_h264_aac.ts.
const Buffer kAdts = {0xff, 0xf1, 0x4c, 0x40, 0x09, 0x9f, 0xfc};

TEST(Adts, IsReadFromItsHeader) {
  AudioFrame frame;
  ASSERT_EQ(probe_adts(kAdts, frame), Probe::frame);
  EXPECT_EQ(frame.size, 76U);
  EXPECT_EQ(frame.header_size, 7U);
  EXPECT_EQ(frame.samples, 1024U);
  EXPECT_EQ(frame.sample_rate, 48'000U);
  EXPECT_EQ(frame.init, Bytes::copy(Buffer{0x11, 0x88}));
}

TEST(Adts, HasALongerHeaderWithACrc) {
  Buffer in = kAdts;
  in[1] = 0xf0;
  AudioFrame frame;
  ASSERT_EQ(probe_adts(in, frame), Probe::frame);
  EXPECT_EQ(frame.header_size, 9U);
}

TEST(Adts, NeedsAllOfItsHeader) {
  AudioFrame frame;
  for (std::size_t size = 0; size < kAdts.size(); ++size) {
    EXPECT_EQ(probe_adts(ByteSpan(kAdts).first(size), frame), Probe::more);
  }
}

TEST(Adts, IsNothingElse) {
  AudioFrame frame;
  const auto probe_with = [&frame](std::size_t at, std::uint8_t value) {
    Buffer in = kAdts;
    in[at] = value;
    return probe_adts(in, frame);
  };
  EXPECT_EQ(probe_with(0, 0xfe), Probe::none);
  EXPECT_EQ(probe_with(1, 0xf3), Probe::none);  // A layer.
  EXPECT_EQ(probe_with(2, 0x74), Probe::none);  // A reserved sample rate.
  EXPECT_EQ(probe_with(6, 0xfd), Probe::none);  // Two raw blocks.
  Buffer short_frame = kAdts;
  short_frame[4] = 0;  // 7 bytes: a header alone.
  short_frame[5] = 0xff;
  short_frame[3] = 0x40;
  EXPECT_EQ(probe_adts(short_frame, frame), Probe::none);
}

TEST(Mp3, IsReadFromItsHeader) {
  AudioFrame frame;
  // 32 kbit/s at 44.1 kHz: 144 * 32000 / 44100, and one byte of padding.
  ASSERT_EQ(probe_mp3(Buffer{0xff, 0xfb, 0x12, 0xc4}, frame), Probe::frame);
  EXPECT_EQ(frame.size, 105U);
  EXPECT_EQ(frame.samples, 1152U);
  EXPECT_EQ(frame.sample_rate, 44'100U);
  EXPECT_EQ(frame.header_size, 0U);
  // MPEG-2, 8 kbit/s at 24 kHz; MPEG-2.5, 8 kbit/s at 8 kHz.
  ASSERT_EQ(probe_mp3(Buffer{0xff, 0xf3, 0x14, 0xc4}, frame), Probe::frame);
  EXPECT_EQ(frame.size, 24U);
  EXPECT_EQ(frame.samples, 576U);
  EXPECT_EQ(frame.sample_rate, 24'000U);
  ASSERT_EQ(probe_mp3(Buffer{0xff, 0xe3, 0x18, 0xc4}, frame), Probe::frame);
  EXPECT_EQ(frame.size, 72U);
  EXPECT_EQ(frame.sample_rate, 8'000U);
}

TEST(Mp3, IsNothingElse) {
  AudioFrame frame;
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xfb, 0x12}, frame), Probe::more);
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xdb, 0x12, 0xc4}, frame), Probe::none);  // No sync.
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xeb, 0x12, 0xc4}, frame), Probe::none);  // Reserved version.
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xfb, 0x02, 0xc4}, frame), Probe::none);  // Of free format.
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xfb, 0xf2, 0xc4}, frame), Probe::none);  // Reserved bit rate.
  EXPECT_EQ(probe_mp3(Buffer{0xff, 0xfb, 0x1e, 0xc4}, frame), Probe::none);  // Reserved rate.
  const Buffer layer2 = {0xff, 0xfd, 0x14, 0xc4};
  EXPECT_EQ(probe_mp3(layer2, frame), Probe::none);
  EXPECT_TRUE(is_other_layer(layer2));
  EXPECT_FALSE(is_other_layer(Buffer{0xff, 0xfb, 0x12, 0xc4}));
  EXPECT_FALSE(is_other_layer(Buffer{0xff, 0xfd}));
}

TEST(OpusControl, IsReadWithTheLengthOfItsPacket) {
  AudioFrame frame;
  // 300 bytes; the first says 20 ms, one frame.
  const Buffer plain = {0x7f, 0xe0, 255, 45, 0xf8, 0};
  ASSERT_EQ(probe_opus(plain, frame), Probe::frame);
  EXPECT_EQ(frame.header_size, 4U);
  EXPECT_EQ(frame.size, 304U);
  EXPECT_EQ(frame.samples, 960U);
  EXPECT_TRUE(frame.init.empty());
  for (std::size_t size = 0; size < plain.size(); ++size) {
    EXPECT_EQ(probe_opus(ByteSpan(plain).first(size), frame), Probe::more) << size;
  }
  // With trims of both ends and three bytes of extension.
  ASSERT_EQ(probe_opus(Buffer{0x7f, 0xfc, 1, 0, 0, 0, 0, 3, 1, 2, 3, 0xf8}, frame), Probe::frame);
  EXPECT_EQ(frame.header_size, 11U);
  EXPECT_EQ(frame.size, 12U);
}

TEST(OpusControl, IsNothingElse) {
  AudioFrame frame;
  EXPECT_EQ(probe_opus(Buffer{0x7e, 0xe0, 1, 0xf8}, frame), Probe::none);
  EXPECT_EQ(probe_opus(Buffer{0x7f, 0xc0, 1, 0xf8}, frame), Probe::none);
  EXPECT_EQ(probe_opus(Buffer{0x7f, 0xe0, 0, 0xf8}, frame), Probe::none);  // No packet.
  Buffer large = {0x7f, 0xe0};
  large.insert(large.end(), kMaxOpusBytes / 255 + 1, 255);
  EXPECT_EQ(probe_opus(large, frame), Probe::none);
}

}  // namespace
}  // namespace moq::mux::ts

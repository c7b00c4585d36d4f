#include <gtest/gtest.h>

#include "moq/av/ffmpeg/signals_test.h"

namespace moq::av {
namespace {

/// The packets of `pcm`, 48 kHz stereo in 32-bit floats that begins at 0, as Opus.
Result<std::vector<Packet>> to_opus(const CodecTable& codecs, ByteSpan pcm) {
  MOQ_TRY(AudioEncoder encoder, AudioEncoder::open(codecs, {.codec = "opus", .bitrate = 96'000}));
  Made<Packet> made = encoder.encode(0, pcm);
  if (made.error) return std::unexpected(*made.error);
  Made<Packet> rest = encoder.flush();
  if (rest.error) return std::unexpected(*rest.error);
  made.items.insert(made.items.end(), rest.items.begin(), rest.items.end());
  return made.items;
}

TEST(AvExample, MakesPackets) {
  const std::vector<std::uint8_t> pcm =
      ffmpeg::pack(ffmpeg::tone({}, 0, 48'000), SampleFormat::f32, 2);
  const Result<std::vector<Packet>> packets = to_opus(ffmpeg::table(), pcm);
  ASSERT_TRUE(packets) << packets.error().describe();
  EXPECT_EQ(packets->size(), 51U);  // 50 of 20 ms, and the last of what the codec looked ahead.
}

}  // namespace
}  // namespace moq::av

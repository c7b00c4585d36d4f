#include <gtest/gtest.h>

#include "moq/av/codecs.h"
#include "moq/av/ffmpeg/signals_test.h"
#include "moq/av/loader.h"
#include "moq/base/testing_paths.h"

namespace moq::av::ffmpeg {
namespace {

const std::string kBuilt = test_bin_dir() + "/../lib/" + kLibraryName;

TEST(CodecLibrary, BringsCodecsOfItsOwn) {
  const Result<const CodecTable*> loaded = load_codecs(kBuilt);
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_NE(*loaded, &table()) << "the library's own, not what the test links";
  EXPECT_TRUE(std::string((*loaded)->description).starts_with("FFmpeg "));

  Result<AudioEncoder> encoder = AudioEncoder::open(**loaded, {});
  ASSERT_TRUE(encoder) << encoder.error().describe();
  const std::vector<std::uint8_t> pcm = pack(tone({}, 0, 960), SampleFormat::f32, 2);
  EXPECT_EQ(encoder->encode(0, pcm).items.size(), 1U);
}

}  // namespace
}  // namespace moq::av::ffmpeg

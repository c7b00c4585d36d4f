// What the codec functions say where libmoq-av is not installed: this program has none beside it.
#include <gtest/gtest.h>

#include <string_view>

#include "moq/av/loader.h"
#include "moq/capi/moq.h"

namespace moq::capi {
namespace {

TEST(NoCodecs, EncodersNameTheComponentThatIsMissing) {
  if (av::codecs()) GTEST_SKIP() << "libmoq-av is installed on this machine";
  const auto origin = static_cast<std::uint32_t>(moq_origin_create());
  const auto broadcast = static_cast<std::uint32_t>(moq_origin_publish(origin, "a", 1));
  const moq_audio_encoder_input pcm{MOQ_AUDIO_FORMAT_F32, 48'000, 2};
  moq_audio_encoder_output opus{};
  opus.codec = "opus";
  opus.codec_len = 4;
  const moq_video_encoder_input pictures{MOQ_VIDEO_PIXEL_FORMAT_I420, 64, 64, 30};
  const moq_video_encoder_output h264{};

  EXPECT_EQ(moq_publish_audio_raw(broadcast, "mic", 3, &pcm, &opus), MOQ_ERROR_AUDIO);
  EXPECT_NE(std::string_view(moq_error()).find("libmoq-av.so.0"), std::string_view::npos);
  EXPECT_EQ(moq_publish_video_raw(broadcast, &pictures, &h264), MOQ_ERROR_VIDEO);
  EXPECT_NE(std::string_view(moq_error()).find("libmoq-av.so.0"), std::string_view::npos);
  // What is wrong in itself is told first.
  EXPECT_EQ(moq_publish_audio_raw(origin, "mic", 3, &pcm, &opus), MOQ_ERROR_BROADCAST_NOT_FOUND);
  opus.codec_len = 3;
  EXPECT_EQ(moq_publish_audio_raw(broadcast, "mic", 3, &pcm, &opus), MOQ_ERROR_UNKNOWN_FORMAT);
  moq_publish_finish(broadcast);
  moq_origin_close(origin);
}

}  // namespace
}  // namespace moq::capi

// Video from pictures to pictures, through the encoder and the decoder of libmoq-av.
#include <atomic>
#include <latch>
#include <thread>

#include "moq/capi/codec_test_support.h"

namespace moq::capi {
namespace {

constexpr int kWidth = 128;
constexpr int kHeight = 96;
constexpr moq_video_encoder_input kInput{MOQ_VIDEO_PIXEL_FORMAT_I420, kWidth, kHeight, 30};

moq_video_encoder_output software() {
  moq_video_encoder_output output{};
  output.bitrate = 1'000'000;
  output.kind = MOQ_VIDEO_ENCODER_KIND_SOFTWARE;
  return output;
}

class VideoCodec : public CodecTest {
 protected:
  std::uint32_t publish() {
    const moq_video_encoder_output output = software();
    return made(moq_publish_video_raw(broadcast_, &kInput, &output));
  }
  static std::int32_t feed(std::uint32_t encoder, int number) {
    const std::vector<std::uint8_t> picture = pattern(kWidth, kHeight, number);
    const moq_video_encoder_frame frame{static_cast<std::uint64_t>(number) * 33'000, picture.data(),
                                        picture.size()};
    return moq_publish_video_raw_frame(encoder, &frame);
  }
};

TEST_F(VideoCodec, DecodesWhatItEncodes) {
  const std::uint32_t encoder = publish();
  read_catalog();
  moq_video_config config{};
  ASSERT_EQ(moq_consume_video_config(catalog_, 0, &config), 0);
  EXPECT_EQ(std::string_view(config.name, config.name_len), "0.avc3");
  EXPECT_EQ(std::string_view(config.codec, config.codec_len).substr(0, 5), "avc3.");
  ASSERT_NE(config.coded_width, nullptr);
  EXPECT_EQ(*config.coded_width, static_cast<std::uint32_t>(kWidth));
  Recorder pictures;
  const moq_video_decoder_output wanted{10'000};
  const std::uint32_t decoder =
      made(moq_consume_video_raw(catalog_, 0, &wanted, Recorder::callback, &pictures));

  constexpr int kCount = 12;
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(feed(encoder, i), 0);
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
  for (int i = 0; i < kCount; ++i) {
    const std::uint32_t picture = made(pictures.next().value_or(0));
    moq_video_frame frame{};
    ASSERT_EQ(moq_consume_video_raw_frame(picture, &frame), 0);
    EXPECT_EQ(frame.timestamp_us, static_cast<std::uint64_t>(i) * 33'000);
    EXPECT_EQ(frame.width, static_cast<std::uint32_t>(kWidth));
    EXPECT_EQ(frame.height, static_cast<std::uint32_t>(kHeight));
    EXPECT_LT(difference(pattern(kWidth, kHeight, i), frame.data, frame.data_size), 4) << i;
    EXPECT_EQ(moq_consume_video_raw_frame_free(picture), 0);
    EXPECT_EQ(moq_consume_video_raw_frame_free(picture), MOQ_ERROR_FRAME_NOT_FOUND);
  }
  EXPECT_EQ(pictures.next(), 0) << pictures.error();
  EXPECT_FALSE(pictures.told_too_much());
  EXPECT_EQ(moq_consume_video_raw_close(decoder), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(feed(encoder, kCount), MOQ_ERROR_MEDIA_NOT_FOUND);
}

TEST_F(VideoCodec, TakesRgbaAndGivesItInTheSizeAskedFor) {
  moq_video_encoder_input input = kInput;
  input.format = MOQ_VIDEO_PIXEL_FORMAT_RGBA;
  const moq_video_encoder_output output = software();
  const std::uint32_t encoder = made(moq_encode_video(broadcast_, &input, &output, 0));
  read_catalog();
  Recorder pictures;
  const moq_video_decoder_output_v2 wanted{10'000'000, MOQ_VIDEO_PIXEL_FORMAT_RGBA, 64, 32};
  const std::uint32_t decoder =
      made(moq_decode_video(catalog_, 0, &wanted, Recorder::callback, &pictures));

  std::vector<std::uint8_t> red;
  for (int i = 0; i < kWidth * kHeight; ++i) red.insert(red.end(), {200, 20, 20, 255});
  const moq_video_encoder_frame frame{5, red.data(), red.size()};
  EXPECT_EQ(moq_encode_video_frame(encoder, &frame), 0);
  const std::uint32_t picture = made(pictures.next().value_or(0));
  moq_video_frame out{};
  ASSERT_EQ(moq_decode_video_frame(picture, &out), 0);
  EXPECT_EQ(out.width, 64U);
  EXPECT_EQ(out.height, 32U);
  EXPECT_EQ(out.timestamp_us, 5U);
  ASSERT_EQ(out.data_size, 64U * 32 * 4);
  EXPECT_NEAR(out.data[0], 200, 6);
  EXPECT_NEAR(out.data[1], 20, 6);
  EXPECT_EQ(moq_decode_video_frame_free(picture), 0);

  EXPECT_EQ(moq_decode_video_cancel(decoder), 0);
  EXPECT_EQ(pictures.next(), 0);
  EXPECT_EQ(moq_encode_video_reservation(encoder), 0);
  EXPECT_EQ(moq_encode_video_finish(encoder), 0);
}

TEST_F(VideoCodec, ACutBeginsAGroup) {
  const std::uint32_t encoder = publish();
  read_catalog();
  Recorder frames;
  made(moq_consume_video(catalog_, 0, 10'000, Recorder::callback, &frames));
  for (int i = 0; i < 6; ++i) {
    if (i == 4) {
      EXPECT_EQ(moq_publish_video_raw_cut(encoder), 0);
      EXPECT_EQ(moq_encode_video_cut(encoder), 0) << "once more changes nothing";
    }
    EXPECT_EQ(feed(encoder, i), 0);
  }
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
  for (int i = 0; i < 6; ++i) {
    const std::uint32_t handle = made(frames.next().value_or(0));
    moq_frame frame{};
    ASSERT_EQ(moq_consume_frame(handle, &frame), 0);
    EXPECT_EQ(frame.keyframe, i == 0 || i == 4) << i;
    EXPECT_EQ(moq_consume_frame_free(handle), 0);
  }
  EXPECT_EQ(frames.next(), 0);
}

TEST_F(VideoCodec, TakesABitrateUpToThatAtOpening) {
  const std::uint32_t encoder = publish();
  EXPECT_EQ(moq_publish_video_raw_bitrate(encoder, 300'000), 0);
  EXPECT_EQ(moq_encode_video_bitrate(encoder, 1'000'000), 0);
  EXPECT_EQ(moq_encode_video_bitrate(encoder, 1'000'001), MOQ_ERROR_VIDEO);
  EXPECT_EQ(feed(encoder, 0), 0) << "it goes on";
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
  EXPECT_EQ(moq_publish_video_raw_bitrate(encoder, 300'000), MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(moq_publish_video_raw_cut(encoder), MOQ_ERROR_MEDIA_NOT_FOUND);
}

TEST_F(VideoCodec, AWatcherMayBeCancelled) {
  const std::uint32_t encoder = publish();
  Recorder demand;
  const std::uint32_t watcher = made(moq_encode_video_demand(encoder, Recorder::callback, &demand));
  EXPECT_EQ(moq_publish_demand_cancel(watcher), 0);
  EXPECT_EQ(demand.next(), MOQ_DEMAND_UNUSED);
  EXPECT_EQ(demand.next(), 0);
  EXPECT_EQ(moq_publish_demand_cancel(watcher), MOQ_ERROR_NOT_FOUND);
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
}

TEST_F(VideoCodec, ThreadsMayShareAnEncoder) {
  const std::uint32_t encoder = publish();
  std::latch both(3);
  std::atomic<int> published = 0;
  const auto work = [&] {
    both.arrive_and_wait();
    for (int i = 0; i < 200; ++i) {
      const std::int32_t code = feed(encoder, i);
      if (code == MOQ_ERROR_MEDIA_NOT_FOUND) return;
      EXPECT_EQ(code, 0);
      ++published;
    }
    ADD_FAILURE() << "the encoder was never finished";
  };
  std::thread first(work);
  std::thread second(work);
  both.arrive_and_wait();
  while (published < 5) EXPECT_EQ(moq_publish_video_raw_cut(encoder), 0);
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
  first.join();
  second.join();
}

TEST_F(VideoCodec, OtherThanH264EndsTheTask) {
  moq_video_config config{};
  config.name = "v";
  config.name_len = 1;
  config.codec = "vp8";
  config.codec_len = 3;
  ASSERT_EQ(moq_publish_video_config(broadcast_, &config), 0);
  const std::uint32_t track = made(moq_publish_track(broadcast_, "v", 1, nullptr));
  read_catalog();
  Recorder pictures;
  const moq_video_decoder_output wanted{};
  made(moq_consume_video_raw(catalog_, 0, &wanted, Recorder::callback, &pictures));
  EXPECT_EQ(pictures.next(), MOQ_ERROR_VIDEO);
  EXPECT_NE(pictures.error().find("vp8"), std::string::npos) << pictures.error();
  moq_publish_track_finish(track);
}

TEST_F(VideoCodec, PublishingRefusesWhatCannotBe) {
  const auto with = [this](auto change) {
    moq_video_encoder_input input = kInput;
    moq_video_encoder_output output = software();
    change(input, output);
    return moq_publish_video_raw(broadcast_, &input, &output);
  };
  EXPECT_EQ(with([](auto& in, auto&) { in.format = 2; }), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(with([](auto&, auto& out) { out.codec = 2; }), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(with([](auto&, auto& out) { out.kind = 4; }), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(with([](auto& in, auto&) { in.width = 127; }), MOQ_ERROR_VIDEO);
  EXPECT_EQ(with([](auto& in, auto&) { in.height = 0; }), MOQ_ERROR_VIDEO);
  EXPECT_EQ(with([](auto& in, auto&) { in.framerate = 0; }), MOQ_ERROR_VIDEO);
  EXPECT_EQ(with([](auto&, auto& out) {
              out.kind = MOQ_VIDEO_ENCODER_KIND_NAMED;
              out.encoder = "nonsense";
              out.encoder_len = 8;
            }),
            MOQ_ERROR_VIDEO);
  moq_video_encoder_output output = software();
  EXPECT_EQ(moq_publish_video_raw(broadcast_, nullptr, &output), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_video_raw(broadcast_, &kInput, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_video_raw(origin_, &kInput, &output), MOQ_ERROR_BROADCAST_NOT_FOUND);
  EXPECT_EQ(moq_encode_video(broadcast_, &kInput, &output, broadcast_), MOQ_ERROR_NOT_FOUND);
}

TEST_F(VideoCodec, FramesAndTasksRefuseWhatCannotBe) {
  const std::uint32_t encoder = publish();
  read_catalog();
  const std::vector<std::uint8_t> picture = pattern(kWidth, kHeight, 0);
  const moq_video_encoder_frame small{0, picture.data(), picture.size() - 1};
  const moq_video_encoder_frame late{std::uint64_t{1} << 62, picture.data(), picture.size()};
  EXPECT_EQ(moq_publish_video_raw_frame(encoder, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_video_raw_frame(encoder, &small), MOQ_ERROR_VIDEO);
  EXPECT_EQ(moq_publish_video_raw_frame(encoder, &late), MOQ_ERROR_TIMESTAMP_OVERFLOW);
  EXPECT_EQ(moq_publish_video_raw_frame(broadcast_, &small), MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(feed(encoder, 0), 0) << "it goes on";

  Recorder pictures;
  const auto decode = [&](std::uint32_t format, std::uint32_t width, std::uint32_t height) {
    const moq_video_decoder_output_v2 wanted{0, format, width, height};
    return moq_decode_video(0x7fffffff, 0, &wanted, Recorder::callback, &pictures);
  };
  EXPECT_EQ(decode(2, 0, 0), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(decode(0, 64, 0), MOQ_ERROR_INVALID_CONFIG);
  EXPECT_EQ(decode(0, 63, 64), MOQ_ERROR_INVALID_CONFIG);
  EXPECT_EQ(decode(0, 16'386, 2), MOQ_ERROR_INVALID_CONFIG);
  EXPECT_EQ(decode(0, 64, 64), MOQ_ERROR_CATALOG_NOT_FOUND);
  const moq_video_decoder_output_v2 newer{};
  EXPECT_EQ(moq_decode_video(catalog_, 0, &newer, nullptr, nullptr), MOQ_ERROR_INVALID_POINTER);
  const moq_video_decoder_output wanted{};
  EXPECT_EQ(moq_consume_video_raw(catalog_, 1, &wanted, nullptr, nullptr), MOQ_ERROR_NO_INDEX);
  EXPECT_EQ(moq_publish_video_raw_finish(encoder), 0);
}

}  // namespace
}  // namespace moq::capi

// Audio from PCM to PCM, through the encoder and the decoder of libmoq-av.
#include "moq/capi/codec_test_support.h"

namespace moq::capi {
namespace {

constexpr moq_audio_encoder_input kInput{MOQ_AUDIO_FORMAT_F32, 48'000, 2};

moq_audio_encoder_output output_of(const char* codec) {
  moq_audio_encoder_output output{};
  output.codec = codec;
  output.codec_len = std::strlen(codec);
  return output;
}

class AudioCodec : public CodecTest {
 protected:
  std::uint32_t publish(const char* codec = "opus") {
    const moq_audio_encoder_output output = output_of(codec);
    return made(moq_publish_audio_raw(broadcast_, "mic", 3, &kInput, &output));
  }
  static std::int32_t feed(std::uint32_t encoder, int number) {
    const std::vector<std::uint8_t> pcm = tone(number);
    const moq_audio_frame frame{1'000'000 + static_cast<std::uint64_t>(number) * 20'000, pcm.data(),
                                pcm.size()};
    return moq_publish_audio_raw_frame(encoder, &frame);
  }
};

TEST_F(AudioCodec, DecodesWhatItEncodes) {
  const std::uint32_t encoder = publish();
  read_catalog();
  moq_audio_config config{};
  ASSERT_EQ(moq_consume_audio_config(catalog_, 0, &config), 0);
  EXPECT_EQ(std::string_view(config.name, config.name_len), "mic");
  EXPECT_EQ(std::string_view(config.codec, config.codec_len), "opus");
  EXPECT_EQ(config.sample_rate, 48'000U);
  EXPECT_EQ(config.channel_count, 2U);
  EXPECT_EQ(config.description_len, 19U);
  Recorder frames;
  const moq_audio_decoder_output wanted{MOQ_AUDIO_FORMAT_S16, 0, 1, 10'000};
  const std::uint32_t decoder =
      made(moq_consume_audio_raw(catalog_, 0, &wanted, Recorder::callback, &frames));

  for (int i = 0; i < 25; ++i) EXPECT_EQ(feed(encoder, i), 0);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), 0);
  double energy = 0;
  std::size_t samples = 0;
  std::uint64_t next = 1'000'000;
  for (;;) {
    const std::int32_t code = frames.next().value_or(-1);
    if (code <= 0) {
      EXPECT_EQ(code, 0) << frames.error();
      break;
    }
    moq_audio_frame frame{};
    ASSERT_EQ(moq_consume_audio_raw_frame(made(code), &frame), 0);
    EXPECT_NEAR(static_cast<double>(frame.timestamp_us), static_cast<double>(next), 7'000);
    next = frame.timestamp_us + frame.data_size / 2 * 1'000 / 48;
    std::vector<std::int16_t> part(frame.data_size / 2);
    std::memcpy(part.data(), frame.data, frame.data_size);
    for (const std::int16_t sample : part) energy += std::pow(sample / 32'767.0, 2);
    samples += part.size();
    EXPECT_EQ(moq_consume_audio_raw_frame_free(made(code)), 0);
    EXPECT_EQ(moq_consume_audio_raw_frame_free(made(code)), MOQ_ERROR_FRAME_NOT_FOUND);
  }

  EXPECT_GE(samples, 25U * 960 - 312);
  EXPECT_NEAR(std::sqrt(2 * energy / static_cast<double>(samples)), 0.5, 0.05);
  EXPECT_FALSE(frames.told_too_much());
  EXPECT_EQ(moq_consume_audio_raw_close(decoder), MOQ_ERROR_TRACK_NOT_FOUND);
}

TEST_F(AudioCodec, FinishTakesTheTrackOutOfTheCatalogAndUsesTheHandleUp) {
  const std::uint32_t encoder = publish("aac");
  read_catalog();
  EXPECT_EQ(feed(encoder, 0), 0);
  EXPECT_EQ(moq_encode_audio_finish(encoder), 0);
  EXPECT_EQ(feed(encoder, 1), MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(moq_encode_audio_reservation(encoder), MOQ_ERROR_MEDIA_NOT_FOUND);
  moq_consume_catalog_free(catalog_);

  read_catalog();
  moq_audio_config config{};
  EXPECT_EQ(moq_consume_audio_config(catalog_, 0, &config), MOQ_ERROR_NO_INDEX);
  // The name is free again.
  moq_publish_audio_raw_finish(publish("pcm"));
}

/// Closes its own task at its first frame.
struct ClosesItself {
  Recorder recorder;
  std::uint32_t task = 0;
  std::mutex mutex;
  int closed = 1;

  static void callback(void* self, std::int32_t code) {
    auto* test = static_cast<ClosesItself*>(self);
    if (code > 0) {
      const std::lock_guard lock(test->mutex);
      test->closed = moq_decode_audio_cancel(test->task);
    }
    Recorder::callback(&test->recorder, code);
  }
};

TEST_F(AudioCodec, ATaskMayBeClosedInItsOwnCallback) {
  const std::uint32_t encoder = publish();
  read_catalog();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(feed(encoder, i), 0);
  ClosesItself test;
  const moq_audio_decoder_output_v2 wanted{MOQ_AUDIO_FORMAT_F32, 0, 0, 10'000'000};
  {
    const std::lock_guard lock(test.mutex);
    test.task = made(moq_decode_audio(catalog_, 0, &wanted, ClosesItself::callback, &test));
  }

  const std::uint32_t frame = made(test.recorder.next().value_or(0));
  EXPECT_EQ(test.recorder.next(), 0);
  EXPECT_EQ(test.closed, 0);
  EXPECT_FALSE(test.recorder.told_too_much());
  moq_audio_frame read{};
  EXPECT_EQ(moq_decode_audio_frame(frame, &read), 0) << "it outlives its task";
  EXPECT_GT(read.data_size, 0U);
  EXPECT_GE(read.timestamp_us, 1'000'000U + 9 * 20'000 - 7'000) << "it began with the newest";
  EXPECT_EQ(moq_decode_audio_frame_free(frame), 0);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), 0);
}

TEST_F(AudioCodec, ACloseNeedsNoData) {
  const std::uint32_t encoder = publish();
  read_catalog();
  Recorder frames;
  const moq_audio_decoder_output wanted{};
  const std::uint32_t decoder =
      made(moq_consume_audio_raw(catalog_, 0, &wanted, Recorder::callback, &frames));
  EXPECT_EQ(moq_consume_audio_raw_close(decoder), 0);
  EXPECT_EQ(moq_consume_audio_raw_close(decoder), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), 0);
}

TEST_F(AudioCodec, AWatcherTellsWhetherAnybodyListens) {
  const std::uint32_t encoder = publish();
  read_catalog();
  Recorder demand;
  made(moq_encode_audio_demand(encoder, Recorder::callback, &demand));
  EXPECT_EQ(demand.next(), MOQ_DEMAND_UNUSED);
  Recorder frames;
  const moq_audio_decoder_output wanted{};
  const std::uint32_t decoder =
      made(moq_consume_audio_raw(catalog_, 0, &wanted, Recorder::callback, &frames));
  EXPECT_EQ(demand.next(), MOQ_DEMAND_USED);
  EXPECT_EQ(moq_consume_audio_raw_close(decoder), 0);
  EXPECT_EQ(frames.terminal(), 0);
  EXPECT_EQ(demand.next(), MOQ_DEMAND_UNUSED);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), 0);
  EXPECT_EQ(demand.next(), 0);
  EXPECT_EQ(moq_encode_audio_demand(encoder, Recorder::callback, &demand),
            MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(moq_encode_audio_demand(encoder, nullptr, nullptr), MOQ_ERROR_INVALID_POINTER);
}

TEST_F(AudioCodec, ACodecThatNobodyHasEndsTheTask) {
  moq_audio_config config{};
  config.name = "old";
  config.name_len = 3;
  config.codec = "speex";
  config.codec_len = 5;
  config.sample_rate = 16'000;
  config.channel_count = 1;
  ASSERT_EQ(moq_publish_audio_config(broadcast_, &config), 0);
  const std::uint32_t track = made(moq_publish_track(broadcast_, "old", 3, nullptr));
  read_catalog();
  Recorder frames;
  const moq_audio_decoder_output wanted{};
  made(moq_consume_audio_raw(catalog_, 0, &wanted, Recorder::callback, &frames));

  EXPECT_EQ(frames.next(), MOQ_ERROR_AUDIO);
  EXPECT_NE(frames.error().find("speex"), std::string::npos) << frames.error();
  moq_publish_track_finish(track);
}

TEST_F(AudioCodec, PublishingRefusesWhatCannotBe) {
  const auto with = [this](auto change) {
    moq_audio_encoder_input input = kInput;
    moq_audio_encoder_output output = output_of("opus");
    change(input, output);
    return moq_publish_audio_raw(broadcast_, "bad", 3, &input, &output);
  };
  EXPECT_EQ(with([](auto& in, auto&) { in.format = 8; }), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(with([](auto& in, auto&) { in.sample_rate = 0; }), MOQ_ERROR_AUDIO);
  EXPECT_EQ(with([](auto& in, auto&) { in.channels = 0; }), MOQ_ERROR_AUDIO);
  EXPECT_EQ(with([](auto&, auto& out) { out = output_of("vorbis"); }), MOQ_ERROR_UNKNOWN_FORMAT);
  EXPECT_EQ(with([](auto&, auto& out) { out.sample_rate = 44'100; }), MOQ_ERROR_AUDIO);
  EXPECT_EQ(with([](auto&, auto& out) { out.frame_duration_ms = 15; }), MOQ_ERROR_AUDIO);
  EXPECT_EQ(with([](auto&, auto& out) { out.codec = nullptr; }), MOQ_ERROR_INVALID_POINTER);

  moq_audio_encoder_output output = output_of("opus");
  EXPECT_EQ(moq_publish_audio_raw(broadcast_, "a", 1, nullptr, &output), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_audio_raw(broadcast_, "a", 1, &kInput, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_audio_raw(0, "a", 1, nullptr, &output), MOQ_ERROR_INVALID_ID);
  EXPECT_EQ(moq_publish_audio_raw(origin_, "a", 1, &kInput, &output),
            MOQ_ERROR_BROADCAST_NOT_FOUND);
  EXPECT_EQ(moq_publish_audio_raw(broadcast_, "\xff", 1, &kInput, &output), MOQ_ERROR_UTF8);
  EXPECT_EQ(moq_publish_audio_raw(broadcast_, "catalog.json", 12, &kInput, &output), MOQ_ERROR_MOQ);
}

TEST_F(AudioCodec, TheNewerFormTakesMicrosecondsAndNoAllocator) {
  moq_audio_encoder_output_v2 output{};
  output.codec = "opus";
  output.codec_len = 4;
  output.frame_duration_us = 2'500;
  const std::uint32_t encoder = made(moq_encode_audio(broadcast_, "mic", 3, &kInput, &output, 0));
  EXPECT_EQ(moq_encode_audio_reservation(encoder), 0);
  EXPECT_EQ(moq_encode_audio_finish(encoder), 0);
  EXPECT_EQ(moq_encode_audio(broadcast_, "mic", 3, &kInput, &output, broadcast_),
            MOQ_ERROR_NOT_FOUND);
  output.frame_duration_us = 2'000;
  EXPECT_EQ(moq_encode_audio(broadcast_, "mic", 3, &kInput, &output, 0), MOQ_ERROR_AUDIO);
}

TEST_F(AudioCodec, FramesAndTasksRefuseWhatCannotBe) {
  const std::uint32_t encoder = publish();
  read_catalog();
  const std::vector<std::uint8_t> pcm = tone(0);
  const moq_audio_frame odd{0, pcm.data(), 7};
  const moq_audio_frame late{std::uint64_t{1} << 62, pcm.data(), pcm.size()};
  const moq_audio_frame missing{0, nullptr, 8};
  EXPECT_EQ(moq_encode_audio_frame(encoder, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_encode_audio_frame(encoder, &missing), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_encode_audio_frame(encoder, &odd), MOQ_ERROR_AUDIO);
  EXPECT_EQ(moq_encode_audio_frame(encoder, &late), MOQ_ERROR_AUDIO);
  EXPECT_EQ(moq_encode_audio_frame(broadcast_, &odd), MOQ_ERROR_MEDIA_NOT_FOUND);
  EXPECT_EQ(feed(encoder, 0), 0) << "it goes on";

  Recorder frames;
  moq_audio_decoder_output wanted{};
  const auto consume = [&](std::uint32_t catalog, std::uint32_t index) {
    return moq_consume_audio_raw(catalog, index, &wanted, Recorder::callback, &frames);
  };
  EXPECT_EQ(consume(catalog_, 1), MOQ_ERROR_NO_INDEX);
  EXPECT_EQ(consume(broadcast_, 0), MOQ_ERROR_CATALOG_NOT_FOUND);
  wanted.format = 8;
  EXPECT_EQ(consume(catalog_, 0), MOQ_ERROR_INVALID_CODE);
  EXPECT_EQ(moq_consume_audio_raw(catalog_, 0, nullptr, Recorder::callback, &frames),
            MOQ_ERROR_INVALID_POINTER);
  const moq_audio_decoder_output_v2 newer{};
  EXPECT_EQ(moq_decode_audio(catalog_, 0, &newer, nullptr, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_consume_audio_raw_frame(broadcast_, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_audio_raw_finish(encoder), 0);
}

}  // namespace
}  // namespace moq::capi

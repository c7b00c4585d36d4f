// Encoded media from end to end within one process.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/testing_paths.h"
#include "moq/capi/room_test_support.h"

namespace moq::capi {
namespace {

constexpr std::uint64_t kPatient = 60'000;

std::vector<std::uint8_t> read_file(const std::string& name) {
  std::ifstream file(test_source_dir() + "/src/moq/mux/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Frame {
  std::vector<std::uint8_t> payload;
  std::uint64_t timestamp_us = 0;
  bool keyframe = false;
};

/// The frames of a subscription until its end.
std::vector<Frame> read_all(Recorder& told) {
  std::vector<Frame> out;
  for (;;) {
    const std::int32_t code = told.next().value_or(MOQ_ERROR_PANIC);
    if (code <= 0) {
      EXPECT_EQ(code, 0) << told.error();
      return out;
    }
    moq_frame frame{};
    EXPECT_EQ(moq_consume_frame(made(code), &frame), 0);
    out.push_back(
        {{frame.payload, frame.payload + frame.payload_size}, frame.timestamp_us, frame.keyframe});
    EXPECT_EQ(moq_consume_frame_free(made(code)), 0);
  }
}

/// The room, and its catalog as a subscriber sees it.
class Media : public Room {
 protected:
  Media() { made(moq_consume_catalog(consumer_, Recorder::callback, &catalogs_)); }
  ~Media() override {
    EXPECT_EQ(moq_publish_finish(broadcast_), 0);
    EXPECT_EQ(catalogs_.terminal(), 0);
  }

  Recorder catalogs_;
};

TEST_F(Media, AFragmentedFileBecomesTracksWhoseFramesComeOut) {
  const std::vector<std::uint8_t> file = read_file("cmaf_h264_aac.mp4");
  const std::uint32_t media =
      made(moq_publish_media(broadcast_, "fmp4", 4, file.data(), file.size() / 2));
  const std::uint32_t catalog = made(catalogs_.next().value_or(0));
  moq_video_config video{};
  ASSERT_EQ(moq_consume_video_config(catalog, 0, &video), 0);
  EXPECT_EQ(std::string_view(video.codec, video.codec_len).substr(0, 5), "avc1.");
  EXPECT_EQ(video.container.kind, std::uint32_t{MOQ_CONTAINER_KIND_CMAF});
  EXPECT_GT(video.container.init_len, 0U);
  EXPECT_EQ(moq_consume_video_config(catalog, 1, &video), MOQ_ERROR_NO_INDEX);

  Recorder frames;
  made(moq_consume_video(catalog, 0, kPatient, Recorder::callback, &frames));
  EXPECT_EQ(moq_consume_catalog_free(catalog), 0);
  for (std::size_t at = file.size() / 2; at < file.size(); at += 1000) {
    const std::size_t size = std::min<std::size_t>(1000, file.size() - at);
    ASSERT_EQ(moq_publish_media_frame(media, file.data() + at, size, 0), 0) << moq_error();
  }
  EXPECT_EQ(moq_publish_media_finish(media), 0) << moq_error();

  const std::vector<Frame> all = read_all(frames);
  ASSERT_GT(all.size(), 10U);
  EXPECT_TRUE(all.front().keyframe);
  EXPECT_TRUE(std::ranges::all_of(all, [](const Frame& frame) { return !frame.payload.empty(); }));
  EXPECT_FALSE(frames.told_too_much());
}

TEST_F(Media, OpusPacketsAreAGroupEach) {
  const std::string head("OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0", 19);
  const auto* init = reinterpret_cast<const std::uint8_t*>(head.data());
  const std::uint32_t media = made(moq_publish_media(broadcast_, "opus", 4, init, head.size()));
  const std::uint32_t catalog = made(catalogs_.next().value_or(0));
  moq_audio_config audio{};
  ASSERT_EQ(moq_consume_audio_config(catalog, 0, &audio), 0);
  EXPECT_EQ(std::string_view(audio.name, audio.name_len), "0.opus");
  EXPECT_EQ(std::string_view(audio.codec, audio.codec_len), "opus");
  EXPECT_EQ(audio.sample_rate, 48'000U);
  EXPECT_EQ(audio.channel_count, 2U);

  Recorder frames;
  made(moq_consume_audio(catalog, 0, kPatient, Recorder::callback, &frames));
  moq_consume_catalog_free(catalog);
  const std::uint8_t packet[] = {0xfc, 1, 2, 3};
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(moq_publish_media_frame(media, packet, sizeof packet, i * 20'000), 0);
  }
  EXPECT_EQ(moq_publish_media_finish(media), 0);

  const std::vector<Frame> all = read_all(frames);
  ASSERT_EQ(all.size(), 5U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].timestamp_us, i * 20'000);
    EXPECT_TRUE(all[i].keyframe);
  }
  // Its entry left the catalog with it.
  const std::uint32_t after = made(catalogs_.next().value_or(0));
  EXPECT_EQ(moq_consume_audio_config(after, 0, &audio), MOQ_ERROR_NO_INDEX);
  moq_consume_catalog_free(after);
}

TEST_F(Media, DemandIsToldAtOnceAndWithEachChange) {
  const std::uint8_t config[] = {0x12, 0x10};
  const moq_audio_init init{.format = MOQ_AUDIO_FORMAT_AAC,
                            .init = config,
                            .init_len = sizeof config,
                            .label = "english",
                            .label_len = 7};
  const std::uint32_t media = made(moq_publish_audio(broadcast_, &init));
  Recorder demand;
  made(moq_publish_media_demand(media, Recorder::callback, &demand));
  EXPECT_EQ(demand.next(), MOQ_DEMAND_UNUSED);

  const std::uint32_t catalog = made(catalogs_.next().value_or(0));
  Recorder frames;
  const std::uint32_t task =
      made(moq_consume_audio(catalog, 0, kPatient, Recorder::callback, &frames));
  EXPECT_EQ(demand.next(), MOQ_DEMAND_USED);
  EXPECT_EQ(moq_consume_audio_close(task), 0);
  EXPECT_EQ(frames.terminal(), 0);
  EXPECT_EQ(demand.next(), MOQ_DEMAND_UNUSED);
  EXPECT_EQ(moq_publish_media_finish(media), 0);
  EXPECT_EQ(demand.next(), 0);
  moq_consume_catalog_free(catalog);
}

TEST_F(Media, WhatNobodyCanReadIsRefused) {
  const std::uint8_t junk[] = {1, 2, 3};
  EXPECT_EQ(moq_publish_media(broadcast_, "h265", 4, nullptr, 0), MOQ_ERROR_UNKNOWN_FORMAT);
  EXPECT_EQ(moq_publish_media(broadcast_, "opus", 4, nullptr, 0), MOQ_ERROR_MUX);
  EXPECT_EQ(moq_publish_media(broadcast_, "avc1", 4, junk, sizeof junk), MOQ_ERROR_MUX);
  const std::uint32_t video = made(moq_publish_media(broadcast_, "h264", 4, nullptr, 0));
  const std::uint8_t delta[] = {0, 0, 0, 1, 0x41, 0x9a, 0x02};
  EXPECT_EQ(moq_publish_media_frame(video, delta, sizeof delta, 0), MOQ_ERROR_MUX);
  EXPECT_EQ(moq_publish_media_frame(video, delta, sizeof delta, std::uint64_t{1} << 62),
            MOQ_ERROR_TIMESTAMP_OVERFLOW);
  EXPECT_EQ(moq_publish_media_finish(video), 0);
  EXPECT_EQ(moq_publish_media_finish(video), MOQ_ERROR_MEDIA_NOT_FOUND);
}

}  // namespace
}  // namespace moq::capi

// Raw tracks from end to end within one process.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "moq/capi/recorder_test_support.h"

namespace moq::capi {
namespace {

const std::uint8_t* data(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::uint32_t handle(std::int32_t code) {
  EXPECT_GT(code, 0) << moq_error();
  return static_cast<std::uint32_t>(code);
}

std::string read_and_free(std::int32_t frame, std::uint64_t& timestamp_us) {
  moq_frame out{};
  EXPECT_EQ(moq_consume_track_frame(handle(frame), &out), 0);
  std::string text(reinterpret_cast<const char*>(out.payload), out.payload_size);
  timestamp_us = out.timestamp_us;
  EXPECT_EQ(moq_consume_track_frame_free(handle(frame)), 0);
  EXPECT_EQ(moq_consume_track_frame_free(handle(frame)), MOQ_ERROR_FRAME_NOT_FOUND);
  return text;
}

/// An origin with the broadcast "room", seen from both sides.
class RawTrack : public testing::Test {
 protected:
  RawTrack()
      : origin_(handle(moq_origin_create())),
        broadcast_(handle(moq_origin_publish(origin_, "room", 4))) {}
  ~RawTrack() override {
    moq_publish_finish(broadcast_);
    moq_consume_close(consumer_);
    moq_origin_close(origin_);
  }

  /// Waits for the broadcast.
  void find() {
    Recorder found;
    handle(moq_origin_consume_announced(origin_, "room", 4, Recorder::callback, &found));
    consumer_ = handle(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
  }

  std::uint32_t origin_;
  std::uint32_t broadcast_;
  std::uint32_t consumer_ = 0;
};

TEST_F(RawTrack, CarriesFramesInOrderAndEndsCleanly) {
  const std::uint32_t track = handle(moq_publish_track(broadcast_, "chat", 4, nullptr));
  find();
  Recorder frames;
  moq_subscription all{};
  all.latency_max_ms = 10'000;
  handle(moq_consume_track(consumer_, "chat", 4, &all, Recorder::callback, &frames));
  const std::uint32_t group = handle(moq_publish_track_group(track));
  EXPECT_EQ(moq_publish_group_frame(group, data("one"), 3, 1'000), 0);

  std::uint64_t at = 0;
  EXPECT_EQ(read_and_free(frames.next().value_or(0), at), "one");
  EXPECT_EQ(at, 1'000U);
  EXPECT_EQ(moq_publish_group_frame(group, data("two"), 3, 2'001), 0);
  EXPECT_EQ(moq_publish_group_finish(group), 0);
  EXPECT_EQ(moq_publish_track_frame(track, nullptr, 0, 3'000), 0);
  EXPECT_EQ(moq_publish_track_finish(track), 0);

  EXPECT_EQ(read_and_free(frames.next().value_or(0), at), "two");
  EXPECT_EQ(at, 2'001U);
  EXPECT_EQ(read_and_free(frames.next().value_or(0), at), "");
  EXPECT_EQ(frames.next(), 0);
  EXPECT_FALSE(frames.told_too_much());
}

TEST_F(RawTrack, ASubscriptionOfNothingFailsInWords) {
  find();
  Recorder frames;
  handle(moq_consume_track(consumer_, "nothing", 7, nullptr, Recorder::callback, &frames));

  EXPECT_EQ(frames.next(), MOQ_ERROR_MOQ);
  EXPECT_NE(frames.error().find("not found"), std::string::npos) << frames.error();
}

TEST_F(RawTrack, ACloseIsAnsweredByTheTerminalAlone) {
  const std::uint32_t track = handle(moq_publish_track(broadcast_, "chat", 4, nullptr));
  find();
  Recorder frames;
  const std::uint32_t task =
      handle(moq_consume_track(consumer_, "chat", 4, nullptr, Recorder::callback, &frames));

  EXPECT_EQ(moq_consume_track_close(task), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_consume_track_close(task), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_NE(frames.thread(), std::this_thread::get_id());
  EXPECT_EQ(moq_publish_track_abort(track, 7), 0);
}

TEST_F(RawTrack, AnAbortTellsTheCodeOfTheApplication) {
  const std::uint32_t track = handle(moq_publish_track(broadcast_, "chat", 4, nullptr));
  find();
  struct Seen {
    Recorder codes;
    moq_protocol_error error{};
  } seen;
  const auto callback = [](void* self, std::int32_t code) {
    auto* noted = static_cast<Seen*>(self);
    if (code < 0) moq_error_protocol(&noted->error);
    Recorder::callback(&noted->codes, code);
  };
  handle(moq_consume_track(consumer_, "chat", 4, nullptr, callback, &seen));
  EXPECT_EQ(moq_publish_track_abort(track, 7), 0);

  EXPECT_EQ(seen.codes.next(), MOQ_ERROR_MOQ);
  EXPECT_EQ(seen.error.code, 71U);
  EXPECT_EQ(seen.error.kind, std::uint32_t{MOQ_PROTOCOL_KIND_APP});
  EXPECT_EQ(seen.error.scope, std::uint32_t{MOQ_ERROR_SCOPE_STREAM});
}

}  // namespace
}  // namespace moq::capi

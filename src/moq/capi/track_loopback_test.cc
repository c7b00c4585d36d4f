// Raw tracks from end to end within one process.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "moq/capi/room_test_support.h"

namespace moq::capi {
namespace {

std::string read_and_free(std::int32_t frame, std::uint64_t& timestamp_us) {
  moq_frame out{};
  EXPECT_EQ(moq_consume_track_frame(made(frame), &out), 0);
  std::string text(reinterpret_cast<const char*>(out.payload), out.payload_size);
  timestamp_us = out.timestamp_us;
  EXPECT_EQ(moq_consume_track_frame_free(made(frame)), 0);
  EXPECT_EQ(moq_consume_track_frame_free(made(frame)), MOQ_ERROR_FRAME_NOT_FOUND);
  return text;
}

class RawTrack : public Room {};

TEST_F(RawTrack, CarriesFramesInOrderAndEndsCleanly) {
  const std::uint32_t track = made(moq_publish_track(broadcast_, "chat", 4, nullptr));
  Recorder frames;
  moq_subscription all{};
  all.latency_max_ms = 10'000;
  made(moq_consume_track(consumer_, "chat", 4, &all, Recorder::callback, &frames));
  const std::uint32_t group = made(moq_publish_track_group(track));
  EXPECT_EQ(moq_publish_group_frame(group, bytes("one"), 3, 1'000), 0);

  std::uint64_t at = 0;
  EXPECT_EQ(read_and_free(frames.next().value_or(0), at), "one");
  EXPECT_EQ(at, 1'000U);
  EXPECT_EQ(moq_publish_group_frame(group, bytes("two"), 3, 2'001), 0);
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
  Recorder frames;
  made(moq_consume_track(consumer_, "nothing", 7, nullptr, Recorder::callback, &frames));

  EXPECT_EQ(frames.next(), MOQ_ERROR_MOQ);
  EXPECT_NE(frames.error().find("not found"), std::string::npos) << frames.error();
}

TEST_F(RawTrack, ACloseIsAnsweredByTheTerminalAlone) {
  const std::uint32_t track = made(moq_publish_track(broadcast_, "chat", 4, nullptr));
  Recorder frames;
  const std::uint32_t task =
      made(moq_consume_track(consumer_, "chat", 4, nullptr, Recorder::callback, &frames));

  EXPECT_EQ(moq_consume_track_close(task), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_consume_track_close(task), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_NE(frames.thread(), std::this_thread::get_id());
  EXPECT_EQ(moq_publish_track_abort(track, 7), 0);
}

TEST_F(RawTrack, AnAbortTellsTheCodeOfTheApplication) {
  const std::uint32_t track = made(moq_publish_track(broadcast_, "chat", 4, nullptr));
  struct Seen {
    Recorder codes;
    moq_protocol_error error{};
  } seen;
  const auto callback = [](void* self, std::int32_t code) {
    auto* noted = static_cast<Seen*>(self);
    if (code < 0) moq_error_protocol(&noted->error);
    Recorder::callback(&noted->codes, code);
  };
  made(moq_consume_track(consumer_, "chat", 4, nullptr, callback, &seen));
  EXPECT_EQ(moq_publish_track_abort(track, 7), 0);

  EXPECT_EQ(seen.codes.next(), MOQ_ERROR_MOQ);
  EXPECT_EQ(seen.error.code, 71U);
  EXPECT_EQ(seen.error.kind, std::uint32_t{MOQ_PROTOCOL_KIND_APP});
  EXPECT_EQ(seen.error.scope, std::uint32_t{MOQ_ERROR_SCOPE_STREAM});
}

}  // namespace
}  // namespace moq::capi

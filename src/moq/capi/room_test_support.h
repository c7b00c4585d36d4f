#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "moq/capi/calls_test_support.h"
#include "moq/capi/recorder_test_support.h"

namespace moq::capi {

/// An origin with the broadcast "room", seen from both sides.
class Room : public testing::Test {
 protected:
  Room()
      : origin_(made(moq_origin_create())),
        broadcast_(made(moq_origin_publish(origin_, "room", 4))) {
    Recorder found;
    made(moq_origin_consume_announced(origin_, "room", 4, Recorder::callback, &found));
    consumer_ = made(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
  }
  ~Room() override {
    moq_publish_finish(broadcast_);
    moq_consume_close(consumer_);
    moq_origin_close(origin_);
  }

  std::uint32_t origin_;
  std::uint32_t broadcast_;
  std::uint32_t consumer_ = 0;
};

/// The text of the JSON value that comes next, which is freed; "" and a failure if none comes.
inline std::string next_json(Recorder& values) {
  const std::uint32_t value = made(values.next().value_or(0));
  moq_json_value out{};
  EXPECT_EQ(moq_consume_json_value(value, &out), 0) << moq_error();
  std::string text(out.json == nullptr ? "" : out.json, out.json_len);
  EXPECT_EQ(moq_consume_json_value_free(value), 0);
  EXPECT_EQ(moq_consume_json_value_free(value), MOQ_ERROR_FRAME_NOT_FOUND);
  return text;
}

/// What no handle can be.
inline constexpr std::uint32_t kBadForms[] = {0, 0x80000000, 0xffffffff};

}  // namespace moq::capi

#include "moq/hang/container.h"

#include <gtest/gtest.h>

#include "moq/hang/encoding.h"

namespace moq::hang {
namespace {

Bytes hex(std::string_view digits) { return from_hex(digits).value(); }
Frame frame_of(std::uint64_t timestamp_us, std::string_view payload) {
  return {.timestamp_us = timestamp_us, .keyframe = true, .payload = Bytes::copy(payload)};
}

TEST(LegacyContainer, MatchesTheBytesOfRust) {
  // moq-mux 0.10.19.
  EXPECT_EQ(encode_legacy(frame_of(1'000'000, "hi")), hex("800f42406869"));
  EXPECT_EQ(encode_legacy(frame_of(0, "hi")), hex("006869"));
  EXPECT_EQ(encode_legacy(frame_of(1'234'567, "")), hex("8012d687"));
}

TEST(LegacyContainer, ReadsBackWhatItWrote) {
  for (const std::uint64_t timestamp : {0UL, 63UL, 64UL, 1'234'567UL, (1UL << 62) - 1}) {
    const Frame frame = frame_of(timestamp, "payload");
    EXPECT_EQ(decode_legacy(encode_legacy(frame), true), frame);
  }
}

TEST(LegacyContainer, AnEmptyPayloadIsAMark) {
  EXPECT_TRUE(decode_legacy(hex("800f4240"), false)->is_mark());
  EXPECT_FALSE(decode_legacy(hex("800f424000"), false)->is_mark());
}

TEST(LegacyContainer, RefusesACutTimestamp) {
  for (const std::string_view bytes : {"", "80", "800f42"}) {
    EXPECT_EQ(decode_legacy(hex(bytes), true).error().code, Code::decode) << bytes;
  }
}

TEST(LocContainer, MatchesTheBytesOfRust) {
  // moq-loc 0.2.27.
  EXPECT_EQ(encode_loc(frame_of(1'000'000, "hi")), hex("0510800f42406869"));
  EXPECT_EQ(encode_loc(frame_of(7, "hi")), hex("0210076869"));
  EXPECT_EQ(decode_loc(hex("0510800f42406869"), true), frame_of(1'000'000, "hi"));
}

TEST(LocContainer, SkipsPropertiesOfOthers) {
  // 0x02 = 1, 0x05 = "xy", 0x10 = 9.
  EXPECT_EQ(decode_loc(hex("08"
                           "0201"
                           "03027879"
                           "0b09"
                           "68"),
                       true)
                ->timestamp_us,
            9U);
}

TEST(LocContainer, ReadsTheOldTimestampAndTheTimescale) {
  // 0x06 = 5; then 0x08 = 1000 and 0x10 = 5.
  EXPECT_EQ(decode_loc(hex("020605"
                           "68"),
                       true)
                ->timestamp_us,
            5U);
  EXPECT_EQ(decode_loc(hex("05"
                           "0843e8"
                           "0805"
                           "68"),
                       true)
                ->timestamp_us,
            5000U);
}

TEST(LocContainer, RefusesWhatItCannotRead) {
  const auto code = [](std::string_view bytes) {
    return decode_loc(hex(bytes), true).error().code;
  };
  EXPECT_EQ(code(""), Code::decode);
  EXPECT_EQ(code("00"), Code::decode);          // No timestamp.
  EXPECT_EQ(code("0510800f"), Code::decode);    // Cut.
  EXPECT_EQ(code("0110"), Code::decode);        // A type without a value.
  EXPECT_EQ(code("0408000807"), Code::decode);  // Timescale 0.
  EXPECT_EQ(code("03"
                 "050a00"),
            Code::decode);  // A length beyond the properties.
  EXPECT_EQ(code("c000000000010001"
                 "10"),
            Code::decode);  // Above the limit.
}

TEST(Rescale, RoundsDownAndRefusesOverflow) {
  EXPECT_EQ(rescale(1, 3, 1'000'000), 333'333U);
  EXPECT_EQ(rescale(UINT64_MAX, 1'000'000, 1'000), UINT64_MAX / 1000);
  EXPECT_EQ(rescale(1, 0, 1), std::nullopt);
  EXPECT_EQ(rescale(UINT64_MAX, 1, 2), std::nullopt);
}

}  // namespace
}  // namespace moq::hang

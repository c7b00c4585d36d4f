#include "moq/transport/webtransport/internal/control_stream.h"

#include <gtest/gtest.h>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::string_view kSettings = "04 0d 08 01 33 01 c0 00 00 00 c6 71 70 6a 01";

H3Code error_of(Role role, std::string_view frames) {
  ControlStream control(role);
  const auto taken = control.push(from_hex(frames));
  return taken ? H3Code::no_error : taken.error().code;
}
H3Code error_after_settings(Role role, std::string_view frames) {
  return error_of(role, std::string(kSettings) + std::string(frames));
}

TEST(ControlStream, ReadsSettingsByteByByte) {
  ControlStream control(Role::client);
  for (const std::uint8_t byte : from_hex(kSettings)) {
    EXPECT_FALSE(control.settings());
    ASSERT_TRUE(control.push(ByteSpan(&byte, 1)));
  }
  ASSERT_TRUE(control.settings());
  EXPECT_TRUE(control.settings()->webtransport);
}

TEST(ControlStream, SkipsReservedFramesBeforeSettings) {
  EXPECT_EQ(error_of(Role::client, "21 02 aa bb" + std::string(kSettings)), H3Code::no_error);
}

TEST(ControlStream, AnythingElseBeforeSettingsIsTheirLack) {
  for (const char* frame : {"00 00", "01 00", "07 01 00", "0d 01 00", "40 54 00", "02 00"}) {
    EXPECT_EQ(error_of(Role::server, frame), H3Code::missing_settings) << frame;
  }
}

TEST(ControlStream, SettingsComeOnce) {
  EXPECT_EQ(error_after_settings(Role::client, "04 00"), H3Code::frame_unexpected);
}

TEST(ControlStream, FramesOfOtherStreamsDoNotBelongHere) {
  for (const char* frame : {"00 00", "01 00", "05 00", "02 00", "06 00", "08 00", "09 00"}) {
    EXPECT_EQ(error_after_settings(Role::server, frame), H3Code::frame_unexpected) << frame;
  }
}

TEST(ControlStream, UnknownFramesAreIgnored) {
  EXPECT_EQ(error_after_settings(Role::server, "21 01 00 80 0f 07 00 02 00 00 40 40 00"),
            H3Code::no_error);
}

TEST(ControlStream, NotesGoaway) {
  ControlStream control(Role::client);
  ASSERT_TRUE(control.push(from_hex(kSettings)));
  EXPECT_FALSE(control.going_away());
  ASSERT_TRUE(control.push(from_hex("07 01 08")));
  EXPECT_TRUE(control.going_away());
  ASSERT_TRUE(control.push(from_hex("07 01 04")));
  const auto raised = control.push(from_hex("07 01 08"));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, H3Code::id_error);
}

TEST(ControlStream, GoawayIsOneInteger) {
  for (const char* frame : {"07 00", "07 01 40", "07 02 00 00"}) {
    EXPECT_EQ(error_after_settings(Role::client, frame), H3Code::frame_error) << frame;
  }
}

TEST(ControlStream, ThereIsNoPush) {
  EXPECT_EQ(error_after_settings(Role::server, "0d 01 07"), H3Code::no_error);
  EXPECT_EQ(error_after_settings(Role::client, "0d 01 07"), H3Code::frame_unexpected);
  EXPECT_EQ(error_after_settings(Role::server, "0d 00"), H3Code::frame_error);
  EXPECT_EQ(error_after_settings(Role::client, "03 01 00"), H3Code::id_error);
}

TEST(ControlStream, AFrameMayBeAsLongAsTheLimit) {
  const std::vector<std::uint8_t> most(kMaxFrameBytes);
  ControlStream control(Role::client);
  ASSERT_TRUE(control.push(from_hex(kSettings)));
  EXPECT_TRUE(control.push(tlv(0x21, most)));
  const auto larger = control.push(from_hex("21 80 01 00 01"));
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, H3Code::excessive_load);
}

}  // namespace
}  // namespace moq::transport::webtransport

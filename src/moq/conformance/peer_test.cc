#include "moq/conformance/peer.h"

#include <gtest/gtest.h>

namespace moq::conformance {
namespace {

TEST(Target, ReadsUrlsOfBothCarriers) {
  const auto raw = Target::parse("moqt://localhost:4443/room?jwt=x");
  ASSERT_TRUE(raw);
  EXPECT_FALSE(raw->webtransport);
  EXPECT_EQ(raw->host, "localhost");
  EXPECT_EQ(raw->port, 4443);
  EXPECT_EQ(raw->authority, "localhost:4443");
  EXPECT_EQ(raw->path, "/room?jwt=x");
  const auto web = Target::parse("https://[::1]");
  ASSERT_TRUE(web);
  EXPECT_TRUE(web->webtransport);
  EXPECT_EQ(web->host, "::1");
  EXPECT_EQ(web->port, 443);
  EXPECT_EQ(web->path, "");
  EXPECT_EQ(Target::parse("https://[::1]:7/")->port, 7);
}

TEST(Target, RefusesWhatItCannotReach) {
  for (const char* url : {"", "localhost", "http://h/", "moqt://", "moqt://:1/", "moqt://h:x/",
                          "moqt://h:70000/", "moqt://h:/"}) {
    EXPECT_EQ(Target::parse(url).error().code, Code::bad_config) << url;
  }
}

TEST(Codes, HaveWhatTheyWereGiven) {
  constexpr Codes codes(0x33, 0x36);
  EXPECT_TRUE(codes.has(0x33));
  EXPECT_TRUE(codes.has(0x36));
  EXPECT_FALSE(codes.has(0));
  EXPECT_EQ(codes.text(), "code 0x33 or 0x36");
  EXPECT_TRUE(Codes::any().has(1234));
  EXPECT_EQ(Codes::any().text(), "any code");
}

TEST(Hex, IsReadWithSpacesAndShownCut) {
  EXPECT_EQ(from_hex("01 4a\n ff"), from_hex("014aff"));
  EXPECT_EQ(to_hex(from_hex("01 4a ff").span()), "014aff");
  EXPECT_EQ(to_hex({}), "nothing");
  const std::vector<std::uint8_t> many(100);
  EXPECT_TRUE(to_hex(many).ends_with("... (100 bytes)"));
}

}  // namespace
}  // namespace moq::conformance

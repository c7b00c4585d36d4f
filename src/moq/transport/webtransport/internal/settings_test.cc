#include "moq/transport/webtransport/internal/settings.h"

#include <gtest/gtest.h>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

Result<Settings, H3Error> decode(std::string_view payload) {
  return Settings::decode(from_hex(payload));
}
H3Code error_of(std::string_view payload) {
  const auto decoded = decode(payload);
  return decoded ? H3Code::no_error : decoded.error().code;
}

// The vector of the session sheet: what a Rust peer sends, in one of its orders.
TEST(Settings, PrefaceIsTheVector) {
  EXPECT_EQ(encode_control_preface(),
            hex("00 04 21 06 80 00 40 00 08 01 33 01 80 ff d2 77 01 c0 00 00 00 c6 71 70 6a 01"
                " ab 60 37 43 01 ab 60 37 42 01"));
}

TEST(Settings, OurOwnAllowWebTransport) {
  const Bytes preface = encode_control_preface();
  EXPECT_EQ(Settings::decode(preface.slice(3).span()),
            (Settings{.datagrams = true, .webtransport = true}));
}

TEST(Settings, TheSmallestThatPeersSendSuffices) {
  EXPECT_EQ(decode("08 01 33 01 c0 00 00 00 c6 71 70 6a 01"),
            (Settings{.datagrams = true, .webtransport = true}));
}

TEST(Settings, EachDraftsIdsCount) {
  EXPECT_TRUE(decode("80 ff d2 77 01")->datagrams);
  EXPECT_TRUE(decode("33 01")->datagrams);
  EXPECT_FALSE(decode("33 00")->datagrams);
  EXPECT_TRUE(decode("ab 60 37 42 01")->webtransport);
  EXPECT_TRUE(decode("ab 60 37 42 01 ab 60 37 43 01")->webtransport);
  EXPECT_FALSE(decode("ab 60 37 42 01 ab 60 37 43 00")->webtransport);
  EXPECT_FALSE(decode("ab 60 37 43 00 ab 60 37 42 01")->webtransport);
  EXPECT_FALSE(decode("c0 00 00 00 c6 71 70 6a 00")->webtransport);
  EXPECT_EQ(decode(""), Settings{});
}

TEST(Settings, UnknownAndReservedIdsAreIgnored) {
  EXPECT_EQ(decode("21 05 40 40 00 33 01"), (Settings{.datagrams = true, .webtransport = false}));
}

TEST(Settings, RefusesWhatHttp3Forbids) {
  EXPECT_EQ(error_of("33 01 33 01"), H3Code::settings_error);
  EXPECT_EQ(error_of("33 02"), H3Code::settings_error);
  EXPECT_EQ(error_of("08 02"), H3Code::settings_error);
  for (const char* id : {"02", "03", "04", "05"}) {
    EXPECT_EQ(error_of(std::string(id) + "00"), H3Code::settings_error) << id;
  }
}

TEST(Settings, IsCutOffAtEveryByteButBetweenPairs) {
  const auto whole = from_hex("08 01 33 01 c0 00 00 00 c6 71 70 6a 01");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto decoded = Settings::decode(ByteSpan(whole).first(cut));
    const bool between = cut == 0 || cut == 2 || cut == 4 || cut == whole.size();
    EXPECT_EQ(decoded.has_value(), between) << cut;
    if (!decoded) {
      EXPECT_EQ(decoded.error().code, H3Code::frame_error);
    }
  }
}

TEST(Settings, TakesAsManyAsTheLimitAndNoMore) {
  Writer out;
  for (std::uint64_t i = 0; i < kMaxSettings; ++i) out.varint(0x1000 + i).varint(i);
  EXPECT_TRUE(Settings::decode(out.span()));
  out.varint(0x4000).varint(1);
  const auto more = Settings::decode(out.span());
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, H3Code::excessive_load);
}

}  // namespace
}  // namespace moq::transport::webtransport

#include "moq/app/flags.h"

#include <gtest/gtest.h>

namespace moq::app {
namespace {

TEST(ParseDuration, TakesANumberAndItsUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const std::string_view text : {"", "1", "s", "-1s", "1 s", "1sec", "1e10s", "nan", "infs"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseVersion, TakesTheNamesOfTheRustProgramsToo) {
  EXPECT_EQ(parse_version("moq-lite-06"), net::Version::lite_06);
  EXPECT_EQ(parse_version("moqt-18"), net::Version::moqt_18);
  EXPECT_EQ(parse_version("moq-transport-18"), net::Version::moqt_18);
  const auto unknown = parse_version("moq-transport-13");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("moqt-14"), std::string::npos);
}

TEST(ParseSize, TakesDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("65536"), 65536U);
  EXPECT_EQ(parse_size("10B"), 10U);
  EXPECT_EQ(parse_size("512MB"), 512'000'000U);
  EXPECT_EQ(parse_size("8GiB"), std::uint64_t{8} << 30);
  EXPECT_EQ(parse_size("1.5k"), 1500U);
  for (const std::string_view text :
       {"", "MB", "-1", "1Mfoo", "1MBB", "1iB", "1BiB", "1 MB", "1PB", "99999999TB", "nan"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(ParseShare, TakesAPartOfTheWhole) {
  EXPECT_EQ(parse_share("75%", 1000), 750U);
  EXPECT_EQ(parse_share("512", 1000), 512U);
  for (const std::string_view text : {"101%", "-1%", "%", "1.5MB%"}) {
    EXPECT_FALSE(parse_share(text, 1000)) << text;
  }
}

}  // namespace
}  // namespace moq::app

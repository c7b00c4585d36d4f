#include "moq/net/version.h"

#include <gtest/gtest.h>

namespace moq::net {
namespace {

TEST(Version, NamesAreReadBack) {
  for (const Version version : {Version::lite_01, Version::lite_06, Version::lite_07_wip}) {
    EXPECT_EQ(parse_version(to_string(version)), version);
  }
  EXPECT_EQ(parse_version("moq-lite-06"), Version::lite_06);
  EXPECT_EQ(parse_version("moq-transport-18"), Version::moqt_18);  // As the Rust programs call it.
}

TEST(Version, UnknownNamesAreRefusedWithTheKnownOnes) {
  for (const std::string_view name :
       {"", "moql", "moq-lite-07", "moq-lite-06-wip", "MOQ-LITE-06", "moq-transport-",
        "moq-transport-13", "moq-transport-lite-06"}) {
    const auto version = parse_version(name);
    ASSERT_FALSE(version.has_value()) << name;
    EXPECT_EQ(version.error().code, Code::bad_config);
    EXPECT_NE(version.error().text.find("moq-lite-06"), std::string::npos);
  }
}

TEST(Version, OffersTheNewestFirstAndTheLegacyNameOnce) {
  EXPECT_EQ(alpn_names(default_versions()),
            (std::vector<std::string_view>{"moq-lite-06", "moq-lite-05", "moq-lite-04",
                                           "moq-lite-03", "moql"}));
}

TEST(Version, TheTransportsChoiceDecides) {
  EXPECT_EQ(version_of_protocol("moq-lite-05", default_versions()), Version::lite_05);
  EXPECT_EQ(version_of_protocol("moql", default_versions()), std::nullopt);
  EXPECT_EQ(version_of_protocol("", default_versions()), std::nullopt);
}

TEST(Version, AChoiceThatWasNotOfferedIsRefused) {
  const auto wip = version_of_protocol("moq-lite-07-wip", default_versions());
  ASSERT_FALSE(wip.has_value());
  EXPECT_EQ(wip.error().code, Code::version);

  constexpr Version kModern[] = {Version::lite_06, Version::lite_03};
  EXPECT_FALSE(version_of_protocol("moql", kModern).has_value());
  EXPECT_FALSE(version_of_protocol("", kModern).has_value());
}

TEST(Version, OnlyTheOldestAreNegotiatedBySetup) {
  EXPECT_EQ(version_of_setup_code(0xff0dad01, default_versions()), Version::lite_01);
  EXPECT_EQ(version_of_setup_code(0xff0dad02, default_versions()), Version::lite_02);
  EXPECT_EQ(version_of_setup_code(0xff0dad03, default_versions()), std::nullopt);
  constexpr Version kOnly[] = {Version::lite_01};
  EXPECT_EQ(version_of_setup_code(0xff0dad02, kOnly), std::nullopt);
  EXPECT_EQ(setup_code(Version::lite_06), 0xff0dad06);
}

}  // namespace
}  // namespace moq::net

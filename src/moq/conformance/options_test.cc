#include "moq/conformance/options.h"

#include <gtest/gtest.h>

namespace moq::conformance {
namespace {

TEST(ConformanceOptions, AreRead) {
  const auto options =
      parse_options({"--version", "moq-lite-06", "--filter=announce/*", "--timeout", "5",
                     "--tls-insecure", "relay", "moqt://localhost:1/"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->versions, std::vector<std::string>{"moq-lite-06"});
  EXPECT_EQ(options->timeout, 5s);
  EXPECT_TRUE(options->tls.insecure);
  EXPECT_EQ(options->target.port, 1);
  EXPECT_TRUE(is_chosen(*options, "moq-lite-06", "announce/ok-comes-first"));
  EXPECT_FALSE(is_chosen(*options, "moq-lite-05", "announce/ok-comes-first"));
  EXPECT_FALSE(is_chosen(*options, "moq-lite-06", "group/far-apart"));
}

TEST(ConformanceOptions, SayWhatIsWrong) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const auto options = parse_options(arguments);
    return options ? "" : options.error().text;
  };
  EXPECT_EQ(error({}), "say: moq-conformance [FLAGS] relay URL");
  EXPECT_EQ(error({"client", "moqt://h/"}), "say: moq-conformance [FLAGS] relay URL");
  EXPECT_EQ(error({"--bogus", "1", "relay", "moqt://h/"}), "unknown flag '--bogus'");
  EXPECT_EQ(error({"relay", "moqt://h/", "--filter"}), "'--filter' needs a value, or is no flag");
  EXPECT_EQ(error({"--timeout", "0", "relay", "moqt://h/"}),
            "--timeout: '0' is not 1 to 3600 seconds");
  EXPECT_EQ(error({"--help"}), "");
  EXPECT_EQ(error({"--list"}), "");
}

}  // namespace
}  // namespace moq::conformance

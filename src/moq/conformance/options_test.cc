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

TEST(ConformanceOptions, TakeAClientAndItsCommand) {
  const auto options =
      parse_options({"--listen", "127.0.0.1:0", "--client", "subscriber", "--broadcast=room/a.hang",
                     "--webtransport", "--", "moq", "--connect", "{url}"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->end, End::subscriber);
  ASSERT_TRUE(options->door);
  EXPECT_EQ(options->door->broadcast, "room/a.hang");
  EXPECT_TRUE(options->door->webtransport);
  EXPECT_EQ(options->door->command, (std::vector<std::string>{"moq", "--connect", "{url}"}));
  const auto by_hand = parse_options({"--listen", "[::1]:4443", "--client=publisher"});
  ASSERT_TRUE(by_hand) << by_hand.error().text;
  EXPECT_EQ(by_hand->end, End::publisher);
  EXPECT_EQ(by_hand->door->address.port, 4443);
  EXPECT_TRUE(by_hand->door->command.empty());
}

TEST(ConformanceOptions, SayWhatIsWrong) {
  const std::string kSay = "say: moq-conformance [FLAGS] relay URL, or --listen ADDR --client ROLE";
  const auto error = [](const std::vector<std::string>& arguments) {
    const auto options = parse_options(arguments);
    return options ? "" : options.error().text;
  };
  EXPECT_EQ(error({}), kSay);
  EXPECT_EQ(error({"client", "moqt://h/"}), kSay);
  EXPECT_EQ(error({"--bogus", "1", "relay", "moqt://h/"}), "unknown flag '--bogus'");
  EXPECT_EQ(error({"relay", "moqt://h/", "--filter"}), "'--filter' needs a value, or is no flag");
  EXPECT_EQ(error({"--timeout", "0", "relay", "moqt://h/"}),
            "--timeout: '0' is not 1 to 3600 seconds");
  EXPECT_EQ(error({"--listen", "127.0.0.1:0"}), kSay);
  EXPECT_EQ(error({"--client", "publisher"}), kSay);
  EXPECT_EQ(error({"--listen", "127.0.0.1:0", "--client", "relay"}),
            "--client: 'relay' is not publisher or subscriber");
  EXPECT_EQ(error({"--listen", "1:0", "--client", "publisher", "--tls-cert", "a"}),
            "--tls-cert and --tls-key go together");
  EXPECT_NE(error({"--listen", "localhost", "--client", "publisher"}), "");
  EXPECT_EQ(error({"--help"}), "");
  EXPECT_EQ(error({"--list"}), "");
}

}  // namespace
}  // namespace moq::conformance

#include "moq/bench/scenario.h"

#include <gtest/gtest.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace moq::bench {
namespace {

/// The scenario of a command line, or the error's text.
Result<Scenario> parse(std::vector<std::string> arguments) {
  CLI::App app;
  app::Settings settings(app);
  Scenario scenario;
  scenario.add(settings);
  std::ranges::reverse(arguments);
  app.parse(std::move(arguments));
  MOQ_CHECK(settings.apply());
  MOQ_CHECK(scenario.check());
  return scenario;
}

TEST(Scenario, APresetIsChangedByTheFlagsBesideIt) {
  const auto scenario = parse({"--fps", "25", "--preset", "hd", "--frame-bytes", "100-200"});
  ASSERT_TRUE(scenario) << scenario.error().text;
  EXPECT_EQ(scenario->publishers, 10);
  EXPECT_EQ(scenario->fps, 25);
  EXPECT_EQ(scenario->frame_bytes, (Range{100, 200}));
}

TEST(Scenario, EveryPresetMakesSense) {
  for (const auto* name : {"fanout", "hd", "sd", "audio", "chat", "announce", "idle"}) {
    const auto scenario = parse({"--preset", name});
    EXPECT_TRUE(scenario) << name;
  }
}

TEST(Scenario, SaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--preset", "uhd"}, "'uhd' is not one of fanout, hd"},
      {{"--subscribers", "-1"}, "'-1' is not a number up to 1000000"},
      {{"--subscribers", "1000001"}, "is not a number up to 1000000"},
      {{"--fps", "fast"}, "'fast' is not a number from 0 to 100000"},
      {{"--frame-bytes", "9-3"}, "'9-3' is neither a number nor a range"},
      {{"--frame-bytes", "19"}, "--frame-bytes goes from 20 to"},
      {{"--group-frames", "0"}, "--group-frames is at least 1"},
      {{"--duration", "0"}, "--duration is more than 0"},
      {{"--publishers", "0"}, "subscribers need a publisher"},
      {{"--subscriptions", "2"}, "fewer broadcasts than --subscriptions"},
  };
  for (const auto& [arguments, text] : cases) {
    const auto scenario = parse(arguments);
    ASSERT_FALSE(scenario) << text;
    EXPECT_NE(scenario.error().describe().find(text), std::string::npos)
        << scenario.error().describe();
  }
}

TEST(Range, PicksWithin) {
  SeededRandom random(1);
  const Range range{3, 5};
  bool seen[6] = {};
  for (int i = 0; i < 100; ++i) seen[range.pick(random)] = true;
  EXPECT_TRUE(seen[3] && seen[4] && seen[5]);
  EXPECT_EQ(range.text(), "3-5");
}

}  // namespace
}  // namespace moq::bench

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
  EXPECT_EQ(scenario->publishers, (Range{10, 10}));
  EXPECT_EQ(scenario->fps, (RateRange{25, 25}));
  EXPECT_EQ(scenario->frame_bytes, (Range{100, 200}));
}

TEST(Scenario, EveryPresetMakesSense) {
  for (const auto* name : {"fanout", "hd", "sd", "audio", "chat", "announce", "idle", "join"}) {
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
      {{"--fps", "nan"}, "'nan' is not a number from 0 to 100000"},
      {{"--fps", "1e6"}, "'1e6' is not a number from 0 to 100000"},
      {{"--fps", "30-20.5"}, "'30-20.5' goes downwards"},
      {{"--publishers", "2000", "--broadcasts", "1-1000"}, "more than 1000000 broadcasts"},
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

TEST(Cast, DrawsWithinTheRangesAndAlikeForOneSeed) {
  const auto scenario =
      parse({"--publishers", "3-5", "--broadcasts", "2-4", "--subscribers", "10-20",
             "--subscriptions", "1-6", "--fps", "0.5-30", "--watchers", "7"});
  ASSERT_TRUE(scenario) << scenario.error().text;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Cast cast = Cast::draw(*scenario, seed);
    EXPECT_TRUE(cast.publishers.size() >= 3 && cast.publishers.size() <= 5);
    EXPECT_TRUE(cast.subscribers.size() >= 10 && cast.subscribers.size() <= 20);
    EXPECT_EQ(cast.watchers, 7);
    std::uint64_t broadcasts = 0;
    for (const Cast::Publisher& publisher : cast.publishers) {
      EXPECT_EQ(publisher.first, broadcasts);
      EXPECT_TRUE(publisher.broadcasts >= 2 && publisher.broadcasts <= 4);
      EXPECT_TRUE(publisher.fps >= 0.5 && publisher.fps <= 30);
      broadcasts += publisher.broadcasts;
    }
    EXPECT_EQ(cast.broadcasts, broadcasts);
    const Cast again = Cast::draw(*scenario, seed);
    EXPECT_EQ(again.frames_per_s, cast.frames_per_s);
    EXPECT_EQ(again.connections(), cast.connections());
  }
}

TEST(Cast, KnowsTheFramesThatSubscriptionsAreOwed) {
  const auto scenario = parse({"--publishers", "3", "--broadcasts", "2", "--subscribers", "5",
                               "--subscriptions", "4", "--fps", "10"});
  ASSERT_TRUE(scenario) << scenario.error().text;
  const Cast cast = Cast::draw(*scenario, 1);
  EXPECT_EQ(cast.frames_per_s, 5 * 4 * 10);
  EXPECT_EQ(cast.subscribers[1].first, 4);
  EXPECT_EQ(cast.subscribers[2].first, 2);  // 8 of 6.
}

}  // namespace
}  // namespace moq::bench

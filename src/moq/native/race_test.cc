#include "moq/native/internal/race.h"

#include <gtest/gtest.h>

#include "moq/sim/world.h"

namespace moq::native {
namespace {

/// Dials that take as long, and end, as told by the address's port.
class RaceTest : public testing::Test {
 protected:
  static constexpr std::uint16_t kSilent = 1;
  static constexpr std::uint16_t kRefusesAfter10ms = 2;
  static constexpr std::uint16_t kAnswersAfter400ms = 3;

  static transport::SocketAddress address(std::uint16_t port) {
    return *transport::SocketAddress::parse("10.0.0.1:" + std::to_string(port));
  }
  Race race(const std::vector<std::uint16_t>& ports, const RaceOptions& options) {
    std::vector<transport::SocketAddress> addresses;
    for (const std::uint16_t port : ports) addresses.push_back(address(port));
    return {world, std::move(addresses), options,
            [this](const transport::SocketAddress& to) { return dial(to); }};
  }
  kio::Task<Race::Dialed> dial(transport::SocketAddress to) {
    dialed.emplace_back(to.port, world.now() - began);
    if (to.port == kSilent) co_await kio::sleep(world, 1h);
    co_await kio::sleep(world, to.port == kAnswersAfter400ms ? 400ms : 10ms);
    if (to.port == kAnswersAfter400ms) co_return Race::Dialed(nullptr);
    co_return fail(Code::refused, "nothing listens there");
  }
  /// What became of `race` within `limit`.
  std::optional<Race::Dialed> run(Race& race, Duration limit) {
    auto running = world.spawn([](Race& the_race) -> kio::Task<Race::Dialed> {
      auto out =
          co_await kio::wait([&](const kio::Waiter& waiter) { return the_race.poll(waiter); });
      co_return out;
    }(race));
    world.run_for(limit);
    auto joined = running.poll_join(kio::Waiter::none());
    if (joined.pending()) return std::nullopt;
    return *std::move(joined);
  }

  using Dials = std::vector<std::pair<std::uint16_t, Duration>>;
  sim::World world;
  TimePoint began = world.now();
  Dials dialed;
};

TEST_F(RaceTest, TheNextAddressStartsAfterAWhileAndTheFirstAnswerWins) {
  Race two = race({kSilent, kAnswersAfter400ms}, {.stagger = 250ms});
  const auto ended = run(two, 700ms);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(*ended);
  EXPECT_EQ(dialed, (Dials{{kSilent, 0ms}, {kAnswersAfter400ms, 250ms}}));
}

TEST_F(RaceTest, WithoutAStaggerAllStartAtOnce) {
  Race three = race({kSilent, kSilent, kAnswersAfter400ms}, {.stagger = Duration::zero()});
  const auto won = run(three, 401ms);
  ASSERT_TRUE(won);
  EXPECT_TRUE(*won);
  EXPECT_EQ(dialed, (Dials{{kSilent, 0ms}, {kSilent, 0ms}, {kAnswersAfter400ms, 0ms}}));
}

TEST_F(RaceTest, AFailureStartsTheNextAddressAtOnce) {
  Race two = race({kRefusesAfter10ms, kAnswersAfter400ms}, {.stagger = 250ms});
  const auto ended = run(two, 500ms);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(*ended);
  EXPECT_EQ(dialed, (Dials{{kRefusesAfter10ms, 0ms}, {kAnswersAfter400ms, 10ms}}));
  EXPECT_EQ(two.refused(), address(kRefusesAfter10ms));
}

TEST_F(RaceTest, FailsOnceEachAddressHas) {
  Race two = race({kRefusesAfter10ms, kRefusesAfter10ms}, {.stagger = 250ms});
  const auto ended = run(two, 500ms);
  ASSERT_TRUE(ended);
  ASSERT_FALSE(*ended);
  EXPECT_EQ(ended->error().code, Code::refused);
  EXPECT_NE(ended->error().text.find("every address failed; "), std::string::npos);
}

TEST_F(RaceTest, WhatStaysSilentIsDialledAnewBesideAFewTimes) {
  Race one = race({kSilent}, {.beside_after = 1s});
  EXPECT_FALSE(run(one, 30s));
  EXPECT_EQ(dialed, (Dials{{kSilent, 0s}, {kSilent, 1s}, {kSilent, 2s}, {kSilent, 3s}}));
  ASSERT_EQ(dialed.size(), 1 + kMaxBeside);
}

TEST_F(RaceTest, WhatHasFailedIsNotDialledAnew) {
  Race two = race({kRefusesAfter10ms, kSilent}, {.beside_after = 1s});
  EXPECT_FALSE(run(two, 1500ms));
  EXPECT_EQ(dialed, (Dials{{kRefusesAfter10ms, 0s}, {kSilent, 10ms}, {kSilent, 1010ms}}));
}

TEST_F(RaceTest, WithoutThatOptionItWaits) {
  Race one = race({kSilent}, {});
  EXPECT_FALSE(run(one, 30s));
  EXPECT_EQ(dialed.size(), 1U);
}

}  // namespace
}  // namespace moq::native

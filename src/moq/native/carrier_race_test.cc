#include "moq/native/internal/carrier_race.h"

#include <gtest/gtest.h>

#include "moq/native/internal/terminal.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

/// How a carrier fares: after `takes`, with a value or an error.
struct Fate {
  Duration takes;
  Result<std::string> result;
};

class CarrierRaceTest : public testing::Test {
 protected:
  kio::Task<Result<std::string>> dial(Fate fate, std::optional<Duration>& begun) {
    begun = world.elapsed();
    co_await kio::sleep(world, fate.takes);
    co_return fate.result;
  }
  kio::Task<Result<std::string>> run(Fate quic, Fate websocket, Duration head_start) {
    CarrierRace<std::string> race(world, dial(std::move(quic), quic_begun),
                                  dial(std::move(websocket), websocket_begun), head_start);
    auto result =
        co_await kio::wait([&race](const kio::Waiter& waiter) { return race.poll(waiter); });
    websocket_won = race.websocket_won();
    co_return result;
  }
  Result<std::string> race(Fate quic, Fate websocket, Duration head_start = 200ms) {
    return world.run(run(std::move(quic), std::move(websocket), head_start));
  }
  sim::World world;
  std::optional<Duration> quic_begun;
  std::optional<Duration> websocket_begun;
  bool websocket_won = false;
};

TEST_F(CarrierRaceTest, QuicWinsWithinItsHeadStart) {
  EXPECT_EQ(race({199ms, "quic"}, {0ms, "websocket"}), "quic");
  EXPECT_EQ(world.elapsed(), 199ms);
  EXPECT_FALSE(websocket_begun) << "nobody is bothered";
  EXPECT_FALSE(websocket_won);
}

TEST_F(CarrierRaceTest, WebSocketWinsWhereQuicIsSwallowed) {
  EXPECT_EQ(race({1h, "quic"}, {30ms, "websocket"}), "websocket");
  EXPECT_EQ(quic_begun, 0ms);
  EXPECT_EQ(websocket_begun, 200ms);
  EXPECT_EQ(world.elapsed(), 230ms);
  EXPECT_TRUE(websocket_won);
}

TEST_F(CarrierRaceTest, QuicMayStillWinBesideIt) {
  EXPECT_EQ(race({300ms, "quic"}, {200ms, "websocket"}), "quic");
  EXPECT_FALSE(websocket_won);
}

TEST_F(CarrierRaceTest, WithoutHeadStartBothBeginAtOnce) {
  EXPECT_EQ(race({1h, "quic"}, {30ms, "websocket"}, 0ms), "websocket");
  EXPECT_EQ(websocket_begun, 0ms);
}

TEST_F(CarrierRaceTest, AFailureDoesNotHurryTheOther) {
  EXPECT_EQ(race({10ms, fail(Code::refused)}, {30ms, "websocket"}), "websocket");
  EXPECT_EQ(websocket_begun, 200ms);
  EXPECT_EQ(race({3s, "quic"}, {1ms, fail(Code::refused)}), "quic");
  EXPECT_FALSE(websocket_won);
}

TEST_F(CarrierRaceTest, AWebSocketThatHangsIsGivenUpOnceItIsAlone) {
  const auto raced = race({10ms, fail(Code::refused)}, {1h, "websocket"});
  EXPECT_EQ(raced.error().code, Code::refused);
  EXPECT_EQ(raced.error().text,
            "QUIC: connection refused; WebSocket: timed out: no session in time");
  EXPECT_EQ(world.elapsed(), 200ms + kWebSocketAlone);
}

TEST_F(CarrierRaceTest, AWebSocketHasItsTimeAfterALateFailureOfQuic) {
  EXPECT_EQ(race({20s, fail(Code::timeout)}, {29s, "websocket"}), "websocket");
  EXPECT_EQ(world.elapsed(), 200ms + 29s);
}

TEST_F(CarrierRaceTest, TheErrorNamesBothAttempts) {
  const auto raced =
      race({1ms, fail(Code::timeout, "no answer")}, {1ms, fail(Code::refused, "tcp")});
  ASSERT_FALSE(raced);
  EXPECT_EQ(raced.error().code, Code::timeout);
  EXPECT_EQ(raced.error().text, "QUIC: timed out: no answer; WebSocket: connection refused: tcp");
}

TEST_F(CarrierRaceTest, ARefusalIsOneOnlyIfBothRefuse) {
  const Error refusal(Code::unauthorized, "HTTP status 401", 401);
  const auto code = [&](Error quic, Error websocket) {
    return both_failed(std::move(quic), std::move(websocket)).code;
  };
  EXPECT_EQ(code(refusal, Error(Code::refused)), Code::refused);
  EXPECT_EQ(code(Error(Code::timeout), refusal), Code::timeout);
  EXPECT_EQ(code(refusal, refusal), Code::unauthorized);
  EXPECT_TRUE(is_terminal(both_failed(refusal, Error(Code::rejected))));
  EXPECT_EQ(both_failed(refusal, refusal).wire, 401U);
}

}  // namespace
}  // namespace moq::native

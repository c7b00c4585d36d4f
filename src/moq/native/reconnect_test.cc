#include "moq/native/reconnect.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "moq/sim/world.h"

namespace moq::native {
namespace {

/// The hands of a test on one session.
struct Session {
  std::optional<Error> closed;
  bool suspect = false;
  std::optional<std::string> goaway;
  std::optional<Error> closed_by_us;
  bool dropped = false;
  kio::WaiterList on_change;

  void end(Error error) {
    closed = std::move(error);
    on_change.wake();
  }
  void set_suspect(bool value) {
    suspect = value;
    on_change.wake();
  }
  void drain(std::string uri) {
    goaway = std::move(uri);
    on_change.wake();
  }
};

class ScriptedLink final : public Link {
 public:
  explicit ScriptedLink(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~ScriptedLink() override { session_->dropped = true; }

  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) override {
    session_->on_change.add(waiter);
    if (session_->closed) return *session_->closed;
    return kio::kPending;
  }
  kio::Poll<kio::Unit> poll_suspect(const kio::Waiter& waiter) override {
    session_->on_change.add(waiter);
    if (session_->suspect) return kio::Unit{};
    return kio::kPending;
  }
  kio::Poll<kio::Unit> poll_alive(const kio::Waiter& waiter) override {
    session_->on_change.add(waiter);
    if (!session_->suspect) return kio::Unit{};
    return kio::kPending;
  }
  kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) override {
    session_->on_change.add(waiter);
    if (session_->goaway) return *session_->goaway;
    return kio::kPending;
  }
  void close(const Error& error) override { session_->closed_by_us = error; }

 private:
  std::shared_ptr<Session> session_;
};

/// What becomes of the dials, one after the other; after the script all fail as the last line says.
struct Script {
  explicit Script(sim::World& the_world) : world(the_world) {}
  sim::World& world;
  std::deque<Result<Duration>> dials;  ///< How long the session lives, 0 = until told; or why not.
  Error otherwise{Code::timeout, "no answer"};
  Duration dial_takes{};
  std::vector<Duration> dialed_at;
  std::vector<std::shared_ptr<Session>> sessions;
  std::vector<std::string> redirects;
  std::optional<Duration> listens_again;  ///< After a refusal.
};

class ScriptedDialer final : public Dialer {
 public:
  explicit ScriptedDialer(Script& script) : script_(script) {}

  kio::Task<Result<std::unique_ptr<Link>>> dial() override {
    script_.dialed_at.push_back(script_.world.elapsed());
    co_await kio::sleep(script_.world, script_.dial_takes);
    if (script_.dials.empty()) co_return std::unexpected(script_.otherwise);
    const Result<Duration> next = script_.dials.front();
    script_.dials.pop_front();
    if (!next) co_return std::unexpected(next.error());
    auto session = std::make_shared<Session>();
    script_.sessions.push_back(session);
    if (*next > Duration::zero()) {
      script_.world.after(*next, [session] { session->end(Error(Code::transport, "gone")); });
    }
    std::unique_ptr<Link> link = std::make_unique<ScriptedLink>(session);
    co_return std::move(link);
  }
  kio::Task<void> listening_again() override {
    co_await kio::sleep(script_.world, script_.listens_again.value_or(24h));
  }
  Result<void> redirect(const std::string& uri) override {
    script_.redirects.push_back(uri);
    return {};
  }

 private:
  Script& script_;
};

constexpr Backoff kBackoff{.initial = 1s, .multiplier = 2, .max = 5s, .timeout = 10s, .jitter = 0};

struct Bench {
  sim::World world;
  Script script{world};
  std::optional<Reconnect> reconnect;

  void start(const Backoff& backoff = kBackoff, Duration handover = kHandoverGrace) {
    reconnect.emplace(world, world, std::make_unique<ScriptedDialer>(script), backoff, handover);
  }
  Error until_over() {
    auto watch = reconnect->watch();
    auto wait = [](Reconnect::Watch& handle) -> kio::Task<Result<void>> {
      co_return co_await handle.closed();
    };
    return world.run(wait(watch)).error();
  }
};

TEST(Reconnect, RedialsAtOnceAfterAHealthySessionThenBacksOff) {
  Bench bench;
  bench.script.dials = {60s};
  bench.start();
  EXPECT_EQ(bench.until_over().code, Code::timeout);
  EXPECT_EQ(bench.script.dialed_at, (std::vector<Duration>{0s, 60s, 61s, 63s, 67s, 70s}));
  EXPECT_EQ(bench.reconnect->epoch(), 1U);
}

TEST(Reconnect, ASessionThatDiesAtOnceIsAFailedDial) {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.script.dials.emplace_back(10ms);
  bench.start();
  bench.until_over();
  EXPECT_LE(bench.script.dialed_at.size(), 6U) << "no tight loop";
}

TEST(Reconnect, UnauthorizedIsTerminalAtOnce) {
  Bench bench;
  bench.script.dials.emplace_back(std::unexpected(Error(Code::unauthorized, "no")));
  bench.start();
  EXPECT_EQ(bench.until_over().code, Code::unauthorized);
  EXPECT_EQ(bench.script.dialed_at.size(), 1U);
}

TEST(Reconnect, UnauthorizedEndsALongSessionForGood) {
  Bench bench;
  bench.script.dials.emplace_back(Duration::zero());
  bench.start();
  bench.world.run_for(1h);
  bench.script.sessions.at(0)->end(Error(Code::unauthorized, "lease over"));
  EXPECT_EQ(bench.until_over().code, Code::unauthorized);
  EXPECT_EQ(bench.script.dialed_at.size(), 1U);
}

TEST(Reconnect, TheFirstFailureIsVisibleBeforeAnySuccess) {
  Bench bench;
  bench.script.otherwise = Error(Code::name_not_found, "no such host");
  bench.start();
  bench.world.run_for(500ms);
  EXPECT_EQ(bench.reconnect->watch().last_error()->code, Code::name_not_found);
  EXPECT_EQ(bench.reconnect->epoch(), 0U);
}

TEST(Reconnect, StatusCollapsesAFlipAndFlipBack) {
  Bench bench;
  bench.script.dials = {Duration::zero(), Duration::zero()};
  bench.start();
  auto watch = bench.reconnect->watch();
  bench.world.run_until_idle();
  auto first = watch.poll_status(kio::Waiter::none());
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(**first, Status::connected);
  bench.world.run_for(5s);
  bench.script.sessions.at(0)->end(Error(Code::transport));
  bench.world.run_for(1s);
  EXPECT_TRUE(watch.poll_status(kio::Waiter::none()).pending()) << "it is connected again";
  EXPECT_EQ(watch.epoch(), 2U);
}

TEST(Reconnect, AnUnreportedChangeComesBeforeTheTerminalError) {
  Bench bench;
  bench.script.dials.emplace_back(Duration::zero());
  bench.start();
  auto watch = bench.reconnect->watch();
  bench.world.run_until_idle();
  (void)watch.poll_status(kio::Waiter::none());
  bench.script.sessions.at(0)->end(Error(Code::unauthorized));
  bench.world.run_until_idle();
  auto change = watch.poll_status(kio::Waiter::none());
  ASSERT_TRUE(change && *change);
  EXPECT_EQ(**change, Status::disconnected);
  auto last = watch.poll_status(kio::Waiter::none());
  ASSERT_TRUE(last);
  ASSERT_FALSE(*last);
  EXPECT_EQ(last->error().code, Code::unauthorized);
}

TEST(Reconnect, DroppingTheHandleStopsItAndIsNoError) {
  Bench bench;
  bench.script.dials.emplace_back(Duration::zero());
  bench.start();
  auto watch = bench.reconnect->watch();
  bench.world.run_until_idle();
  bench.reconnect.reset();
  auto closed = watch.poll_closed(kio::Waiter::none());
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->has_value());
  EXPECT_TRUE(bench.script.sessions.at(0)->dropped);
  bench.world.run_for(1min);
  EXPECT_EQ(bench.script.dialed_at.size(), 1U);
}

TEST(Reconnect, DialsBesideASuspectSessionAndTheFirstThatAnswersWins) {
  Bench bench;
  bench.script.dials = {Duration::zero(), Duration::zero()};
  bench.script.dial_takes = 100ms;
  bench.start();
  bench.world.run_for(10s);
  bench.script.sessions.at(0)->set_suspect(true);
  bench.world.run_for(200ms);
  EXPECT_EQ(bench.reconnect->epoch(), 2U);
  EXPECT_TRUE(bench.script.sessions.at(0)->closed_by_us);
}

TEST(Reconnect, ASessionThatRecoversKeepsItsEpoch) {
  Bench bench;
  bench.script.dials = {Duration::zero(), Duration::zero()};
  bench.script.dial_takes = 100ms;
  bench.start();
  bench.world.run_for(10s);
  bench.script.sessions.at(0)->set_suspect(true);
  bench.world.run_for(50ms);
  bench.script.sessions.at(0)->set_suspect(false);
  bench.world.run_for(10s);
  EXPECT_EQ(bench.reconnect->epoch(), 1U);
  EXPECT_FALSE(bench.script.sessions.at(0)->dropped);
}

TEST(Reconnect, GoawayMovesBeforeTheOldSessionCloses) {
  Bench bench;
  bench.script.dials = {Duration::zero(), Duration::zero()};
  bench.start();
  bench.world.run_for(10s);
  bench.script.sessions.at(0)->drain("https://other/");
  bench.world.run_for(1s);
  EXPECT_EQ(bench.reconnect->epoch(), 2U);
  EXPECT_EQ(bench.script.redirects, (std::vector<std::string>{"https://other/"}));
  EXPECT_FALSE(bench.script.sessions.at(0)->dropped) << "it serves on for a while";
  bench.world.run_for(kHandoverGrace);
  EXPECT_TRUE(bench.script.sessions.at(0)->closed_by_us);
}

TEST(Reconnect, TheOldSessionServesNoLongerThanTheHandover) {
  Bench bench;
  bench.script.dials = {Duration::zero(), Duration::zero()};
  bench.start(kBackoff, 2s);
  bench.world.run_for(10s);
  bench.script.sessions.at(0)->drain("");
  bench.world.run_for(1s);
  EXPECT_FALSE(bench.script.sessions.at(0)->closed_by_us);
  bench.world.run_for(2s);
  EXPECT_TRUE(bench.script.sessions.at(0)->closed_by_us);
}

TEST(Reconnect, ComesBackAsSoonAsSomebodyListensAgain) {
  Bench bench;
  bench.script.dials = {60s, std::unexpected(Error(Code::refused)), 60s};
  bench.script.listens_again = 300ms;
  bench.start();
  bench.world.run_for(61s);
  EXPECT_EQ(bench.script.dialed_at, (std::vector<Duration>{0s, 60s, 60s + 300ms}));
}

TEST(Reconnect, JitterSpreadsClients) {
  std::set<Duration> second_dials;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    sim::World world(seed);
    Script script(world);
    Backoff backoff = kBackoff;
    backoff.jitter = 0.5;
    const Reconnect reconnect(world, world, std::make_unique<ScriptedDialer>(script), backoff);
    world.run_for(2s);
    const Duration second = script.dialed_at.at(1);
    EXPECT_GE(second, 500ms);
    EXPECT_LE(second, 1s);
    second_dials.insert(second);
  }
  EXPECT_GT(second_dials.size(), 45U);
}

TEST(Backoff, NamesAnUnusableSetting) {
  EXPECT_TRUE(Backoff{}.check());
  EXPECT_NE(Backoff{.initial = 1ms}.check().error().text.find("initial"), std::string::npos);
  EXPECT_NE(Backoff{.multiplier = 0.5}.check().error().text.find("multiplier"), std::string::npos);
  EXPECT_NE(Backoff{.max = 100ms}.check().error().text.find("max"), std::string::npos);
}

}  // namespace
}  // namespace moq::native

#include "moq/net/linger.h"

#include "moq/net/hostile_test_support.h"
#include "moq/net/lite/announce.h"
#include "moq/net/model_test_support.h"

namespace moq::net::hostile {
namespace {

/// A client that reads what a server has, one session after the other.
struct Outages {
  explicit Outages(Version version_to_speak) : version(version_to_speak) {}

  struct Connected {
    sim::PairControl control;
    Session near;
    Session far;
  };
  Connected connect() {
    auto pair = sim::session_pair(world, pair_options(version));
    SessionOptions client;
    client.subscribe = near.clone();
    if (both_ways) client.publish = near.consume();
    client.linger = linger;
    const std::vector<Version> versions = {version};
    auto dialling = world.spawn(net::connect({world, world}, std::move(pair.client),
                                             std::move(client), std::nullopt, versions));
    auto request = world.run(net::accept({world, world}, std::move(pair.server), versions));
    SessionOptions server;
    server.publish = far.consume();
    if (both_ways) server.subscribe = echo.clone();
    auto accepted = std::move(*request).accept(std::move(server));
    auto dialled =
        wait_for(world, [&](const kio::Waiter& waiter) { return dialling.poll_join(waiter); });
    world.run_for(100ms);
    return {pair.control, *std::move(dialled), std::move(accepted)};
  }
  /// The server's process dies, and starts again with an empty origin.
  void crash() {
    session->control.kill(sim::Side::server, Error(Code::transport, "reset"));
    session.reset();
    announcement.reset();
    world.run_for(1s);
  }
  void announce() { announcement = *far.announce(path, broadcast.consume(), route); }
  /// What a watcher was told since: "+", "-", "!" for a restart, "~" for another route.
  std::string seen() {
    std::string all;
    while (auto update = watch.poll_next(kio::Waiter::none())) {
      if (!update->route) {
        all += '-';
        known = false;
      } else if (!std::exchange(known, true)) {
        all += '+';
      } else {
        all += update->restarted ? '!' : '~';
      }
    }
    return all;
  }

  sim::World world;
  Version version;
  bool both_ways = false;
  const Path path = Path::of("room/a");
  const Route route{.hops = {0x7777}};
  origin::Producer far{0x1111};
  origin::Producer near{0x2222};
  origin::Producer echo{0x3333};
  std::shared_ptr<Linger> linger = std::make_shared<Linger>();
  origin::Announced watch = near.consume().announced();
  bool known = false;
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video", {.max_age = 1min});
  std::optional<origin::Announcement> announcement;
  std::optional<Connected> session;
};

class LingerEach : public testing::TestWithParam<Version> {
 protected:
  void SetUp() override {
    outages.announce();
    outages.session = outages.connect();
    ASSERT_EQ(outages.seen(), "+");
  }
  Outages outages{GetParam()};
};

TEST_P(LingerEach, WatchersSeeNothingOfAnOutageAndReadersGoOn) {
  auto found = outages.near.consume().find(outages.path);
  ASSERT_TRUE(found);
  auto reader = found->subscribe("video", {.max_age = 1min});
  outages.world.run_for(100ms);
  write_group(outages.track, 0, 1000);
  outages.world.run_for(100ms);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  outages.crash();
  write_group(outages.track, 1, 2000);
  outages.world.run_for(5min);
  EXPECT_EQ(outages.seen(), "");

  auto again = outages.near.consume().find(outages.path);
  ASSERT_TRUE(again);
  auto late = again->subscribe("video", {.max_age = 1min});
  outages.announce();
  outages.session = outages.connect();
  outages.world.run_for(10s);
  EXPECT_EQ(take_sequences(reader), (Sequences{1}));
  EXPECT_FALSE(take_sequences(late).empty());
  EXPECT_EQ(outages.seen(), "");
  EXPECT_EQ(outages.linger->size(), 0U);
}

TEST_P(LingerEach, HoweverTheSessionIsLost) {
  for (int way = 0; way < 5; ++way) {
    SCOPED_TRACE(way);
    auto& session = *outages.session;
    if (way == 0) session.control.partition();  // Until the idle timeout.
    if (way == 1) session.far.close();
    if (way == 2) session.far.close(Error(Code::internal, "shutting down"));
    if (way == 3) session.near.close(Error(Code::closed, "replaced"));
    if (way == 4) session.control.kill(sim::Side::server, Error(Code::refused));
    if (way == 3) outages.session.reset();  // Its handle goes at once.
    outages.world.run_for(30s);
    EXPECT_EQ(outages.linger->size(), 1U);
    outages.session.reset();
    EXPECT_EQ(outages.seen(), "");
    outages.session = outages.connect();
    outages.world.run_for(10s);
    EXPECT_EQ(outages.seen(), "");
    EXPECT_EQ(outages.linger->size(), 0U);
  }
}

TEST_P(LingerEach, WhatIsNotAnnouncedAnewIsOverAfterTheGrace) {
  outages.crash();
  outages.session = outages.connect();
  outages.world.run_for(kLingerGrace - 200ms);
  EXPECT_EQ(outages.seen(), "");
  outages.world.run_for(200ms);
  EXPECT_EQ(outages.seen(), "-");
  EXPECT_FALSE(outages.near.consume().find(outages.path));
}

TEST_P(LingerEach, WhatComesBackWithinTheGraceWasNeverGone) {
  outages.crash();
  outages.session = outages.connect();
  outages.world.run_for(kLingerGrace - 300ms);
  outages.announce();
  outages.world.run_for(1min);
  EXPECT_EQ(outages.seen(), "");
}

TEST_P(LingerEach, ASessionThatDiesInTheGraceDecidesNothing) {
  outages.crash();
  for (int i = 0; i < 3; ++i) {
    outages.session = outages.connect();
    outages.world.run_for(kLingerGrace - 300ms);
    outages.crash();
    outages.world.run_for(1min);
    EXPECT_EQ(outages.seen(), "");
  }
}

TEST_P(LingerEach, WhatIsTakenBackIsOverAtOnce) {
  outages.announcement.reset();
  outages.world.run_for(100ms);
  EXPECT_EQ(outages.seen(), "-");
  EXPECT_EQ(outages.linger->size(), 0U);
}

TEST_P(LingerEach, WhatIsTakenBackDoesNotLingerOfTheSessionBeforeEither) {
  auto next = outages.connect();
  outages.session->near.close(Error(Code::closed, "replaced"));
  outages.session.reset();
  outages.world.run_for(100ms);
  ASSERT_EQ(outages.linger->size(), 1U);
  (void)outages.seen();
  outages.announcement.reset();
  outages.world.run_for(100ms);
  EXPECT_EQ(outages.seen(), "-");
}

TEST_P(LingerEach, GivingUpEndsAllAtOnce) {
  outages.crash();
  outages.world.run_for(1min);
  EXPECT_EQ(outages.seen(), "");
  outages.linger->end();
  EXPECT_EQ(outages.seen(), "-");
  // Nor is a session missed that ends later.
  outages.announce();
  outages.session = outages.connect();
  EXPECT_EQ(outages.seen(), "+");
  outages.crash();
  EXPECT_EQ(outages.seen(), "-");
}

TEST_P(LingerEach, AnyLiveRouteIsBetter) {
  outages.crash();
  broadcast::Producer local;
  const Route costly{.hops = {0x7777, 0, 5}, .warm_cost = kMaxCost, .cold_cost = kMaxCost};
  auto own = *outages.near.announce(outages.path, local.consume(), costly);
  EXPECT_EQ(outages.seen(), "!");
  auto found = outages.near.consume().find(outages.path);
  EXPECT_TRUE(found->same_broadcast(local.consume()));
}

TEST_P(LingerEach, AnotherPublisherIsARestart) {
  if (!has_hop_ids(GetParam()) || is_moqt(GetParam())) GTEST_SKIP() << "tells no hops";
  outages.crash();
  broadcast::Producer other;
  outages.announcement = *outages.far.announce(outages.path, other.consume(), {.hops = {0x8888}});
  outages.session = outages.connect();
  outages.world.run_for(1min);
  EXPECT_EQ(outages.seen(), "!");
}

TEST_P(LingerEach, AHandoverAfterAGoawayShowsOnlyTheRoutes) {
  if (!has_goaway(GetParam())) GTEST_SKIP() << "has no GOAWAY";
  outages.session->far.goaway("");
  outages.world.run_for(100ms);
  outages.crash();  // Before there is another.
  outages.announce();
  outages.session = outages.connect();
  outages.session->far.goaway("");
  outages.world.run_for(10s);
  {
    auto next = outages.connect();
    outages.world.run_for(10s);
    std::swap(*outages.session, next);
    next.near.close(Error(Code::closed, "moved on"));
    outages.world.run_for(100ms);
  }
  outages.world.run_for(1min);
  const std::string seen = outages.seen();
  EXPECT_EQ(seen.find_first_not_of('~'), std::string::npos) << seen;
  EXPECT_EQ(outages.linger->size(), 0U);
}

TEST_P(LingerEach, IsNotToldToThePeerThatItCameFrom) {
  Outages loop(GetParam());
  loop.both_ways = true;
  loop.announce();
  loop.session = loop.connect();
  loop.crash();
  loop.session = loop.connect();
  loop.world.run_for(1s);
  EXPECT_EQ(loop.linger->size(), 1U);
  EXPECT_FALSE(loop.echo.consume().find(loop.path));
}

TEST_P(LingerEach, APeerThatDoesNotTellAllItPromisedIsNotWaitedForWithoutEnd) {
  if (!has_announce_ok(GetParam()) || is_moqt(GetParam())) GTEST_SKIP() << "promises nothing";
  Stage stage(GetParam());
  origin::Producer origin{0x4444};
  auto linger = std::make_shared<Linger>();
  linger->keep(linger->begin(), outages.path, *origin.add_route(outages.path, outages.route));
  SessionOptions options;
  options.subscribe = origin.clone();
  options.linger = linger;
  Attacker peer(stage, false, std::move(options));
  peer.greet();
  peer.accept();
  auto stream = *wait_for(
      stage.world, [&](const kio::Waiter& waiter) { return peer.raw->poll_accept_bidi(waiter); });
  lite::AnnounceOk ok;
  ok.hop = 0x5555;
  ok.active = 2;
  stream.send->write(lite::encode_message(ok, GetParam()));
  stage.world.run_for(kInitialSetLimit - 1s);
  EXPECT_EQ(linger->size(), 1U);
  stage.world.run_for(2s);
  EXPECT_EQ(linger->size(), 0U);
  EXPECT_TRUE(peer.alive());
}

INSTANTIATE_TEST_SUITE_P(Lite, LingerEach,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06,
                                         Version::moqt_14, Version::moqt_16, Version::moqt_18,
                                         Version::moqt_22),
                         version_name);

TEST(LingerLimits, SoManyBroadcastsLingerAndNoMore) {
  origin::Producer origin{0x4444};
  Linger linger;
  const std::uint64_t session = linger.begin();
  for (std::size_t i = 0; i <= kMaxLingering; ++i) {
    const Path path = Path::of("b" + std::to_string(i));
    linger.keep(session, path, *origin.add_route(path, {.hops = {7}}));
  }
  EXPECT_EQ(linger.size(), kMaxLingering);
  EXPECT_FALSE(origin.consume().find(Path::of("b" + std::to_string(kMaxLingering))));
  EXPECT_TRUE(origin.consume().find(Path::of("b0")));
}

}  // namespace
}  // namespace moq::net::hostile

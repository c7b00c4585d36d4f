// Broadcasts over the restart of a server, as a client that reconnects sees them.
#include <gtest/gtest.h>

#include <set>

#include "moq/native/server.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

const transport::quic::Identity& identity() {
  static const transport::quic::Identity kIdentity = [] {
    transport::quic::GenerateOptions options;
    options.names = {"10.0.0.1"};
    return *transport::quic::Identity::generate(options);
  }();
  return kIdentity;
}

class LingerTest : public testing::Test {
 protected:
  /// A server process, which can be ended without a word.
  struct Process {
    Process(sim::World& world, sim::Host& host, io::Resolver& resolver,
            net::origin::Producer& origin)
        : server(*Server::create({world, host, resolver, world}, options(host))),
          serving(world.spawn(serve(server, origin, sessions))) {}
    static ServerOptions options(sim::Host& host) {
      transport::quic::ServerTlsOptions tls;
      tls.identities = {identity()};
      return {host.address(4443), *transport::quic::ServerTls::create(std::move(tls))};
    }
    static kio::Task<void> serve(Server& from, net::origin::Producer& origin,
                                 std::vector<net::Session>& sessions) {
      for (;;) {
        auto request = co_await from.accept();
        if (!request) co_return;
        net::SessionOptions options;
        options.publish = origin.consume();
        sessions.push_back(std::move(*request).accept(std::move(options)));
      }
    }
    std::vector<net::Session> sessions;
    Server server;
    kio::Spawned<void> serving;
  };

  void start(bool linger, const Backoff& backoff = Backoff{.timeout = 60s}) {
    process.emplace(world, far_host, resolver, far);
    ClientOptions options;
    options.tls.pins = {identity().fingerprint()};
    options.linger = linger;
    client.emplace(*Client::create({world, near_host, resolver, world}, std::move(options)));
    net::SessionOptions session;
    session.subscribe = near.clone();
    reconnect.emplace(
        client->reconnect(*Url::parse("moqt://10.0.0.1:4443/"), std::move(session), backoff));
    world.run_for(1s);
    ASSERT_EQ(reconnect->epoch(), 1U);
    ASSERT_EQ(seen(), "+a+b");
  }
  net::origin::Announcement announce(std::string_view path) {
    return *far.announce(net::Path::of(path), broadcast.consume(), {.hops = {0x7777}});
  }
  /// What a watcher was told since, in any order.
  std::string seen() {
    std::set<std::string> all;
    while (auto update = watch.poll_next(kio::Waiter::none())) {
      all.insert((update->route ? (update->restarted ? "!" : "+") : "-") + update->path.text());
    }
    std::string joined;
    for (const std::string& one : all) joined += one;
    return joined;
  }

  sim::World world;
  sim::Network network{world, {}};
  sim::Host& near_host = network.add_host("10.0.0.2");
  sim::Host& far_host = network.add_host("10.0.0.1");
  io::Resolver resolver;
  net::origin::Producer far{0x1111};
  net::origin::Producer near{0x2222};
  net::origin::Announced watch = near.consume().announced();
  net::broadcast::Producer broadcast;
  net::track::Producer track = *broadcast.create_track("video", {.max_age = 60s});
  std::optional<net::origin::Announcement> a = announce("a");
  std::optional<net::origin::Announcement> b = announce("b");
  std::optional<Process> process;
  std::optional<Client> client;
  std::optional<Reconnect> reconnect;
};

TEST_F(LingerTest, ARestartOfTheServerIsNotSeen) {
  start(true);
  // Dies without a word, and is up again after five seconds.
  auto reader = near.consume().find(net::Path::of("a"))->subscribe("video", {.max_age = 60s});
  world.run_for(1s);
  far_host.kill_sockets();
  process.reset();
  b.reset();
  world.run_for(5s);
  EXPECT_EQ(seen(), "");
  ASSERT_TRUE(track.write_frame(1000, Bytes::copy("x")));
  process.emplace(world, far_host, resolver, far);
  ASSERT_TRUE(world.run_until([&] { return reconnect->epoch() == 2; }, 30s));
  ASSERT_TRUE(
      world.run_until([&] { return reader.poll_next_group(kio::Waiter::none()).ready(); }, 2s));
  EXPECT_EQ(seen(), "");
  world.run_for(net::kLingerGrace + 100ms);
  EXPECT_EQ(seen(), "-b") << "it was not announced anew";
  world.run_for(60s);
  EXPECT_EQ(seen(), "");
}

TEST_F(LingerTest, ASilentPathIsNotSeenEither) {
  start(true);
  network.partition(near_host, far_host);
  world.run_for(20s);
  network.heal(near_host, far_host);
  ASSERT_TRUE(world.run_until([&] { return reconnect->epoch() >= 2; }, 30s));
  world.run_for(60s);
  EXPECT_EQ(seen(), "");
}

TEST_F(LingerTest, GivingUpEndsThem) {
  start(true, Backoff{.timeout = 10s});
  process.reset();
  world.run_for(5s);
  EXPECT_EQ(seen(), "");
  auto watching = reconnect->watch();
  ASSERT_TRUE(
      world.run_until([&] { return watching.poll_closed(kio::Waiter::none()).ready(); }, 60s));
  EXPECT_EQ(seen(), "-a-b");
}

TEST_F(LingerTest, SoDoesDroppingTheClient) {
  start(true);
  reconnect.reset();
  EXPECT_EQ(seen(), "-a-b");
}

TEST_F(LingerTest, AndDroppingItWhileThereIsNoSession) {
  start(true);
  process.reset();
  world.run_for(5s);
  EXPECT_EQ(seen(), "");
  reconnect.reset();
  EXPECT_EQ(seen(), "-a-b");
}

TEST_F(LingerTest, AndFinishing) {
  start(true);
  const auto finishing = world.spawn(reconnect->finish());
  world.run_for(100ms);
  EXPECT_EQ(seen(), "-a-b");
}

TEST_F(LingerTest, UnlessAskedForTheyEndWithTheirSession) {
  start(false);
  process.reset();
  world.run_for(100ms);
  EXPECT_EQ(seen(), "-a-b");
}

}  // namespace
}  // namespace moq::native

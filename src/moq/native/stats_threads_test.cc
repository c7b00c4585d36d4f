// Statistics of the sessions of a client, read on other threads.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "moq/native/server.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

class StatsTest : public testing::Test {
 protected:
  StatsTest() {
    transport::quic::GenerateOptions generate;
    generate.names = {"10.0.0.1"};
    identity = *transport::quic::Identity::generate(generate);
    serve();
    ClientOptions options;
    options.tls.pins = {identity->fingerprint()};
    client.emplace(*Client::create({world, near_host, resolver, world}, std::move(options)));
    announcement = *far.announce(net::Path::of("a"), broadcast.consume());
  }
  void serve() {
    transport::quic::ServerTlsOptions tls;
    tls.identities = {*identity};
    const ServerOptions listen(far_host.address(4443),
                               *transport::quic::ServerTls::create(std::move(tls)));
    server.emplace(*Server::create({world, far_host, resolver, world}, listen));
    serving = world.spawn(accept_all(this));
  }
  static kio::Task<void> accept_all(StatsTest* self) {
    for (;;) {
      auto request = co_await self->server->accept();
      if (!request) co_return;
      net::SessionOptions options;
      options.publish = self->far.consume();
      self->sessions.push_back(std::move(*request).accept(std::move(options)));
    }
  }
  void stop_serving() {
    serving.cancel();
    sessions.clear();
    far_host.kill_sockets();
    server.reset();
  }
  void connect(const char* url) {
    net::SessionOptions options;
    options.subscribe = near.clone();
    reconnect.emplace(
        client->reconnect(*Url::parse(url), std::move(options), Backoff{.timeout = 60s}));
    world.run_for(1s);
    ASSERT_EQ(reconnect->epoch(), 1U);
  }
  /// Sends a group of `bytes` to the client.
  void transfer(std::size_t bytes) {
    if (!reader) {
      reader = near.consume().find(net::Path::of("a"))->subscribe("video", {.max_age = 60s});
      world.run_for(1s);
    }
    ASSERT_TRUE(track.write_frame(++timestamp, Bytes::copy(std::string(bytes, 'x'))));
    world.run_for(5s);
  }

  sim::World world;
  sim::Network network{world, {.latency = 20ms}};
  sim::Host& near_host = network.add_host("10.0.0.2");
  sim::Host& far_host = network.add_host("10.0.0.1");
  io::Resolver resolver;
  std::optional<transport::quic::Identity> identity;
  net::origin::Producer far{0x1111};
  net::origin::Producer near{0x2222};
  net::broadcast::Producer broadcast;
  net::track::Producer track = *broadcast.create_track("video", {.max_age = 60s});
  std::uint64_t timestamp = 0;
  std::optional<net::origin::Announcement> announcement;
  std::optional<Server> server;
  std::vector<net::Session> sessions;
  kio::Spawned<void> serving;
  std::optional<Client> client;
  std::optional<Reconnect> reconnect;
  std::optional<net::track::Consumer> reader;
};

TEST_F(StatsTest, AreThoseOfTheSessionThatIsUp) {
  for (const auto& [url, carrier] : {std::pair("moqt://10.0.0.1:4443/", "quic"),
                                     std::pair("https://10.0.0.1:4443/", "webtransport")}) {
    connect(url);
    const Reconnect::StatsReader stats = reconnect->stats_reader();
    const auto first = stats.read();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->carrier, carrier);
    EXPECT_EQ(first->version, net::session_versions().front());
    ASSERT_TRUE(first->transport.rtt);
    EXPECT_NEAR(std::chrono::duration<double>(*first->transport.rtt).count(), 0.04, 0.01);
    EXPECT_TRUE(first->transport.send_rate_bps);
    EXPECT_GT(first->transport.packets_sent, 0u);

    transfer(1'000'000);
    const auto second = stats.read();
    ASSERT_TRUE(second);
    EXPECT_GT(second->transport.bytes_received, first->transport.bytes_received + 1'000'000);
    EXPECT_GT(second->transport.packets_received, first->transport.packets_received + 600);
    EXPECT_TRUE(second->recv_rate_bps) << "the first call had the peer asked";
    // The server's side of it: nothing is on its way.
    const auto served = sessions.back().stats_reader().read();
    ASSERT_TRUE(served);
    EXPECT_EQ(served->transport, sessions.back().stats());
    EXPECT_GT(served->transport.bytes_sent, 1'000'000u);
    EXPECT_EQ(served->transport.packets_sent, second->transport.packets_received);
    EXPECT_EQ(served->transport.packets_received, second->transport.packets_sent);
    reader.reset();
  }
}

TEST_F(StatsTest, ThereAreNoneBetweenSessions) {
  connect("moqt://10.0.0.1:4443/");
  const Reconnect::StatsReader stats = reconnect->stats_reader();
  transfer(100'000);
  ASSERT_TRUE(stats.read());
  stop_serving();
  ASSERT_TRUE(world.run_until([&] { return !stats.read(); }, 30s));
  serve();
  ASSERT_TRUE(world.run_until([&] { return reconnect->epoch() == 2; }, 30s));
  const auto next = stats.read();
  ASSERT_TRUE(next);
  EXPECT_LT(next->transport.bytes_received, 100'000u) << "it counts anew";
  reconnect.reset();
  EXPECT_FALSE(stats.read());
}

TEST_F(StatsTest, ThoseNotReadCostNoPackets) {
  connect("moqt://10.0.0.1:4443/");
  const auto packets_of_a_minute = [&] {
    world.run_for(9s);
    const auto before = sessions.back().stats();
    world.run_for(60s);
    return sessions.back().stats().packets_received - before.packets_received;
  };
  const std::uint64_t without = packets_of_a_minute();
  const Reconnect::StatsReader stats = reconnect->stats_reader();
  EXPECT_NEAR(static_cast<double>(packets_of_a_minute()), static_cast<double>(without), 2);
}

TEST_F(StatsTest, AreReadWhileTheSessionRuns) {
  /// A thread that reads until it is told to end, and what it has seen.
  struct Watcher {
    explicit Watcher(Reconnect::StatsReader stats) : thread([this, stats] { watch(stats); }) {}
    void watch(const Reconnect::StatsReader& stats) {
      std::uint64_t received = 0;
      while (!over) {
        const auto now = stats.read();
        const std::uint64_t total = now ? now->transport.bytes_received : 0;
        if (now && total < received) ADD_FAILURE() << "it went down";
        received = total;
        now ? ++reads : ++misses;
        std::this_thread::yield();
      }
    }
    std::atomic<bool> over = false;
    std::atomic<std::uint64_t> reads = 0;
    std::atomic<std::uint64_t> misses = 0;
    std::thread thread;
  };
  connect("moqt://10.0.0.1:4443/");
  Watcher one(reconnect->stats_reader());
  Watcher two(reconnect->stats_reader());
  // Real threads against virtual time: what comes next waits until both have looked.
  const auto both_see = [&](std::atomic<std::uint64_t> Watcher::* counter) {
    for (Watcher* watcher : {&one, &two}) {
      const std::uint64_t before = watcher->*counter;
      while (watcher->*counter == before) std::this_thread::yield();
    }
  };
  for (int i = 0; i < 10; ++i) transfer(100'000);
  both_see(&Watcher::reads);
  stop_serving();
  EXPECT_TRUE(world.run_until([&] { return !reconnect->stats_reader().read(); }, 30s));
  both_see(&Watcher::misses);
  serve();
  EXPECT_TRUE(world.run_until([&] { return reconnect->epoch() == 2; }, 30s));
  transfer(100'000);
  both_see(&Watcher::reads);
  reconnect.reset();
  both_see(&Watcher::misses);
  for (Watcher* watcher : {&one, &two}) {
    watcher->over = true;
    watcher->thread.join();
  }
}

}  // namespace
}  // namespace moq::native

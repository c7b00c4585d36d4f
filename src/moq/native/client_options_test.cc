// Settings of one client, which others on its executor do not share.
#include <gtest/gtest.h>

#include "moq/native/server.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

class ClientOptionsTest : public testing::Test {
 protected:
  ClientOptionsTest() {
    transport::quic::GenerateOptions generate;
    generate.names = {"10.0.0.1"};
    identity = *transport::quic::Identity::generate(generate);
    transport::quic::ServerTlsOptions tls;
    tls.identities = {*identity};
    const ServerOptions listen(far.address(4443),
                               *transport::quic::ServerTls::create(std::move(tls)));
    server.emplace(*Server::create({world, far, resolver, world}, listen));
    serving = world.spawn(accept_all(this));
    options.tls.pins = {identity->fingerprint()};
  }
  static kio::Task<void> accept_all(ClientOptionsTest* self) {
    for (;;) {
      auto request = co_await self->server->accept();
      if (!request) co_return;
      net::SessionOptions session;
      session.publish = self->origin.consume();
      self->sessions.push_back(std::move(*request).accept(std::move(session)));
    }
  }
  /// An attempt with `options`.
  Result<Established> connect(net::SessionOptions session = {}) {
    client.emplace(*Client::create({world, near, resolver, world}, options));
    return world.run(client->connect(*Url::parse("moqt://10.0.0.1:4443/"), std::move(session)));
  }
  /// How long a session lives on a path that is cut.
  Duration until_lost(Established& established) {
    network.partition(near, far);
    const TimePoint start = world.now();
    auto wait = [](net::Session& session) -> kio::Task<Error> {
      auto error = co_await session.closed();
      co_return error;
    };
    EXPECT_EQ(world.run(wait(established.session)).code, Code::timeout);
    network.heal(near, far);
    return world.now() - start;
  }

  sim::World world;
  sim::Network network{world, {.latency = 5ms}};
  sim::Host& near = network.add_host("10.0.0.2");
  sim::Host& far = network.add_host("10.0.0.1");
  io::Resolver resolver;
  std::optional<transport::quic::Identity> identity;
  net::origin::Producer origin{8};
  net::broadcast::Producer broadcast;
  std::optional<Server> server;
  std::vector<net::Session> sessions;
  kio::Spawned<void> serving;
  ClientOptions options;
  std::optional<Client> client;
};

TEST_F(ClientOptionsTest, TheIdleTimeoutIsItsOwn) {
  options.quic.idle_timeout = 2s;
  auto two = connect();
  ASSERT_TRUE(two);
  EXPECT_NEAR(std::chrono::duration<double>(until_lost(*two)).count(), 2, 0.5);
  options.quic.idle_timeout = 6s;
  auto six = connect();
  ASSERT_TRUE(six);
  EXPECT_NEAR(std::chrono::duration<double>(until_lost(*six)).count(), 6, 0.5);
}

TEST_F(ClientOptionsTest, SoIsTheKeepAlive) {
  const auto packets = [this](Duration interval) {
    options.quic.keep_alive = interval;
    auto established = connect();
    EXPECT_TRUE(established);
    world.run_for(1s);
    const auto before = established->session.stats().packets_sent;
    world.run_for(8s);
    return established->session.stats().packets_sent - before;
  };
  server.reset();  // Whose keep-alive is its own.
  ServerOptions listen(far.address(4443), [this] {
    transport::quic::ServerTlsOptions tls;
    tls.identities = {*identity};
    return *transport::quic::ServerTls::create(std::move(tls));
  }());
  listen.quic.keep_alive = Duration::zero();
  server.emplace(*Server::create({world, far, resolver, world}, listen));
  serving = world.spawn(accept_all(this));
  EXPECT_GE(packets(1s), 7u);
  EXPECT_EQ(packets(Duration::zero()), 0u) << "0 is none";
}

TEST_F(ClientOptionsTest, SoIsWhetherItLooksForThePathMtu) {
  const auto largest = [this](bool look) {
    options.quic.path_mtu_discovery = look;
    auto established = connect();
    EXPECT_TRUE(established);
    world.run_for(5s);
    return established->connection->max_datagram_bytes();
  };
  EXPECT_LT(largest(false), 1200u);
  EXPECT_GT(largest(true), 1300u);
}

TEST_F(ClientOptionsTest, SoAreTheStreamsThatItGrants) {
  const auto announcement = *origin.announce(net::Path::of("a"), broadcast.consume());
  auto track = *broadcast.create_track("video", {.max_age = 60s});
  const auto groups = [&](std::uint64_t streams) {
    options.quic.max_streams_uni = streams;
    net::origin::Producer found(9);
    net::SessionOptions session;
    session.subscribe = found.clone();
    auto established = connect(std::move(session));
    EXPECT_TRUE(established);
    world.run_for(1s);
    auto reader = found.consume().find(net::Path::of("a"))->subscribe("video", {.max_age = 60s});
    world.run_for(1s);
    auto open = track.append_group();  // Its stream stays open.
    EXPECT_TRUE(open->write_frame(1000, Bytes::copy("x")));
    world.run_for(1s);
    EXPECT_TRUE(track.write_frame(2000, Bytes::copy("x")));
    world.run_for(1s);
    std::size_t got = 0;
    while (auto group = reader.poll_next_group(kio::Waiter::none())) {
      if (!*group || !**group) break;
      if ((**group)->sequence() >= open->sequence()) ++got;
    }
    std::move(*open).finish();
    return got;
  };
  EXPECT_EQ(groups(1), 1u);
  EXPECT_EQ(groups(100), 2u);
}

TEST_F(ClientOptionsTest, WithoutATimeLimitAnAttemptLastsAsLongAsItsHandshake) {
  network.partition(near, far);
  options.quic.handshake_timeout = 90s;
  options.quic.idle_timeout = 120s;
  const TimePoint start = world.now();
  EXPECT_FALSE(connect());
  EXPECT_NEAR(std::chrono::duration<double>(world.now() - start).count(), 30, 1);
  options.connect_timeout = Duration::zero();
  const TimePoint again = world.now();
  EXPECT_FALSE(connect());
  EXPECT_NEAR(std::chrono::duration<double>(world.now() - again).count(), 90, 1);
}

TEST_F(ClientOptionsTest, AnAddressToSendFromNeedsAMachine) {
  options.bind = *transport::SocketAddress::parse("10.0.0.2:0");
  const auto made = Client::create({world, near, resolver, world}, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::bad_config);
}

}  // namespace
}  // namespace moq::native

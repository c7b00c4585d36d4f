// A path that dies, moves or comes back.
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::quic::test {
namespace {

using contract::expect_read;
using contract::make_uni;

bool suspect(Connection& session) { return session.poll_path_suspect(kio::Waiter::none()).ready(); }
bool alive(Connection& session) { return session.poll_path_alive(kio::Waiter::none()).ready(); }

class PathTest : public testing::Test {
 protected:
  void SetUp() override {
    pair = bed.connect();
    ASSERT_TRUE(pair.client && pair.server);
    // Confirmed on both sides, with connection ids to spare.
    bed.world.run_for(1s);
  }
  /// Sends `text` on a new stream each way.
  void talk(const std::string& text) {
    for (const bool up : {true, false}) {
      Session& from = up ? *pair.client : *pair.server;
      Session& to = up ? *pair.server : *pair.client;
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      bed.world.run(make_uni(from, to, text, send, recv));
      bed.world.run(expect_read(*recv, text));
    }
  }
  /// Sends what the server must acknowledge.
  void ping() { pair.client->send_datagram(Bytes::copy("ping")); }
  Bed bed;
  Pair pair;
};

TEST_F(PathTest, AHealthyPathIsNoSuspect) {
  for (int i = 0; i < 10; ++i) {
    talk("fine");
    bed.world.run_for(3s);
    EXPECT_FALSE(suspect(*pair.client));
    EXPECT_TRUE(alive(*pair.client));
  }
}

TEST_F(PathTest, UnansweredProbesMakeItSuspectLongBeforeTheEnd) {
  bed.network.partition(bed.near, bed.far);
  ping();
  const TimePoint start = bed.world.now();
  const auto waiting = bed.world.spawn([](Connection& session) -> kio::Task<void> {
    co_await session.path_suspect();
  }(*pair.client));
  ASSERT_TRUE(bed.world.run_until([&] { return waiting.finished(); }, 20s));
  EXPECT_GE(bed.world.now() - start, 400ms);
  EXPECT_LT(bed.world.now() - start, 1500ms);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
  EXPECT_FALSE(alive(*pair.client));
}

TEST_F(PathTest, AnIdleSessionFindsOutByItsKeepAlive) {
  bed.network.partition(bed.near, bed.far);
  const TimePoint start = bed.world.now();
  ASSERT_TRUE(bed.world.run_until([&] { return suspect(*pair.client); }, 20s));
  EXPECT_LT(bed.world.now() - start, 5s);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST_F(PathTest, AnyPacketClearsTheSuspicion) {
  bed.network.partition(bed.near, bed.far);
  ping();
  ASSERT_TRUE(bed.world.run_until([&] { return suspect(*pair.client); }, 5s));
  const auto waiting = bed.world.spawn(
      [](Connection& session) -> kio::Task<void> { co_await session.path_alive(); }(*pair.client));
  bed.world.run_for(500ms);
  EXPECT_FALSE(waiting.finished());
  bed.network.heal(bed.near, bed.far);
  EXPECT_TRUE(bed.world.run_until([&] { return waiting.finished(); }, 5s));
  talk("back again");
  EXPECT_FALSE(suspect(*pair.client));
}

TEST_F(PathTest, AnEndedSessionIsSuspectAndNeverAlive) {
  pair.client->close(0, "");
  EXPECT_TRUE(suspect(*pair.client));
  EXPECT_FALSE(alive(*pair.client));
}

TEST_F(PathTest, ARefusalIsAHintAtOnce) {
  bed.far.kill_sockets();
  ping();
  const TimePoint start = bed.world.now();
  ASSERT_TRUE(bed.world.run_until([&] { return suspect(*pair.client); }, 5s));
  EXPECT_LT(bed.world.now() - start, 50ms);
  // Forged or of a passing kind: it ends nothing by itself.
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST_F(PathTest, ARefusalWhileDialingIsTheAnswer) {
  bed.far.kill_sockets();
  const TimePoint start = bed.world.now();
  const auto dialed = bed.dial();
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::refused) << dialed.error().describe();
  EXPECT_LT(bed.world.now() - start, 50ms);
}

TEST_F(PathTest, ARefusalAmidTheHandshakeIsTheAnswerToo) {
  // The server asks for a certificate, so the client waits for its word on it.
  ServerTlsOptions tls;
  tls.identities = {identity()};
  tls.client_auth = ClientAuth::require;
  tls.client_roots_pem = identity().chain_pem();
  pair = {};
  bed.server.reset();
  ServerOptions serving = bed.server_options();
  serving.address = bed.far.address(kPort + 1);
  serving.tls = *ServerTls::create(std::move(tls));
  bed.serve(std::move(serving));
  ClientTlsOptions trust;
  trust.pins = {identity().fingerprint()};
  trust.identity = identity();
  DialOptions options = bed.dial_options();
  options.address = bed.far.address(kPort + 1);
  options.tls = *ClientTls::create(std::move(trust));

  const TimePoint start = bed.world.now();
  auto dialing = bed.world.spawn(bed.client.dial(std::move(options)));
  ASSERT_TRUE(bed.world.run_until([&] { return bed.server->connections() == 1; }, 1s));
  bed.world.run_for(1ms);  // The server's answer is on its way.
  bed.far.kill_sockets();
  ASSERT_TRUE(bed.world.run_until([&] { return dialing.finished(); }, 20s));
  const auto dialed = *dialing.poll_join(kio::Waiter::none());
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::refused) << dialed.error().describe();
  EXPECT_LT(bed.world.now() - start, 1s);
}

TEST_F(PathTest, ASilentServerIsATimeout) {
  bed.network.partition(bed.near, bed.far);
  const TimePoint start = bed.world.now();
  const auto dialed = bed.dial();
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::timeout) << dialed.error().describe();
  EXPECT_NEAR(static_cast<double>(to_ms(bed.world.now() - start)), 10000, 1000);
}

TEST_F(PathTest, NoRouteIsUnreachable) {
  DialOptions options = bed.dial_options();
  options.address = *SocketAddress::parse("[fd00::9]:4443");
  const auto dialed = bed.dial(std::move(options));
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::unreachable) << dialed.error().describe();
}

TEST_F(PathTest, AClientMigratesWhenTold) {
  const SocketAddress before = pair.client->local_address();
  const Result<void> migrated = pair.client->migrate();
  ASSERT_TRUE(migrated) << migrated.error().describe();
  talk("moving");
  bed.world.run_for(1s);
  EXPECT_NE(pair.client->local_address(), before);
  EXPECT_EQ(pair.server->peer_address(), pair.client->local_address());
  talk("moved");
}

TEST_F(PathTest, MigratesAgainAndAgain) {
  for (int i = 0; i < 10; ++i) {
    const Result<void> migrated = pair.client->migrate();
    ASSERT_TRUE(migrated) << i << ": " << migrated.error().describe();
    talk("on the road");
    bed.world.run_for(2s);
  }
}

TEST_F(PathTest, AMoveOfTheMachineIsFollowedWithoutANewSession) {
  bed.near.move_to("10.1.0.9", sim::OldSockets::lose);
  ping();
  const TimePoint start = bed.world.now();
  talk("from elsewhere");
  EXPECT_LT(bed.world.now() - start, 3s);
  EXPECT_EQ(pair.client->local_address().to_string().substr(0, 8), "10.1.0.9");
  EXPECT_EQ(pair.server->peer_address(), pair.client->local_address());
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST_F(PathTest, AMoveThatTakesSecondsIsFollowed) {
  bed.near.set_up(false);
  ping();
  bed.world.run_for(4s);
  bed.near.move_to("10.1.0.9", sim::OldSockets::lose);
  bed.near.set_up(true);
  const TimePoint start = bed.world.now();
  talk("from elsewhere");
  EXPECT_LT(bed.world.now() - start, 2s);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST_F(PathTest, AnIdleSessionFollowsAMoveToo) {
  bed.near.move_to("10.1.0.9", sim::OldSockets::lose);
  bed.world.run_for(8s);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
  talk("from elsewhere");
}

TEST_F(PathTest, ANatThatForgetsIsNoticedByTheServer) {
  const SocketAddress before = pair.server->peer_address();
  bed.near.shift_ports(1000);
  ping();
  talk("through another port");
  EXPECT_EQ(pair.server->peer_address().port, before.port + 1000);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST_F(PathTest, AnAddressThatNeverProvesItselfEndsTheSession) {
  bed.near.shift_ports(1000);
  bed.network.set_path(bed.far, bed.near, {.loss = 1.0});
  ping();
  const TimePoint start = bed.world.now();
  ASSERT_TRUE(bed.world.run_until(
      [&] { return pair.server->poll_closed(kio::Waiter::none()).ready(); }, 30s));
  EXPECT_EQ(bed.closed(*pair.server).code, Code::unreachable);
  EXPECT_LT(bed.world.now() - start, internal::kMaxUnprovenTime + 1s);
}

TEST_F(PathTest, ANatThatForgetsJustBeforeAMigrationDoesNoHarm) {
  for (std::uint16_t i = 1; i <= 20; ++i) {
    bed.near.shift_ports(static_cast<std::uint16_t>(100 * i));
    ping();
    bed.world.run_for(2ms * i);
    ASSERT_TRUE(pair.client->migrate());
    talk("on a way of its own");
    bed.world.run_for(3s);
    ASSERT_FALSE(pair.server->poll_closed(kio::Waiter::none()))
        << i << ": " << bed.closed(*pair.server).describe();
  }
}

TEST_F(PathTest, AFullSendBufferOnlyDelays) {
  bed.near.set_writable(false);
  ping();
  bed.world.run_for(10ms);
  ping();
  bed.world.run_for(200ms);
  EXPECT_FALSE(pair.server->poll_recv_datagram(kio::Waiter::none()));
  bed.near.set_writable(true);
  bed.world.run_for(200ms);
  EXPECT_TRUE(pair.server->poll_recv_datagram(kio::Waiter::none()));
  EXPECT_TRUE(pair.server->poll_recv_datagram(kio::Waiter::none()));
}

TEST_F(PathTest, AnUnpluggedCableIsOutlived) {
  bed.near.set_up(false);
  ping();
  bed.world.run_for(4s);
  bed.near.set_up(true);
  talk("plugged in again");
}

}  // namespace
}  // namespace moq::transport::quic::test

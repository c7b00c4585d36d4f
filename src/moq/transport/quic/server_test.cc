#include "moq/transport/quic/server.h"

#include "moq/transport/quic/internal/stateless.h"
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::quic::test {
namespace {

using contract::expect_read;
using contract::make_uni;

void write_something(Session& session) {
  auto stream = *session.poll_open_uni(kio::Waiter::none());
  (*stream)->write(Bytes::copy("x"));
  (*stream)->finish();
}

/// The process dies without a word and is started again; what it knew is gone.
void restart(Bed& bed, ServerOptions options) {
  bed.far.kill_sockets();
  bed.server.reset();
  bed.serve(std::move(options));
}

TEST(Restart, TheSameKeyEndsOldSessionsInARoundTrip) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(1s);
  restart(bed, bed.server_options());
  write_something(*pair.client);
  const TimePoint start = bed.world.now();
  const Error error = bed.closed(*pair.client);
  EXPECT_EQ(error.code, Code::transport);
  EXPECT_NE(error.text.find("stateless reset"), std::string::npos) << error.describe();
  EXPECT_LE(bed.world.now() - start, 25ms);
  pair.server.reset();
}

TEST(Restart, EveryOneOfManyOldSessionsEndsSoon) {
  Bed bed;
  std::vector<Pair> pairs;
  for (int i = 0; i < 100; ++i) pairs.push_back(bed.connect());
  bed.world.run_for(1s);
  restart(bed, bed.server_options());
  for (const Pair& pair : pairs) write_something(*pair.client);
  bed.world.run_for(25ms);
  for (const Pair& pair : pairs) EXPECT_TRUE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST(Restart, AnotherKeyCannotEndThem) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(1s);
  ServerOptions options = bed.server_options();
  options.reset_key = ResetKey{1, 2, 3};
  restart(bed, std::move(options));
  write_something(*pair.client);
  bed.world.run_for(500ms);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
}

TEST(Restart, AGivenKeyServesLikeTheDerivedOne) {
  Bed bed;
  ServerOptions options = bed.server_options();
  options.reset_key = ResetKey{1, 2, 3};
  bed.serve(std::move(options));
  Pair pair = bed.connect();
  bed.world.run_for(1s);
  // Another certificate, as when it was renewed meanwhile.
  GenerateOptions fresh;
  fresh.names = {kName};
  ServerOptions again = bed.server_options();
  again.tls = server_tls(*Identity::generate(fresh));
  again.reset_key = ResetKey{1, 2, 3};
  restart(bed, std::move(again));
  write_something(*pair.client);
  EXPECT_NE(bed.closed(*pair.client).text.find("stateless reset"), std::string::npos);
}

TEST(Restart, TheKeyStaysWhatItWasWhenOtherCertificatesAreShown) {
  Bed bed;
  bed.serve();
  GenerateOptions generate;
  generate.names = {kName};
  const Identity fresh = *Identity::generate(generate);
  bed.server->set_tls(server_tls(fresh));
  DialOptions options = bed.dial_options();
  options.tls = client_tls(fresh);
  Pair pair = bed.connect(std::move(options));
  bed.world.run_for(1s);
  restart(bed, bed.server_options());
  write_something(*pair.client);
  EXPECT_NE(bed.closed(*pair.client).text.find("stateless reset"), std::string::npos);
}

TEST(Server, RetryProvesTheClientsAddressFirst) {
  Bed bed;
  ServerOptions options = bed.server_options();
  options.retry = true;
  bed.serve(std::move(options));
  const TimePoint start = bed.world.now();
  Pair pair = bed.connect();
  ASSERT_TRUE(pair.client && pair.server);
  EXPECT_GE(bed.world.now() - start, 40ms);  // One more round trip than without.
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*pair.client, *pair.server, "hello", send, recv));
  bed.world.run(expect_read(*recv, "hello"));
}

TEST(Server, RefusesConnectionsAboveItsLimit) {
  Bed bed;
  ServerOptions options = bed.server_options();
  options.max_connections = 2;
  bed.serve(std::move(options));
  Pair a = bed.connect();
  Pair b = bed.connect();
  const auto refused = bed.dial();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused) << refused.error().describe();
  EXPECT_NE(refused.error().text.find("too many connections"), std::string::npos);
  // A place becomes free when a connection is over.
  a.client.reset();
  a.server.reset();
  bed.world.run_for(5s);
  EXPECT_TRUE(bed.dial());
}

TEST(Server, RefusesSessionsAboveItsBacklog) {
  Bed bed;
  ServerOptions options = bed.server_options();
  options.max_backlog = 2;
  bed.serve(std::move(options));
  std::vector<std::unique_ptr<Connection>> clients;
  for (int i = 0; i < 2; ++i) {
    auto dialed = bed.dial();
    ASSERT_TRUE(dialed);
    clients.push_back(*std::move(dialed));
  }
  bed.world.run_for(100ms);
  auto third = bed.dial();  // Its own handshake is done before the server refuses.
  if (third) {
    EXPECT_EQ(bed.closed(**third).code, Code::refused);
  } else {
    EXPECT_EQ(third.error().code, Code::refused);
  }
  EXPECT_TRUE(bed.server->poll_accept(kio::Waiter::none()));
  bed.world.run_for(100ms);
  EXPECT_TRUE(bed.dial());
}

TEST(Server, ASessionThatEndsInTheBacklogFreesItsPlace) {
  Bed bed;
  bed.serve();
  auto dialed = bed.dial();
  bed.world.run_for(100ms);
  dialed->reset();
  bed.world.run_for(100ms);
  EXPECT_FALSE(bed.server->poll_accept(kio::Waiter::none()));
}

/// A bare socket that sends what it likes to the server.
class Stranger {
 public:
  explicit Stranger(Bed& bed) : bed_(bed), socket_(*bed.near.connect(bed.far.address(kPort))) {}
  void send(ByteSpan packet) {
    const SendBatch batch{.to = bed_.far.address(kPort),
                          .from = socket_->local_address(),
                          .data = packet,
                          .segment_size = packet.size(),
                          .ecn = 0};
    socket_->send({&batch, 1});
  }
  /// What has come back, packet by packet.
  std::vector<std::vector<std::uint8_t>> receive() {
    bed_.world.run_for(100ms);
    std::vector<std::vector<std::uint8_t>> out;
    while (auto batches = socket_->poll_receive(kio::Waiter::none())) {
      if (!*batches) continue;
      for (const ReceivedBatch& batch : **batches) {
        ByteSpan rest = batch.data;
        while (!rest.empty()) {
          const std::size_t size = std::min(rest.size(), batch.segment_size);
          out.emplace_back(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
          rest = rest.subspan(size);
        }
      }
    }
    return out;
  }

 private:
  Bed& bed_;
  std::unique_ptr<DatagramSocket> socket_;
};

std::vector<std::uint8_t> of_version(std::uint32_t version, std::size_t size) {
  std::vector<std::uint8_t> packet(size);
  packet[0] = 0xc0;
  for (std::size_t i = 0; i < 4; ++i) {
    packet[1 + i] = static_cast<std::uint8_t>(version >> (24 - 8 * i));
  }
  packet[5] = 8;
  packet[14] = 8;
  for (std::size_t i = 0; i < 8; ++i) packet[6 + i] = packet[15 + i] = static_cast<std::uint8_t>(i);
  return packet;
}

TEST(Server, NegotiatesTheVersionWithPacketsOfFullSizeOnly) {
  Bed bed;
  bed.serve();
  Stranger stranger(bed);
  stranger.send(of_version(0x0a0a0a0a, 1200));
  const auto answers = stranger.receive();
  ASSERT_EQ(answers.size(), 1u);
  const auto& answer = answers[0];
  EXPECT_NE(answer[0] & 0x80, 0);
  EXPECT_EQ(std::vector<std::uint8_t>(answer.begin() + 1, answer.begin() + 5),
            std::vector<std::uint8_t>(4));
  EXPECT_EQ(std::vector<std::uint8_t>(answer.end() - 4, answer.end()),
            (std::vector<std::uint8_t>{0, 0, 0, 1}));
  stranger.send(of_version(0x0a0a0a0a, 1199));
  EXPECT_TRUE(stranger.receive().empty());
}

TEST(Server, ResetsAreShorterThanWhatTheyAnswer) {
  Bed bed;
  bed.serve();
  Stranger stranger(bed);
  for (const std::size_t size : {10u, 21u, 22u, 30u, 43u, 44u, 1200u}) {
    std::vector<std::uint8_t> packet(size, 0x55);
    stranger.send(packet);
    const auto answers = stranger.receive();
    if (size <= 21) {
      EXPECT_TRUE(answers.empty()) << size;
      continue;
    }
    ASSERT_EQ(answers.size(), 1u) << size;
    EXPECT_LT(answers[0].size(), size);
    EXPECT_LE(answers[0].size(), 43u);
    EXPECT_EQ(answers[0][0] & 0xc0, 0x40);
  }
}

// RFC 9000 §8.1: whoever gives a false address must not turn the server on its owner.
TEST(Server, SendsAtMostThreeTimesWhatAnUnprovenAddressSent) {
  Bed bed;
  bed.serve();
  // A client's first packet, caught on its way to somewhere else.
  DialOptions elsewhere = bed.dial_options();
  elsewhere.address = bed.far.address(kPort + 1);
  const auto trap = *bed.far.bind(elsewhere.address);
  auto dialing = bed.world.spawn(bed.client.dial(std::move(elsewhere)));
  bed.world.run_for(100ms);
  const auto caught = trap->poll_receive(kio::Waiter::none());
  ASSERT_TRUE(caught && *caught && !(*caught)->empty());
  const ReceivedBatch& batch = (*caught)->front();
  const ByteSpan first = batch.data.first(std::min(batch.segment_size, batch.data.size()));
  const std::vector<std::uint8_t> initial(first.begin(), first.end());
  ASSERT_GE(initial.size(), 1200u);

  Stranger stranger(bed);
  stranger.send(initial);
  std::size_t answered = 0;
  for (int i = 0; i < 200; ++i) {
    for (const auto& packet : stranger.receive()) answered += packet.size();
  }
  EXPECT_GE(answered, 1200u);
  EXPECT_LE(answered, 3 * initial.size());
  EXPECT_EQ(bed.server->connections(), 0u);
}

TEST(Server, AnswersToStrangersAreLimitedInRate) {
  Bed bed({.latency = 1ms});
  bed.serve();
  Stranger stranger(bed);
  std::size_t answers = 0;
  for (int i = 0; i < 3000; ++i) {
    stranger.send(of_version(0x0a0a0a0a, 1200));
    if (i % 100 == 0) {
      bed.world.run_for(1ms);
    }
  }
  answers += stranger.receive().size();
  EXPECT_GE(answers, 900u);
  EXPECT_LE(answers, 1200u);
}

TEST(RateLimit, LetsABurstThroughAndThenTheRate) {
  internal::RateLimit limit(100);
  TimePoint now{1h};
  int passed = 0;
  for (int i = 0; i < 1000; ++i) passed += limit.take(now);
  EXPECT_EQ(passed, 100);
  now += 500ms;
  passed = 0;
  for (int i = 0; i < 1000; ++i) passed += limit.take(now);
  EXPECT_EQ(passed, 50);
  now += 1h;
  passed = 0;
  for (int i = 0; i < 1000; ++i) passed += limit.take(now);
  EXPECT_EQ(passed, 100);
}

TEST(Server, ManyHandshakesAtOnceAreAskedToRetryAndSucceed) {
  Bed bed;
  ServerOptions options = bed.server_options();
  options.max_handshakes = 2;
  bed.serve(std::move(options));
  std::vector<kio::Spawned<Result<std::unique_ptr<Connection>>>> dials;
  for (int i = 0; i < 4; ++i) dials.push_back(bed.world.spawn(bed.client.dial(bed.dial_options())));
  bed.world.run_for(5s);
  std::vector<std::unique_ptr<Connection>> sessions;
  for (auto& dial : dials) {
    ASSERT_TRUE(dial.finished());
    auto result = dial.poll_join(kio::Waiter::none());
    ASSERT_TRUE(*result) << result->error().describe();
    sessions.push_back(**std::move(result));
  }
}

TEST(Server, AHandshakeThatDoesNotEndIsGivenUp) {
  Bed bed;
  bed.parameters.idle_timeout = 60s;
  bed.parameters.handshake_timeout = 4s;
  bed.serve();
  bed.parameters.handshake_timeout = 60s;
  auto dialing = bed.world.spawn(bed.client.dial(bed.dial_options()));
  ASSERT_TRUE(bed.world.run_until([&] { return bed.server->connections() == 1; }, 1s));
  bed.network.partition(bed.near, bed.far);
  bed.world.run_for(3500ms);
  EXPECT_EQ(bed.server->connections(), 1u);
  bed.world.run_for(5s);  // The limit, and the time of late packets.
  EXPECT_EQ(bed.server->connections(), 0u);
  EXPECT_FALSE(bed.server->poll_accept(kio::Waiter::none()));
}

TEST(Server, HandshakesBeyondTwiceTheLimitWaitForAPlace) {
  Bed bed;
  bed.parameters.idle_timeout = 60s;
  bed.parameters.handshake_timeout = 4s;
  ServerOptions options = bed.server_options();
  options.max_handshakes = 1;
  bed.serve(std::move(options));
  bed.parameters.handshake_timeout = 60s;
  std::vector<std::unique_ptr<Client>> silent;
  std::vector<kio::Spawned<Result<std::unique_ptr<Connection>>>> dials;
  for (const std::size_t before : {0u, 1u}) {  // The second one by a Retry.
    sim::Host& host = bed.network.add_host(before == 0 ? "10.0.0.11" : "10.0.0.12");
    silent.push_back(std::make_unique<Client>(bed.environment(host)));
    dials.push_back(bed.world.spawn(silent.back()->dial(bed.dial_options())));
    ASSERT_TRUE(bed.world.run_until([&] { return bed.server->connections() > before; }, 1s));
    bed.network.partition(host, bed.far);
  }
  auto third = bed.world.spawn(bed.client.dial(bed.dial_options()));
  bed.world.run_for(3s);
  EXPECT_EQ(bed.server->connections(), 2u);
  EXPECT_FALSE(third.finished());
  ASSERT_TRUE(bed.world.run_until([&] { return third.finished(); }, 20s));
  EXPECT_TRUE(*third.poll_join(kio::Waiter::none()));
}

TEST(Server, StopsAcceptingButServesOn) {
  Bed bed;
  Pair pair = bed.connect();
  bed.server->stop_accepting();
  const auto refused = bed.dial();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
  const auto accepted = bed.server->poll_accept(kio::Waiter::none());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->error().code, Code::closed);
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*pair.client, *pair.server, "still", send, recv));
}

TEST(Server, ClosesAllAndSaysWhenItIsDone) {
  Bed bed;
  Pair a = bed.connect();
  Pair b = bed.connect();
  bed.server->close(0, "server shutdown");
  for (Connection* client : {a.client.get(), b.client.get()}) {
    const Error error = bed.closed(*client);
    EXPECT_EQ(error.code, Code::closed);
    EXPECT_EQ(error.wire, 0u);
    EXPECT_EQ(error.text, "server shutdown");
  }
  EXPECT_EQ(bed.closed(*a.server).wire, 0u);
  bed.world.run([](Server& server, Client& client) -> kio::Task<void> {
    co_await server.idle();
    co_await client.idle();
  }(*bed.server, bed.client));
  EXPECT_EQ(bed.server->connections(), 0u);
}

TEST(Server, SessionsOutliveIt) {
  Bed bed;
  Pair pair = bed.connect();
  auto waiting = bed.dial();  // Never taken.
  ASSERT_TRUE(waiting);
  bed.world.run_for(100ms);
  bed.server.reset();
  EXPECT_EQ(bed.closed(**waiting).wire, 0u);
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*pair.client, *pair.server, "still", send, recv));
  bed.world.run(expect_read(*recv, "still"));
}

TEST(Server, ATakenPortIsNamed) {
  Bed bed;
  bed.serve();
  const auto second = Server::create(bed.environment(bed.far), bed.server_options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
}

TEST(Client, SessionsOutliveIt) {
  Bed bed;
  bed.serve();
  std::unique_ptr<Connection> session;
  {
    Client client(bed.environment(bed.near));
    auto dialed = bed.world.run(client.dial(bed.dial_options()));
    ASSERT_TRUE(dialed);
    session = *std::move(dialed);
  }
  auto accepted = bed.accept();
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*session, **accepted, "still", send, recv));
}

TEST(Client, GivingUpADialLeavesNothing) {
  Bed bed;
  bed.serve();
  {
    const auto dial = bed.world.spawn(bed.client.dial(bed.dial_options()));
    bed.world.run_for(15ms);
    EXPECT_FALSE(dial.finished());
  }
  bed.world.run_for(15s);
  EXPECT_TRUE(bed.client.poll_idle(kio::Waiter::none()));
  EXPECT_EQ(bed.server->connections(), 0u);
  EXPECT_FALSE(bed.server->poll_accept(kio::Waiter::none()));
}

}  // namespace
}  // namespace moq::transport::quic::test

#include "moq/sim/network.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::sim {
namespace {

using kio::Waiter;
using transport::DatagramSocket;
using transport::SendBatch;
using transport::SocketAddress;

using Socket = std::unique_ptr<DatagramSocket>;

Socket ok(Result<Socket> socket) {
  EXPECT_TRUE(socket) << socket.error().describe();
  return socket ? *std::move(socket) : nullptr;
}

std::size_t send(DatagramSocket& socket, const SocketAddress& to, std::string_view text,
                 std::size_t segment = 0, std::uint8_t ecn = 0) {
  const SendBatch batch{.to = to, .data = as_bytes(text), .segment_size = segment, .ecn = ecn};
  return socket.send({&batch, 1});
}

struct Got {
  std::string text;
  SocketAddress from;
  SocketAddress to;
  std::uint8_t ecn = 0;
};

/// The datagrams that arrived, taken apart.
std::vector<Got> receive(DatagramSocket& socket) {
  std::vector<Got> got;
  while (auto batches = socket.poll_receive(Waiter::none())) {
    if (!*batches) {
      ADD_FAILURE() << batches->error().describe();
      break;
    }
    for (const auto& batch : **batches) {
      const std::string_view text = as_text(batch.data);
      for (std::size_t at = 0; at < text.size(); at += batch.segment_size) {
        got.push_back(
            {std::string(text.substr(at, batch.segment_size)), batch.from, batch.to, batch.ecn});
      }
    }
  }
  return got;
}

/// The error that waits at the socket; none if a datagram or nothing does.
std::optional<Code> error_of(DatagramSocket& socket) {
  auto batches = socket.poll_receive(Waiter::none());
  if (!batches || *batches) return std::nullopt;
  return batches->error().code;
}

struct NetworkTest : testing::Test {
  World world;
  Network network{world};
  Host& a = network.add_host("10.0.0.1");
  Host& b = network.add_host("10.0.0.2");
  Socket server = ok(b.bind(*SocketAddress::parse("0.0.0.0:443")));
  Socket client = ok(a.connect(b.address(443)));
};

TEST_F(NetworkTest, DatagramsArriveAfterTheLatencyWithTheirAddresses) {
  EXPECT_EQ(send(*client, b.address(443), "hello", 0, 2), 1u);
  world.run_for(9ms);
  EXPECT_TRUE(receive(*server).empty());
  world.run_for(1ms);
  const std::vector<Got> got = receive(*server);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].text, "hello");
  EXPECT_EQ(got[0].from, client->local_address());
  EXPECT_EQ(got[0].from.to_string(), "10.0.0.1:49152");
  EXPECT_EQ(got[0].to, b.address(443));
  EXPECT_EQ(got[0].ecn, 2);

  send(*server, got[0].from, "back");
  world.run_for(10ms);
  EXPECT_EQ(receive(*client).at(0).text, "back");
}

TEST_F(NetworkTest, ABatchIsCutIntoSegmentsAndJoinedAgain) {
  send(*client, b.address(443), "aaabbbccd", 3);
  send(*client, b.address(443), "eeeefff", 4);
  world.run_for(10ms);
  auto batches = server->poll_receive(Waiter::none());
  ASSERT_TRUE(batches && *batches);
  // "aaa bbb ccd" are of one size; "eeee fff" begin a batch of their own.
  ASSERT_EQ((*batches)->size(), 2u);
  EXPECT_EQ(as_text((**batches)[0].data), "aaabbbccd");
  EXPECT_EQ((**batches)[0].segment_size, 3u);
  EXPECT_EQ(as_text((**batches)[1].data), "eeeefff");
  EXPECT_EQ((**batches)[1].segment_size, 4u);
}

TEST_F(NetworkTest, AShortDatagramEndsABatch) {
  for (const char* text : {"aaa", "b", "c", "dd"}) send(*client, b.address(443), text);
  world.run_for(10ms);
  auto batches = server->poll_receive(Waiter::none());
  ASSERT_TRUE(batches && *batches);
  std::vector<std::string_view> texts;
  for (const auto& batch : **batches) texts.push_back(as_text(batch.data));
  EXPECT_EQ(texts, (std::vector<std::string_view>{"aaab", "c", "dd"}));
}

TEST_F(NetworkTest, AReceiverWakes) {
  bool got = false;
  const auto task = world.spawn([](DatagramSocket& socket, bool& flag) -> kio::Task<void> {
    co_await kio::wait([&socket](const Waiter& waiter) { return socket.poll_receive(waiter); });
    flag = true;
  }(*server, got));
  world.run_for(1s);
  EXPECT_FALSE(got);
  send(*client, b.address(443), "x");
  world.run_for(10ms);
  EXPECT_TRUE(got);
}

TEST_F(NetworkTest, LossLosesItsShare) {
  network.set_link(a, b, {.loss = 0.25});
  for (int i = 0; i < 1000; ++i) send(*client, b.address(443), "x");
  world.run_for(1s);
  const auto got = receive(*server).size();
  EXPECT_NEAR(static_cast<double>(got), 750, 60);
  EXPECT_EQ(network.counts().lost, 1000 - got);
}

TEST_F(NetworkTest, JitterReorders) {
  network.set_link(a, b, {.jitter = 10ms});
  std::string sent;
  std::string got;
  for (char c = 'a'; c <= 'z'; ++c) {
    sent += c;
    send(*client, b.address(443), std::string_view(&c, 1));
  }
  world.run_for(21ms);
  for (const Got& one : receive(*server)) got += one.text;
  EXPECT_EQ(got.size(), sent.size());
  EXPECT_NE(got, sent);
}

TEST_F(NetworkTest, ALimitedRateSpacesPacketsAndDropsWhatTheQueueCannotHold) {
  // 1000 bytes on the wire take 10 ms.
  network.set_link(a, b, {.latency = 0s, .rate_bps = 800'000, .queue_bytes = 3000});
  const std::string data(1000 - 28, 'x');
  for (int i = 0; i < 5; ++i) send(*client, b.address(443), data);
  world.run_for(10ms);
  EXPECT_EQ(receive(*server).size(), 1u);
  world.run_for(10ms);
  EXPECT_EQ(receive(*server).size(), 1u);
  world.run_for(1s);
  EXPECT_EQ(receive(*server).size(), 1u);
  EXPECT_EQ(network.counts().lost, 2u);
}

TEST_F(NetworkTest, AFullerQueueMarksPacketsThatAllowIt) {
  network.set_link(a, b, {.rate_bps = 800'000, .ecn_mark_bytes = 1500});
  const std::string data(1000 - 28, 'x');
  for (const int ecn : {2, 2, 2, 0}) {
    send(*client, b.address(443), data, 0, static_cast<std::uint8_t>(ecn));
  }
  world.run_for(1s);
  std::vector<int> marks;
  for (const Got& got : receive(*server)) marks.push_back(got.ecn);
  EXPECT_EQ(marks, (std::vector<int>{2, 2, 3, 0}));
}

TEST_F(NetworkTest, TheMtuCountsTheHeaders) {
  send(*client, b.address(443), std::string(1472, 'x'));
  send(*client, b.address(443), std::string(1473, 'x'));
  world.run_for(1s);
  EXPECT_EQ(receive(*server).size(), 1u);
}

TEST_F(NetworkTest, APartitionCutsWhatIsUnderWayToo) {
  send(*client, b.address(443), "under way");
  world.run_for(5ms);
  network.partition(b, a);
  send(*client, b.address(443), "cut");
  world.run_for(1s);
  EXPECT_TRUE(receive(*server).empty());
  EXPECT_EQ(network.counts().cut, 2u);
  network.heal(a, b);
  send(*client, b.address(443), "healed");
  world.run_for(1s);
  EXPECT_EQ(receive(*server).at(0).text, "healed");
}

TEST_F(NetworkTest, AHostThatIsDownHearsNothing) {
  b.set_up(false);
  send(*client, b.address(443), "x");
  world.run_for(1s);
  EXPECT_TRUE(receive(*server).empty());
  b.set_up(true);
  send(*client, b.address(443), "x");
  world.run_for(1s);
  EXPECT_EQ(receive(*server).size(), 1u);
}

TEST_F(NetworkTest, AKilledProcessRefusesConnectedSockets) {
  b.kill_sockets();
  EXPECT_EQ(send(*server, client->local_address(), "from the dead"), 1u);
  send(*client, b.address(443), "x");
  world.run_for(19ms);
  EXPECT_EQ(error_of(*client), std::nullopt);
  world.run_for(1ms);
  EXPECT_EQ(error_of(*client), Code::refused);
  EXPECT_EQ(error_of(*client), std::nullopt);
  EXPECT_EQ(network.counts().delivered, 0u);

  // A new process takes the port over while the old one's objects still exist.
  const Socket next = ok(b.bind(b.address(443)));
  send(*client, b.address(443), "again");
  world.run_for(10ms);
  EXPECT_EQ(receive(*next).at(0).text, "again");
}

TEST_F(NetworkTest, ASilentHostRefusesNobody) {
  b.set_refuses(false);
  server.reset();
  send(*client, b.address(443), "x");
  world.run_for(1s);
  EXPECT_EQ(error_of(*client), std::nullopt);
  EXPECT_EQ(network.counts().refused, 1u);
}

TEST_F(NetworkTest, AnUnconnectedSocketLearnsNothingOfARefusal) {
  const Socket bound = ok(a.bind(a.address(5000)));
  send(*bound, b.address(9), "x");
  world.run_for(1s);
  EXPECT_EQ(error_of(*bound), std::nullopt);
}

TEST_F(NetworkTest, AConnectedSocketHearsItsPeerAlone) {
  Host& c = network.add_host("10.0.0.3");
  const Socket stranger = ok(c.bind(c.address(1)));
  send(*stranger, client->local_address(), "psst");
  world.run_for(1s);
  EXPECT_TRUE(receive(*client).empty());
}

TEST_F(NetworkTest, SocketsFollowAMoveOrLoseTheirAddress) {
  Socket any = ok(a.bind(*SocketAddress::parse("0.0.0.0:7000")));
  a.move_to("10.0.9.9", OldSockets::follow);
  send(*client, b.address(443), "connected");
  send(*any, b.address(443), "bound");
  world.run_for(1s);
  for (const Got& got : receive(*server)) {
    EXPECT_EQ(got.from.to_string().substr(0, 9), "10.0.9.9:") << got.text;
  }
  a.move_to("10.0.8.8", OldSockets::lose);
  send(*client, b.address(443), "lost");
  send(*any, b.address(443), "goes on");
  world.run_for(1s);
  const std::vector<Got> got = receive(*server);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].text, "goes on");
  EXPECT_EQ(got[0].from.to_string(), "10.0.8.8:7000");
}

TEST_F(NetworkTest, PacketsToAnAddressThatMovedAwayAreLost) {
  send(*server, client->local_address(), "x");
  a.move_to("10.0.9.9", OldSockets::follow);
  world.run_for(1s);
  EXPECT_TRUE(receive(*client).empty());
}

TEST_F(NetworkTest, ANatThatForgetsShowsAnotherPort) {
  const std::uint16_t before = client->local_address().port;
  a.shift_ports(100);
  send(*client, b.address(443), "x");
  world.run_for(1s);
  const Got got = receive(*server).at(0);
  EXPECT_EQ(got.from.port, before + 100);
  send(*server, got.from, "back");
  send(*server, client->local_address(), "to the old mapping");
  world.run_for(1s);
  const std::vector<Got> back = receive(*client);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].text, "back");
  EXPECT_EQ(client->local_address().port, before);
}

TEST_F(NetworkTest, AFullSendBufferWakesItsWriters) {
  a.set_writable(false);
  EXPECT_EQ(send(*client, b.address(443), "x"), 0u);
  bool writable = false;
  const auto task = world.spawn([](DatagramSocket& socket, bool& flag) -> kio::Task<void> {
    co_await kio::wait([&socket](const Waiter& waiter) { return socket.poll_writable(waiter); });
    flag = true;
  }(*client, writable));
  world.run_for(1s);
  EXPECT_FALSE(writable);
  a.set_writable(true);
  world.run_until_idle();
  EXPECT_TRUE(writable);
  EXPECT_EQ(send(*client, b.address(443), "x"), 1u);
}

TEST_F(NetworkTest, TheReceiveBufferIsBounded) {
  for (int i = 0; i < 4000; ++i) send(*client, b.address(443), std::string(1400, 'x'));
  world.run_for(1s);
  EXPECT_EQ(receive(*server).size(), std::size_t{4} * 1024 * 1024 / 1400);
  EXPECT_EQ(network.counts().delivered + network.counts().overflowed, 4000u);
  send(*client, b.address(443), "room again");
  world.run_for(1s);
  EXPECT_EQ(receive(*server).size(), 1u);
}

TEST_F(NetworkTest, AnAddressInUseOrForeignIsRefused) {
  EXPECT_EQ(b.bind(*SocketAddress::parse("0.0.0.0:443")).error().code, Code::io);
  EXPECT_EQ(b.bind(b.address(443)).error().code, Code::io);
  EXPECT_EQ(b.bind(a.address(443)).error().code, Code::invalid_argument);
  EXPECT_EQ(a.connect(*SocketAddress::parse("[fd00::1]:1")).error().code, Code::unreachable);
}

TEST_F(NetworkTest, BothFamiliesAndLoopbackWork) {
  b.add_address("fd00::2");
  a.add_address("fd00::1");
  const Socket both = ok(b.bind(*SocketAddress::parse("[::]:8443")));
  const Socket six = ok(a.connect(*SocketAddress::parse("[fd00::2]:8443")));
  const Socket four = ok(a.connect(b.address(8443)));
  const Socket local = ok(b.connect(*SocketAddress::parse("127.0.0.1:8443")));
  send(*six, {}, "six");
  send(*four, {}, "four");
  send(*local, {}, "local");
  world.run_for(1s);
  std::vector<std::string> from;
  for (const Got& got : receive(*both)) from.push_back(got.text + " " + got.from.to_string());
  EXPECT_EQ(from, (std::vector<std::string>{"local 127.0.0.1:49152", "six [fd00::1]:49153",
                                            "four 10.0.0.1:49154"}));
}

std::uint64_t traffic(std::uint64_t seed) {
  World world(seed);
  Network network(world, {.jitter = 5ms, .loss = 0.1, .rate_bps = 10'000'000});
  Host& a = network.add_host("10.0.0.1");
  Host& b = network.add_host("10.0.0.2");
  const Socket server = ok(b.bind(b.address(443)));
  const Socket client = ok(a.connect(b.address(443)));
  for (int i = 0; i < 100; ++i) {
    send(*client, {}, std::string(world.below(1200), 'x'));
    world.run_for(1ms);
  }
  return world.trace();
}

TEST(Network, TheSameSeedGivesTheSameTrace) {
  EXPECT_EQ(traffic(3), traffic(3));
  EXPECT_NE(traffic(3), traffic(4));
}

}  // namespace
}  // namespace moq::sim

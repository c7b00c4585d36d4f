#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "moq/io/udp_socket.h"

namespace moq::io {
namespace {

using kio::Waiter;
using transport::ReceivedBatch;
using transport::SendBatch;
using transport::SocketAddress;

struct Got {
  std::string text;
  SocketAddress from;
  SocketAddress to;
  std::uint8_t ecn = 0;
};

/// Receives until `count` datagrams came; stops early at an error.
kio::Task<Result<std::vector<Got>>> receive(UdpSocket& socket, std::size_t count) {
  std::vector<Got> got;
  while (got.size() < count) {
    Result<std::span<const ReceivedBatch>> batches =
        co_await kio::wait([&socket](const Waiter& waiter) { return socket.poll_receive(waiter); });
    if (!batches) co_return std::unexpected(batches.error());
    for (const ReceivedBatch& batch : *batches) {
      const std::string_view text = as_text(batch.data);
      std::size_t at = 0;
      do {
        got.push_back(
            {std::string(text.substr(at, batch.segment_size)), batch.from, batch.to, batch.ecn});
        at += batch.segment_size;
      } while (at < text.size());
    }
  }
  co_return got;
}

std::size_t send(UdpSocket& socket, const SocketAddress& to, std::string_view text,
                 std::size_t segment = 0, std::uint8_t ecn = 0, const SocketAddress& from = {}) {
  const SendBatch batch{
      .to = to, .from = from, .data = as_bytes(text), .segment_size = segment, .ecn = ecn};
  return socket.send({&batch, 1});
}

SocketAddress address(std::string_view text) { return *SocketAddress::parse(text); }

struct UdpSocketTest : testing::TestWithParam<const char*> {
  std::unique_ptr<Loop> loop = *Loop::create();

  std::unique_ptr<UdpSocket> bind(std::string_view where) {
    auto socket = UdpSocket::bind(*loop, address(where));
    EXPECT_TRUE(socket) << socket.error().describe();
    return *std::move(socket);
  }
  std::unique_ptr<UdpSocket> connect(const SocketAddress& where) {
    auto socket = UdpSocket::connect(*loop, where);
    EXPECT_TRUE(socket) << socket.error().describe();
    return *std::move(socket);
  }
  std::vector<Got> expect(UdpSocket& socket, std::size_t count) {
    auto got = loop->run(receive(socket, count));
    EXPECT_TRUE(got) << got.error().describe();
    return got ? *got : std::vector<Got>(count);
  }
};

TEST_P(UdpSocketTest, CarriesDatagramsWithTheirAddressesAndEcn) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  EXPECT_NE(server->local_address().port, 0);
  EXPECT_EQ(send(*client, {}, "hello", 0, 2), 1u);
  const Got got = expect(*server, 1).at(0);
  EXPECT_EQ(got.text, "hello");
  EXPECT_EQ(got.from, client->local_address());
  EXPECT_EQ(got.to, server->local_address());
  EXPECT_EQ(got.ecn, 2);

  send(*server, got.from, "plain");
  send(*server, got.from, "marked", 0, 3, got.to);
  const std::vector<Got> back = expect(*client, 2);
  EXPECT_EQ(back[0].text, "plain");
  EXPECT_EQ(back[0].ecn, 0);
  EXPECT_EQ(back[1].text, "marked");
  EXPECT_EQ(back[1].ecn, 3);
}

TEST_P(UdpSocketTest, SendsABatchInOneCallAndReceivesItCut) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  ASSERT_TRUE(client->uses_segmentation());
  std::string data;
  for (char c = 'a'; c < 'a' + 20; ++c) data += std::string(1200, c);
  data += "short";
  const std::uint64_t calls = client->counts().send_calls;
  EXPECT_EQ(send(*client, {}, data, 1200), 1u);
  EXPECT_EQ(client->counts().send_calls - calls, 1u);
  const std::vector<Got> got = expect(*server, 21);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(got[i].text, std::string(1200, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(got[20].text, "short");
  // Loopback joins what was sent joined.
  EXPECT_LE(server->counts().receive_calls, 3u);
}

TEST_P(UdpSocketTest, SendsTheSameWithoutSegmentation) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  client->disable_segmentation();
  const std::uint64_t calls = client->counts().send_calls;
  EXPECT_EQ(send(*client, {}, "aaabbbccd", 3), 1u);
  EXPECT_EQ(client->counts().send_calls - calls, 1u);
  const std::vector<Got> got = expect(*server, 3);
  EXPECT_EQ(got[0].text, "aaa");
  EXPECT_EQ(got[1].text, "bbb");
  EXPECT_EQ(got[2].text, "ccd");
}

TEST_P(UdpSocketTest, AGroupIsSteeredByConnectionId) {
  constexpr std::size_t kMembers = 3;
  auto bound = BoundUdp::bind_group(address(GetParam()), kMembers);
  ASSERT_TRUE(bound) << bound.error().describe();
  std::vector<std::unique_ptr<UdpSocket>> group;
  for (BoundUdp& member : *bound) {
    group.push_back(*UdpSocket::adopt(*loop, std::move(member)));
    EXPECT_EQ(group.back()->local_address(), group.front()->local_address());
  }
  // Whoever sends it, from wherever.
  for (int client = 0; client < 4; ++client) {
    const auto from = connect(group.front()->local_address());
    for (const int id : {0, 1, 2, 100, 254, 255}) {
      const std::string packet = {0x40, static_cast<char>(id), 'x'};
      EXPECT_EQ(send(*from, {}, packet), 1u);
      EXPECT_EQ(expect(*group[static_cast<std::size_t>(id) % kMembers], 1).at(0).text, packet);
    }
  }
}

TEST_P(UdpSocketTest, AGroupHasItsAddressAlone) {
  const auto group = BoundUdp::bind_group(address(GetParam()), 2);
  ASSERT_TRUE(group) << group.error().describe();
  const SocketAddress taken = group->front().local_address();
  for (const std::size_t count : {1, 2}) {
    const auto other = BoundUdp::bind_group(taken, count);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::io) << other.error().describe();
  }
  EXPECT_FALSE(UdpSocket::bind(*loop, taken));
}

TEST_P(UdpSocketTest, AGroupHasALimit) {
  EXPECT_EQ(BoundUdp::bind_group(address(GetParam()), 0).error().code, Code::bad_config);
  EXPECT_EQ(BoundUdp::bind_group(address(GetParam()), kMaxGroupSockets + 1).error().code,
            Code::bad_config);
  const auto largest = BoundUdp::bind_group(address(GetParam()), kMaxGroupSockets);
  ASSERT_TRUE(largest) << largest.error().describe();
  EXPECT_EQ(largest->size(), kMaxGroupSockets);
}

TEST_P(UdpSocketTest, ALoopMayMakeAllItsSocketsSendSegmentBySegment) {
  loop->disable_segmentation();
  const auto bound = loop->bind(address(GetParam()));
  ASSERT_TRUE(bound);
  EXPECT_FALSE(static_cast<const UdpSocket&>(**bound).uses_segmentation());
  const auto connected = loop->connect((*bound)->local_address());
  ASSERT_TRUE(connected);
  EXPECT_FALSE(static_cast<const UdpSocket&>(**connected).uses_segmentation());
}

TEST_P(UdpSocketTest, ALoopConnectsFromWhereItIsTold) {
  const auto server = bind(GetParam());
  const bool v6 = server->local_address().v6;
  loop->connect_from(address(v6 ? "[::1]:0" : "127.0.0.2:0"));
  const auto chosen = loop->connect(server->local_address());
  ASSERT_TRUE(chosen) << chosen.error().describe();
  EXPECT_TRUE((*chosen)->local_address().to_string().starts_with(v6 ? "[::1]:" : "127.0.0.2:"));
  // Any address of one family stands for any of the other; a certain one does not.
  loop->connect_from(address(v6 ? "0.0.0.0:0" : "[::]:0"));
  EXPECT_TRUE(loop->connect(server->local_address()));
  loop->connect_from(address(v6 ? "127.0.0.1:0" : "[::1]:0"));
  const auto wrong = loop->connect(server->local_address());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::unreachable);
}

TEST_P(UdpSocketTest, CutsABatchAboveTheKernelsLimit) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  std::string data;
  for (std::size_t i = 0; i < 3 * kMaxSegments; ++i) data += std::to_string(1000 + i % 1000);
  EXPECT_EQ(send(*client, {}, data, 4), 1u);
  EXPECT_EQ(client->counts().send_calls, 1u);
  EXPECT_TRUE(client->uses_segmentation());
  const std::vector<Got> got = expect(*server, 3 * kMaxSegments);
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i].text, std::to_string(1000 + i));
}

TEST_P(UdpSocketTest, SendsManyBatchesToSeveralPeers) {
  const auto server = bind(GetParam());
  const auto one = connect(server->local_address());
  const auto two = connect(server->local_address());
  std::vector<SendBatch> batches;
  for (int i = 0; i < 100; ++i) {
    batches.push_back({.to = (i % 2 == 0 ? one : two)->local_address(), .data = as_bytes("x")});
  }
  EXPECT_EQ(server->send(batches), 100u);
  EXPECT_EQ(expect(*one, 50).size(), 50u);
  EXPECT_EQ(expect(*two, 50).size(), 50u);
  EXPECT_LE(server->counts().send_calls, 5u);
}

TEST_P(UdpSocketTest, AnEmptyDatagramPasses) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  EXPECT_EQ(send(*client, {}, ""), 1u);
  EXPECT_EQ(expect(*server, 1).at(0).text, "");
}

TEST_P(UdpSocketTest, ADatagramTooLargeCountsAsSentAndIsNot) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  EXPECT_EQ(send(*client, {}, std::string(70000, 'x')), 1u);
  EXPECT_EQ(client->counts().refused_by_system, 1u);
  EXPECT_EQ(send(*client, {}, "fits"), 1u);
  EXPECT_EQ(expect(*server, 1).at(0).text, "fits");
}

TEST_P(UdpSocketTest, AConnectedSocketLearnsThatNobodyListens) {
  auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  const SocketAddress where = server->local_address();
  server.reset();
  send(*client, {}, "anybody?");
  const auto got = loop->run(receive(*client, 1));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::refused);

  // A hint, not the end: also when the next send meets it first, which goes out all the same.
  send(*client, {}, "still nobody?");
  auto next = UdpSocket::bind(*loop, where);
  ASSERT_TRUE(next);
  EXPECT_EQ(send(*client, {}, "here I am"), 1u);
  EXPECT_EQ(expect(**next, 1).at(0).text, "here I am");
  const auto again = loop->run(receive(*client, 1));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::refused);
  send(**next, client->local_address(), "hello again");
  EXPECT_EQ(expect(*client, 1).at(0).text, "hello again");
}

TEST_P(UdpSocketTest, AnAddressInUseIsNamed) {
  const auto server = bind(GetParam());
  const auto second = UdpSocket::bind(*loop, server->local_address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_NE(second.error().text.find(server->local_address().to_string()), std::string::npos);
}

TEST_P(UdpSocketTest, AFloodFillsTheSendBufferOrIsTakenAndTheSocketGoesOn) {
  const auto server = bind(GetParam());
  const auto client = connect(server->local_address());
  const std::string data(60'000, 'x');
  for (int i = 0; i < 500; ++i) send(*client, {}, data, 1200);
  loop->run([](UdpSocket& socket) -> kio::Task<void> {
    co_await kio::wait([&socket](const Waiter& waiter) { return socket.poll_writable(waiter); });
  }(*client));
  while (server->poll_receive(Waiter::none())) {
  }
  EXPECT_EQ(send(*client, {}, "after"), 1u);
  EXPECT_EQ(expect(*server, 1).back().text, "after");
}

INSTANTIATE_TEST_SUITE_P(Loopback, UdpSocketTest, testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& test) {
                           return std::string(test.param[0] == '[' ? "v6" : "v4");
                         });

TEST_F(UdpSocketTest, ADualStackSocketShowsIPv4AsIPv4) {
  const auto server = bind("[::]:0");
  SocketAddress four = address("127.0.0.1:0");
  four.port = server->local_address().port;
  SocketAddress six = address("[::1]:0");
  six.port = four.port;
  const auto client4 = connect(four);
  const auto client6 = connect(six);

  send(*client4, {}, "four", 0, 1);
  const Got got4 = expect(*server, 1).at(0);
  EXPECT_EQ(got4.from, client4->local_address());
  EXPECT_EQ(got4.to, four);
  EXPECT_EQ(got4.ecn, 1);
  send(*client6, {}, "six", 0, 1);
  const Got got6 = expect(*server, 1).at(0);
  EXPECT_EQ(got6.from, client6->local_address());
  EXPECT_EQ(got6.to, six);
  EXPECT_EQ(got6.ecn, 1);

  // Answers leave from the address that was asked, with their mark, in one batch.
  send(*server, got4.from, "aabb", 2, 2, got4.to);
  send(*server, got6.from, "ccdd", 2, 2, got6.to);
  for (UdpSocket* client : {client4.get(), client6.get()}) {
    const std::vector<Got> back = expect(*client, 2);
    EXPECT_EQ(back[0].ecn, 2);
    EXPECT_EQ(back[1].ecn, 2);
  }
}

/// The descriptor of `socket`, found by its address.
int descriptor_of(const UdpSocket& socket) {
  for (int fd = 3; fd < 1000; ++fd) {
    sockaddr_in in{};
    socklen_t size = sizeof in;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&in), &size) == 0 &&
        in.sin_family == AF_INET && ntohs(in.sin_port) == socket.local_address().port) {
      return fd;
    }
  }
  return -1;
}

TEST_F(UdpSocketTest, AKernelThatRefusesSegmentationGetsPlainDatagrams) {
  const auto server = bind("127.0.0.1:0");
  const auto client = connect(server->local_address());
  // Without checksums the kernel segments nothing.
  const int on = 1;
  ASSERT_EQ(::setsockopt(descriptor_of(*client), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  EXPECT_EQ(send(*client, {}, "aaabbbcc", 3, 2), 1u);
  EXPECT_FALSE(client->uses_segmentation());
  EXPECT_EQ(send(*client, {}, "dddee", 3), 1u);
  std::string all;
  for (const Got& got : expect(*server, 5)) all += got.text + std::to_string(got.ecn) + " ";
  EXPECT_EQ(all, "aaa2 bbb2 cc2 ddd0 ee0 ");
  EXPECT_EQ(client->counts().refused_by_system, 0u);
}

TEST_F(UdpSocketTest, AnswersLeaveFromTheAddressThatWasAsked) {
  const auto server = bind("0.0.0.0:0");
  SocketAddress other = address("127.0.0.9:0");
  other.port = server->local_address().port;
  const auto client = connect(other);
  send(*client, {}, "x");
  const Got got = expect(*server, 1).at(0);
  EXPECT_EQ(got.to, other);
  // The connected socket takes nothing from 127.0.0.1.
  send(*server, got.from, "y", 0, 0, got.to);
  EXPECT_EQ(expect(*client, 1).at(0).text, "y");
}

}  // namespace
}  // namespace moq::io

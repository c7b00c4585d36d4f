// Peers that do not play by our rules, or by any.
#include "moq/transport/code_mapping.h"
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/raw_client_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::quic::test {
namespace {

using contract::expect_read;
using contract::make_uni;

class RawPeer : public testing::Test {
 protected:
  void connect(Parameters parameters = {}) {
    bed.parameters = parameters;
    bed.serve();
    raw.emplace(bed);
    raw->run(200ms);
    auto accepted = bed.server->poll_accept(kio::Waiter::none());
    ASSERT_TRUE(accepted && *accepted);
    server = **std::move(accepted);
  }
  std::unique_ptr<RecvStream> accept() {
    auto stream = server->poll_accept_uni(kio::Waiter::none());
    EXPECT_TRUE(stream && *stream);
    return **std::move(stream);
  }
  Bed bed{sim::LinkOptions{.latency = 5ms}};
  std::optional<RawClient> raw;
  std::unique_ptr<Connection> server;
};

TEST_F(RawPeer, SeesMappedCodesOnTheWire) {
  connect();
  auto sending = *server->poll_open_uni(kio::Waiter::none());
  (*sending)->write(Bytes::copy("x"));
  raw->run(50ms);
  ASSERT_EQ(raw->opened.size(), 1u);
  (*sending)->reset(1);
  raw->run(50ms);
  EXPECT_EQ(raw->resets[raw->opened[0]], 0x52e4a40fa8dcu);

  const std::int64_t id = raw->open_uni();
  raw->send(id, "y");
  raw->run(50ms);
  accept()->stop(0x31);
  raw->run(50ms);
  EXPECT_EQ(raw->closes[id], 0x52e4a40fa90du);
}

TEST_F(RawPeer, TlsAfterTheHandshakeEndsTheSession) {
  connect();
  const Bytes message = Bytes::copy(std::string_view("\x18\x00\x00\x01\x00", 5));  // KeyUpdate
  ASSERT_EQ(ngtcp2_conn_submit_crypto_data(raw->conn(), NGTCP2_ENCRYPTION_LEVEL_1RTT,
                                           message.data(), message.size()),
            0);
  raw->run(50ms);
  const auto end = server->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, Code::tls) << end->describe();
  EXPECT_EQ(raw->error, NGTCP2_ERR_DRAINING);
  EXPECT_EQ(ngtcp2_conn_get_ccerr(raw->conn())->error_code, 0x100u + 10);  // unexpected_message
}

TEST_F(RawPeer, UpdatesKeysAgainAndAgain) {
  connect();
  auto sending = *server->poll_open_uni(kio::Waiter::none());
  for (int i = 0; i < 4; ++i) {
    raw->run(300ms);  // Three probe timeouts lie between two updates (RFC 9001 §6.5).
    ASSERT_EQ(ngtcp2_conn_initiate_key_update(raw->conn(), internal::to_timestamp(bed.world.now())),
              0);
    const std::int64_t id = raw->open_uni();
    raw->send(id, "new key");
    (*sending)->write(Bytes::copy("the same here"));
    raw->run(50ms);
    const auto read = accept()->poll_read(kio::Waiter::none(), 100);
    ASSERT_TRUE(read && *read) << i;
    EXPECT_EQ(as_text(**read), "new key");
    EXPECT_EQ(raw->error, 0);
  }
  EXPECT_TRUE(server->poll_closed(kio::Waiter::none()).pending());
}

TEST_F(RawPeer, CodesOutsideTheMappingAreTransportErrors) {
  connect();
  for (const std::uint64_t code : {std::uint64_t{0}, std::uint64_t{1}, kFirstMappedCode - 1,
                                   kFirstMappedCode + 30, kLastMappedCode + 1}) {
    const std::int64_t id = raw->open_uni();
    raw->send(id, "y");
    raw->reset(id, code);
    raw->run(50ms);
    const auto read = accept()->poll_read(kio::Waiter::none(), 10);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->error().code, Code::transport) << code;
    EXPECT_EQ(read->error().wire, std::nullopt);
  }
  auto sending = *server->poll_open_uni(kio::Waiter::none());
  (*sending)->write(Bytes::copy("x"));
  raw->run(50ms);
  raw->stop(raw->opened[0], 7);
  raw->run(50ms);
  const auto writable = (*sending)->poll_writable(kio::Waiter::none());
  EXPECT_EQ(writable->error().code, Code::transport);
}

TEST_F(RawPeer, StreamsThatBeginWithAResetAreClosedWhateverTheCode) {
  Parameters parameters;
  parameters.max_streams_uni = 10;
  connect(parameters);
  // Ten at once are allowed; without credit for closed ones the eleventh would fail.
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::int64_t id = raw->open_uni();
    ASSERT_GE(id, 0) << i;
    raw->reset(id, i % 2 == 0 ? i : to_wire_code(static_cast<std::uint32_t>(i)));
    raw->run(20ms);
    const auto read = accept()->poll_read(kio::Waiter::none(), 10);
    ASSERT_TRUE(read);
    if (i % 2 == 0) {
      EXPECT_EQ(read->error().code, Code::transport);
    } else {
      EXPECT_EQ(read->error().wire, i);
    }
    raw->run(20ms);
  }
  EXPECT_EQ(raw->error, 0);
}

TEST_F(RawPeer, TooManyStreamsThatNgtcpCannotForgetEndTheSession) {
  Parameters parameters;
  parameters.max_streams_uni = internal::kMaxForgottenStreams * 2;
  connect(parameters);
  for (std::size_t i = 0; i <= internal::kMaxForgottenStreams + 100; ++i) {
    raw->reset(raw->open_uni(), 1);
    if (i % 100 == 99) raw->run(1ms);
  }
  raw->run(300ms);
  const auto closed = server->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->code, Code::too_many) << closed->describe();
}

TEST_F(RawPeer, StreamsNobodyAcceptsStayWithinTheLimit) {
  Parameters parameters;
  parameters.max_streams_uni = 50;
  connect(parameters);
  for (int i = 0; i < 50; ++i) {
    const std::int64_t id = raw->open_uni();
    raw->send(id, "z");
    raw->reset(id, to_wire_code(1));
    raw->run(2ms);
  }
  raw->run(1s);
  std::int64_t id = -1;
  EXPECT_EQ(ngtcp2_conn_open_uni_stream(raw->conn(), &id, nullptr), NGTCP2_ERR_STREAM_ID_BLOCKED);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(accept()->poll_read(kio::Waiter::none(), 1));
  raw->run(100ms);
  EXPECT_EQ(ngtcp2_conn_open_uni_stream(raw->conn(), &id, nullptr), 0);
}

/// Sockets that send along with each packet what a hostile network would.
class NoisyNetwork final : public DatagramNetwork {
 public:
  NoisyNetwork(DatagramNetwork& network, Random& random) : network_(network), random_(random) {}
  Result<std::unique_ptr<DatagramSocket>> bind(const SocketAddress& local) override {
    return wrap(network_.bind(local));
  }
  Result<std::unique_ptr<DatagramSocket>> connect(const SocketAddress& remote) override {
    return wrap(network_.connect(remote));
  }
  std::size_t made = 0;  ///< Packets of noise.

 private:
  class Socket final : public DatagramSocket {
   public:
    Socket(NoisyNetwork& owner, std::unique_ptr<DatagramSocket> socket)
        : owner_(owner), socket_(std::move(socket)) {}
    SocketAddress local_address() const override { return socket_->local_address(); }
    std::size_t send(std::span<const SendBatch> batches) override {
      for (const SendBatch& batch : batches) {
        ByteSpan rest = batch.data;
        while (!rest.empty()) {
          const std::size_t size = std::min(rest.size(), batch.segment_size);
          spoil(batch, rest.first(size));
          rest = rest.subspan(size);
        }
      }
      return socket_->send(batches);
    }
    kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter) override {
      return socket_->poll_writable(waiter);
    }
    kio::Poll<Result<std::span<const ReceivedBatch>>> poll_receive(
        const kio::Waiter& waiter) override {
      return socket_->poll_receive(waiter);
    }

   private:
    void spoil(const SendBatch& like, ByteSpan packet) {
      Random& random = owner_.random_;
      std::vector<std::uint8_t> noise(packet.begin(), packet.end());
      switch (random.below(6)) {
        case 0:  // Flipped bits.
          for (int i = 0; i < 3; ++i) {
            noise[random.below(noise.size())] ^= static_cast<std::uint8_t>(1 << random.below(8));
          }
          break;
        case 1:  // Flipped in the header.
          noise[random.below(std::min<std::size_t>(noise.size(), 20))] ^=
              static_cast<std::uint8_t>(random.next());
          break;
        case 2:  // Cut.
          noise.resize(1 + random.below(noise.size()));
          break;
        case 3:  // Repeated from before.
          noise = owner_.kept_.empty() ? noise : owner_.kept_[random.below(owner_.kept_.size())];
          break;
        case 4:  // Made up.
          for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.next());
          break;
        default:  // Glued together.
          noise.insert(noise.end(), packet.begin(), packet.end());
          noise.resize(std::min<std::size_t>(noise.size(), 1452));
      }
      if (owner_.kept_.size() < 200) owner_.kept_.emplace_back(packet.begin(), packet.end());
      const SendBatch batch{.to = like.to,
                            .from = like.from,
                            .data = noise,
                            .segment_size = noise.size(),
                            .ecn = like.ecn};
      socket_->send({&batch, 1});
      ++owner_.made;
    }
    NoisyNetwork& owner_;
    std::unique_ptr<DatagramSocket> socket_;
  };
  Result<std::unique_ptr<DatagramSocket>> wrap(Result<std::unique_ptr<DatagramSocket>> socket) {
    if (!socket) return socket;
    return std::make_unique<Socket>(*this, *std::move(socket));
  }

  DatagramNetwork& network_;
  Random& random_;
  std::vector<std::vector<std::uint8_t>> kept_;
};

TEST(Noise, DisturbsNeitherHandshakesNorSessions) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Bed bed({.latency = 5ms}, seed);
    SeededRandom random(seed);
    NoisyNetwork near(bed.near, random);
    NoisyNetwork far(bed.far, random);
    auto server = Server::create({bed.world, far, bed.world}, bed.server_options());
    ASSERT_TRUE(server);
    Client client({bed.world, near, bed.world});
    auto dialed = bed.world.run(client.dial(bed.dial_options()));
    ASSERT_TRUE(dialed) << dialed.error().describe();
    auto accepted = bed.world.run([](Server& from) -> kio::Task<std::unique_ptr<Connection>> {
      auto session = co_await from.accept();
      EXPECT_TRUE(session);
      co_return *std::move(session);
    }(*server));
    for (int i = 0; i < 20; ++i) {
      const std::string text(3000, static_cast<char>('a' + i));
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      Session& from = i % 2 == 0 ? **dialed : *accepted;
      Session& to = i % 2 == 0 ? *accepted : **dialed;
      bed.world.run(make_uni(from, to, text, send, recv));
      bed.world.run(expect_read(*recv, text));
    }
    EXPECT_GT(near.made + far.made, 100u);
  }
}

TEST(Noise, LeavesNothingBehindAtAServer) {
  Bed bed({.latency = 1ms});
  bed.serve();
  auto socket = *bed.near.connect(bed.far.address(kPort));
  SeededRandom random(5);
  for (int i = 0; i < 5000; ++i) {
    std::vector<std::uint8_t> packet(1 + random.below(1400));
    for (std::uint8_t& byte : packet) byte = static_cast<std::uint8_t>(random.next());
    if (i % 2 == 0 && packet.size() > 20) {  // A long header of version 1 with plausible ids.
      packet[0] |= 0xc0;
      packet[1] = packet[2] = packet[3] = 0;
      packet[4] = 1;
      packet[5] = static_cast<std::uint8_t>(random.below(22));
    }
    const SendBatch batch{.to = bed.far.address(kPort),
                          .from = socket->local_address(),
                          .data = packet,
                          .segment_size = packet.size(),
                          .ecn = 0};
    socket->send({&batch, 1});
    if (i % 50 == 0) bed.world.run_for(1ms);
  }
  EXPECT_TRUE(bed.dial());
  bed.world.run_for(15s);
  EXPECT_EQ(bed.server->connections(), 0u);
}

}  // namespace
}  // namespace moq::transport::quic::test

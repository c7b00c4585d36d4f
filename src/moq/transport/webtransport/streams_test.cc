#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

/// Streams and datagrams of an established session, at both ends.
class Streams : public RawPeerTest, public testing::WithParamInterface<Role> {
 protected:
  void SetUp() override { establish(GetParam()); }

  std::unique_ptr<RecvStream> next_uni() {
    auto accepted = session->poll_accept_uni(Waiter::none());
    if (!accepted || !*accepted) return nullptr;
    return std::move(**accepted);
  }
  std::optional<BidiStream> next_bidi() {
    auto accepted = session->poll_accept_bidi(Waiter::none());
    if (!accepted || !*accepted) return std::nullopt;
    return std::move(**accepted);
  }
  /// The stream that we opened last, as the peer sees it.
  Bytes seen_by_peer_uni() {
    Bytes last;
    while (auto accepted = peer->quic->poll_accept_uni(Waiter::none())) {
      last = read_now(***accepted);
    }
    return last;
  }
  /// Streams that the peer opened and that are not over: its control and, for a client, CONNECT.
  std::size_t peers_open_streams() {
    return wire->open_streams(GetParam() == Role::server ? sim::Side::client : sim::Side::server);
  }
  std::size_t base_streams() { return GetParam() == Role::server ? 2 : 1; }
};
INSTANTIATE_TEST_SUITE_P(Ends, Streams, testing::Values(Role::client, Role::server),
                         [](const auto& test) {
                           return test.param == Role::client ? "client" : "server";
                         });

// The vectors of the session sheet: an empty moq SETUP, an ANNOUNCE_REQUEST for "".
TEST_P(Streams, OpenedOnesStartWithThePrefix) {
  auto uni = session->poll_open_uni(Waiter::none());
  (**uni)->write(hex("01 01 00"));
  settle();
  EXPECT_EQ(seen_by_peer_uni(), hex("40 54 00 01 01 00"));

  auto bidi = session->poll_open_bidi(Waiter::none());
  (*bidi)->send->write(hex("01 01 00"));
  settle();
  auto far = peer->quic->poll_accept_bidi(Waiter::none());
  ASSERT_TRUE(far && *far);
  EXPECT_EQ(read_now(*(*far)->recv), hex("40 41 00 01 01 00"));
  // The answer's direction has no prefix.
  (*far)->send->write(Bytes::copy("answer"));
  settle();
  EXPECT_EQ(read_now(*(*bidi)->recv).text(), "answer");
}

TEST_P(Streams, AcceptedOnesStartAfterThePrefix) {
  const auto uni = peer->uni("40 54 00 01 01 00");
  const BidiStream bidi = peer->bidi("40 41 00 01 01 00");
  settle();
  const auto near = next_uni();
  ASSERT_TRUE(near);
  EXPECT_EQ(read_now(*near), hex("01 01 00"));
  const auto both = next_bidi();
  ASSERT_TRUE(both);
  EXPECT_EQ(read_now(*both->recv), hex("01 01 00"));
  both->send->write(Bytes::copy("answer"));
  settle();
  EXPECT_EQ(read_now(*bidi.recv).text(), "answer");
}

TEST_P(Streams, ThePrefixMayComeByteByByteAndInAnyForm) {
  const auto prefix = from_hex("c0 00 00 00 00 00 00 54 c0 00 00 00 00 00 00 00");
  const auto stream = peer->uni(ByteSpan{});
  for (const std::uint8_t& byte : prefix) {
    stream->write(Bytes::copy(ByteSpan(&byte, 1)));
    settle(15ms);
    const bool last = &byte == &prefix.back();
    EXPECT_EQ(next_uni() != nullptr, last);
  }
}

TEST_P(Streams, DataThatCameWithThePrefixIsReadInThePiecesAskedFor) {
  const auto stream = peer->uni("40 54 00 61 62 63");
  stream->finish();
  settle();
  const auto near = next_uni();
  for (const char* letter : {"a", "b", "c"}) {
    auto part = near->poll_read(Waiter::none(), 1);
    ASSERT_TRUE(part && *part);
    EXPECT_EQ((*part)->text(), letter);
  }
  auto end = near->poll_read(Waiter::none(), 1);
  ASSERT_TRUE(end && *end);
  EXPECT_TRUE((*end)->empty());
}

TEST_P(Streams, StreamsWithoutTheirPrefixAreDropped) {
  for (const char* text : {"40 54 00", "40 54 40 00", "80 00 00 54 80 00 00 00"}) {
    const auto prefix = from_hex(text);
    for (std::size_t cut = 0; cut < prefix.size(); ++cut) {
      const auto finished = peer->uni(ByteSpan(prefix).first(cut));
      finished->finish();
      const auto reset = peer->uni(ByteSpan(prefix).first(cut));
      settle(15ms);
      reset->reset(7);
      settle(30ms);
      EXPECT_FALSE(next_uni()) << text << " cut at " << cut;
    }
  }
  const auto prefix = from_hex("40 41 00");
  for (std::size_t cut = 0; cut < prefix.size(); ++cut) {
    BidiStream finished = peer->bidi(ByteSpan(prefix).first(cut));
    finished.send->finish();
    BidiStream reset = peer->bidi(ByteSpan(prefix).first(cut));
    settle(15ms);
    reset.send->reset(7);
    settle(30ms);
    EXPECT_FALSE(next_bidi()) << "bidi cut at " << cut;
  }
  settle();
  EXPECT_EQ(peers_open_streams(), base_streams());
  // The session is none the worse.
  const auto good = peer->uni("40 54 00");
  settle();
  EXPECT_TRUE(next_uni());
  EXPECT_FALSE(peer->closed());
}

TEST_P(Streams, OtherSessionsAreIgnored) {
  const auto uni = peer->uni("40 54 04 aa");
  {
    const BidiStream bidi = peer->bidi("40 41 04 aa");
    settle();
    EXPECT_FALSE(*bidi.send->poll_writable(Waiter::none())) << "it was not stopped";
  }
  settle();
  EXPECT_FALSE(next_uni());
  EXPECT_FALSE(next_bidi());
  EXPECT_FALSE(*uni->poll_writable(Waiter::none())) << "it was not stopped";
  EXPECT_EQ(peers_open_streams(), base_streams());
  EXPECT_FALSE(peer->closed());
  EXPECT_TRUE(logged("a stream of session 4"));
}

TEST_P(Streams, UnknownTypesAreDropped) {
  // A reserved type, an unknown one, a large one.
  for (const char* text : {"21 aa", "3f aa", "c0 00 00 01 00 00 00 00 aa"}) {
    const auto stream = peer->uni(text);
    settle();
    EXPECT_FALSE(*stream->poll_writable(Waiter::none())) << text;
  }
  EXPECT_FALSE(next_uni());
  EXPECT_EQ(peers_open_streams(), base_streams());
  EXPECT_FALSE(peer->closed());
}

TEST_P(Streams, BidirectionalStreamsThatAreNotTheSessionsAreDropped) {
  for (const char* text : {"01 00", "00", "21 00", "40 54 00"}) {
    const BidiStream stream = peer->bidi(text);
    settle();
    EXPECT_FALSE(*stream.send->poll_writable(Waiter::none())) << text;
    EXPECT_FALSE(next_bidi());
  }
  EXPECT_FALSE(peer->closed());
}

TEST_P(Streams, QpackStreamsAreKeptUnread) {
  const auto encoder = peer->uni("02 3f e1 1f");
  const auto decoder = peer->uni("03");
  settle();
  EXPECT_TRUE(*encoder->poll_writable(Waiter::none()));
  EXPECT_TRUE(*decoder->poll_writable(Waiter::none()));
  EXPECT_EQ(peers_open_streams(), base_streams() + 2);
  EXPECT_FALSE(peer->closed());
}

TEST_P(Streams, CodesPassAsTheyAre) {
  auto opened = session->poll_open_uni(Waiter::none());
  settle();
  auto accepted = peer->quic->poll_accept_uni(Waiter::none());
  while (auto next = peer->quic->poll_accept_uni(Waiter::none())) accepted = std::move(next);
  (**accepted)->stop(0x1e);
  settle();
  auto writable = (**opened)->poll_writable(Waiter::none());
  ASSERT_FALSE(*writable);
  EXPECT_EQ(writable->error().wire, 0x1eu);

  const auto stream = peer->uni("40 54 00");
  settle();
  const auto near = next_uni();
  stream->reset(0x1e);
  settle();
  auto read = near->poll_read(Waiter::none(), 1);
  ASSERT_FALSE(*read);
  EXPECT_EQ(read->error().code, Code::application);
  EXPECT_EQ(read->error().wire, 0x1eu);
}

TEST_P(Streams, DatagramsCarryTheSessionId) {
  EXPECT_EQ(session->max_datagram_bytes(), peer->quic->max_datagram_bytes() - 1);
  session->send_datagram(Bytes::copy("hi"));
  settle();
  auto got = peer->quic->poll_recv_datagram(Waiter::none());
  ASSERT_TRUE(got && *got);
  EXPECT_EQ(**got, hex("00 68 69"));

  for (const char* text : {"04 78", "00 68 69", "40 00 79"}) peer->quic->send_datagram(hex(text));
  settle();
  EXPECT_EQ((*session->poll_recv_datagram(Waiter::none()))->text(), "hi");
  EXPECT_EQ((*session->poll_recv_datagram(Waiter::none()))->text(), "y");
  EXPECT_FALSE(session->poll_recv_datagram(Waiter::none()));
  EXPECT_FALSE(peer->closed());
}

TEST_P(Streams, ADatagramWithoutAnIdIsAnError) {
  for (const char* text : {"", "40"}) {
    if (!session) establish(GetParam());
    peer->quic->send_datagram(hex(text));
    settle();
    auto got = session->poll_recv_datagram(Waiter::none());
    ASSERT_TRUE(got);
    EXPECT_FALSE(*got);
    settle();
    EXPECT_TRUE(peer->closed_with(H3Code::datagram_error)) << text;
    session.reset();
  }
}

TEST_P(Streams, GoawayDoesNotEndTheSession) {
  peer->control->write(hex("07 01 00"));
  settle();
  EXPECT_TRUE(logged("GOAWAY"));
  const auto stream = peer->uni("40 54 00");
  settle();
  EXPECT_TRUE(next_uni());
  EXPECT_FALSE(peer->closed());
}

/// Limits small enough to reach.
class StreamLimits : public RawPeerTest {
 protected:
  static constexpr std::size_t kUnidentified = 4;
  static constexpr std::size_t kReady = 3;
  void SetUp() override {
    Limits limits;
    limits.unidentified_streams = kUnidentified;
    limits.ready_streams = kReady;
    establish(Role::server, limits);
  }
  std::size_t accept_all() {
    std::size_t count = 0;
    while (auto accepted = session->poll_accept_uni(Waiter::none())) {
      if (!*accepted) break;
      kept.push_back(std::move(**accepted));
      ++count;
    }
    return count;
  }
  std::vector<std::unique_ptr<RecvStream>> kept;
};

TEST_F(StreamLimits, StreamsWithoutPrefixHoldUpOthersOnlyAtTheLimit) {
  std::vector<std::unique_ptr<SendStream>> silent;
  for (std::size_t i = 0; i + 1 < kUnidentified; ++i) silent.push_back(peer->uni("40"));
  const auto first = peer->uni("40 54 00");
  settle();
  EXPECT_EQ(accept_all(), 1u);

  silent.push_back(peer->uni("40"));
  settle();
  const auto second = peer->uni("40 54 00");
  settle();
  EXPECT_EQ(accept_all(), 0u);
  EXPECT_FALSE(peer->closed());

  // One of them says what it is: there is room again.
  silent.front()->write(hex("54 00"));
  settle();
  EXPECT_EQ(accept_all(), 2u);
}

TEST_F(StreamLimits, StreamsThatNobodyAcceptsWaitBelow) {
  std::vector<std::unique_ptr<SendStream>> streams;
  for (std::size_t i = 0; i < 2 * kReady + 1; ++i) streams.push_back(peer->uni("40 54 00"));
  settle();
  EXPECT_EQ(accept_all(), kReady);
  settle();
  EXPECT_EQ(accept_all(), kReady);
  settle();
  EXPECT_EQ(accept_all(), 1u);
}

TEST_F(StreamLimits, AFullQueueOfOneKindLeavesTheOther) {
  std::vector<std::unique_ptr<SendStream>> streams;
  for (std::size_t i = 0; i < kReady + 1; ++i) streams.push_back(peer->uni("40 54 00"));
  settle();
  const BidiStream bidi = peer->bidi("40 41 00");
  settle();
  auto accepted = session->poll_accept_bidi(Waiter::none());
  EXPECT_TRUE(accepted && *accepted);
}

}  // namespace
}  // namespace moq::transport::webtransport

#include "moq/transport/code_mapping.h"
#include "moq/transport/webtransport/internal/connect_stream.h"
#include "moq/transport/webtransport/internal/core.h"
#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

/// Each test runs at both ends.
class Close : public RawPeerTest, public testing::WithParamInterface<Role> {
 protected:
  void SetUp() override { establish(GetParam()); }

  sim::Side us() { return GetParam() == Role::client ? sim::Side::client : sim::Side::server; }
  /// What follows the headers that we wrote on the CONNECT stream.
  Bytes written_after_headers() {
    const Bytes all = written(us(), 0);
    TlvBuffer frames("frame", kMaxFrameBytes);
    frames.push(all.span());
    const auto headers = frames.next();
    EXPECT_TRUE(headers && *headers);
    return all.slice(all.size() - frames.buffered_bytes());
  }
  bool connect_finished() {
    for (const sim::StreamRecord& record : wire->records()) {
      if (record.id == 0) return record.from(us()).finished;
    }
    return false;
  }
  Error error() { return our_error(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Ends, Close, testing::Values(Role::client, Role::server),
                         [](const auto& test) {
                           return test.param == Role::client ? "client" : "server";
                         });

TEST_P(Close, WritesTheCapsuleAndTheEnd) {
  session->close(0, "dropped");
  settle();
  EXPECT_EQ(written_after_headers(), hex("00 0e 68 43 0b 00 00 00 00 64 72 6f 70 70 65 64"));
  EXPECT_TRUE(connect_finished());
  EXPECT_EQ(error(), Error(Code::closed, "dropped", 0));
}

TEST_P(Close, LeavesThePeerTimeAndThenClosesQuic) {
  session->close(2, "");
  EXPECT_EQ(written_after_headers(), hex("00 07 68 43 04 00 00 00 02"));
  settle(kMinLinger - 10ms);
  EXPECT_FALSE(peer->closed());
  settle(50ms);
  EXPECT_EQ(peer->closed_with(), to_wire_code(2));
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_P(Close, EndsAtOnceWhenThePeerClosesQuic) {
  session->close(2, "");
  settle(20ms);
  peer->quic->close(to_wire_code(2), "");
  settle(20ms);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_P(Close, DroppingTheHandleIsCodeZero) {
  session.reset();
  settle(20ms);
  EXPECT_EQ(written_after_headers(), hex("00 07 68 43 04 00 00 00 00"));
  settle(200ms);
  EXPECT_EQ(peer->closed_with(), to_wire_code(0));
}

TEST_P(Close, OnlyTheFirstCounts) {
  session->close(5, "first");
  session->close(6, "second");
  session.reset();
  settle(200ms);
  EXPECT_EQ(peer->closed_with(), to_wire_code(5));
}

TEST_P(Close, CodesBeyond32BitsAreCutToTheLargest) {
  session->close(std::uint64_t{1} << 40, "");
  EXPECT_EQ(written_after_headers(), hex("00 07 68 43 04 ff ff ff ff"));
}

TEST_P(Close, WakesThoseWhoWaitAtOnce) {
  auto waiting = world.spawn([](Session& ours) -> kio::Task<Error> {
    auto stream = co_await ours.accept_uni();
    co_return stream.error();
  }(*session));
  auto opened = session->poll_open_bidi(Waiter::none());
  ASSERT_TRUE(opened && *opened);
  auto reading = world.spawn([](RecvStream& stream) -> kio::Task<Error> {
    auto data = co_await stream.read(10);
    co_return data.error();
  }(*(*opened)->recv));
  settle();
  session->close(3, "");
  world.run_until_idle();
  ASSERT_TRUE(waiting.finished());
  ASSERT_TRUE(reading.finished());
  EXPECT_EQ(waiting.poll_join(Waiter::none())->wire, 3u);
  EXPECT_EQ(reading.poll_join(Waiter::none())->wire, 3u);
  EXPECT_FALSE(*session->poll_open_uni(Waiter::none()));
  EXPECT_FALSE(*session->poll_recv_datagram(Waiter::none()));
}

TEST_P(Close, AnswersACapsuleWithTheMappedCodeAndReason) {
  peer->connect.send->write(hex("00 0e 68 43 0b 00 00 00 02 64 72 6f 70 70 65 64"));
  peer->connect.send->finish();
  settle();
  EXPECT_EQ(error(), Error(Code::closed, "dropped", 2));
  ASSERT_TRUE(peer->closed());
  EXPECT_EQ(peer->closed()->wire, to_wire_code(2));
  EXPECT_EQ(peer->closed()->text, "dropped");
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_P(Close, TheEndOfTheConnectStreamIsCodeZero) {
  peer->connect.send->finish();
  settle();
  EXPECT_EQ(error(), Error(Code::closed, "", 0));
  EXPECT_EQ(peer->closed_with(), to_wire_code(0));
}

TEST_P(Close, AQuicCloseWithoutCapsuleSaysItsCode) {
  peer->quic->close(to_wire_code(0x31), "gone");
  settle();
  EXPECT_EQ(error(), Error(Code::closed, "gone", 0x31));
}

TEST_P(Close, CodesOfHttp3AreNoCodesOfMoq) {
  peer->quic->close(std::to_underlying(H3Code::excessive_load), "too much");
  settle();
  EXPECT_EQ(error().code, Code::transport);
  EXPECT_EQ(error().wire, std::nullopt);
  EXPECT_NE(error().text.find("H3_EXCESSIVE_LOAD"), std::string::npos);
  EXPECT_NE(error().text.find("too much"), std::string::npos);
}

TEST_P(Close, NoErrorOfHttp3IsACleanEnd) {
  peer->quic->close(std::to_underlying(H3Code::no_error), "");
  settle();
  EXPECT_EQ(error().code, Code::closed);
  EXPECT_EQ(error().wire, std::nullopt);
}

TEST_P(Close, AResetConnectStreamIsAnEndWithoutCode) {
  peer->connect.send->reset(9);
  settle();
  EXPECT_EQ(error().code, Code::transport);
  EXPECT_EQ(error().wire, std::nullopt);
  EXPECT_TRUE(peer->closed_with(H3Code::no_error));
}

TEST_P(Close, BothAtOnceEndBoth) {
  session->close(1, "");
  peer->connect.send->write(encode_close({.code = 2, .reason = {}}));
  peer->connect.send->finish();
  settle(500ms);
  EXPECT_EQ(error().wire, 1u);
  EXPECT_TRUE(peer->closed());
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_P(Close, DroppingTheTasksClosesAtOnce) {
  tasks.clear();
  EXPECT_EQ(error().code, Code::cancelled);
  settle(20ms);
  EXPECT_EQ(peer->closed_with(), to_wire_code(0));
}

TEST_P(Close, DroppingTheTasksWhileLeavingKeepsTheCode) {
  session->close(4, "");
  tasks.clear();
  settle(20ms);
  EXPECT_EQ(peer->closed_with(), to_wire_code(4));
}

TEST_P(Close, ADeadPathIsATimeout) {
  wire->partition();
  settle(11s);
  EXPECT_EQ(error().code, Code::timeout);
}

}  // namespace
}  // namespace moq::transport::webtransport

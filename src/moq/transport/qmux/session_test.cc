#include "moq/transport/qmux/session.h"

#include "moq/transport/qmux/internal/core.h"
#include "moq/transport/qmux/raw_peer_test.h"
#include "moq/transport/qmux/stream_pipe.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::qmux {
namespace {

using contract::pattern;

struct SessionTest : RawPeerTest {
  std::unique_ptr<SendStream> open_uni() {
    auto stream = session->poll_open_uni(Waiter::none());
    EXPECT_TRUE(stream && *stream);
    return **std::move(stream);
  }
  std::unique_ptr<RecvStream> accept_uni() {
    auto stream = session->poll_accept_uni(Waiter::none());
    EXPECT_TRUE(stream && *stream);
    return **std::move(stream);
  }
  std::string read(RecvStream& stream) {
    auto data = stream.poll_read(Waiter::none(), 1 << 20);
    if (data.pending()) return "(pending)";
    return *data ? std::string((*data)->text()) : (*data).error().describe();
  }
};

// wire/session.md §6.7: the first record of a Rust client on TCP, without its size; and the first
// message of the Rust relay on WebSocket, which differs by its limits.

TEST_F(SessionTest, TheFirstRecordIsThatOfARustClient) {
  Options options(Framing::qmux_01, Side::client);
  options.offers = std::vector<std::string>{"moq-lite-06"};
  begin(options);
  const auto records = received();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(
      to_hex(records[0].span()),
      "ff5153300d0a0d0a404a01048000753004048010000005048004000006048004000007048004000008026710"
      "0902671020027ffec571c59429cd0845027ffe"
      "fd4f9c2a8b1e60750c0b6d6f712d6c6974652d3036");
}

TEST_F(SessionTest, TheFirstMessageIsThatOfARustRelay) {
  Options options(Framing::qmux_01, Side::server);
  options.protocol = "moq-lite-06";
  options.parameters.max_streams_uni = 100;
  options.parameters.max_streams_bidi = 100;
  begin(options);
  const auto records = received();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(to_hex(records[0].span()),
            "ff5153300d0a0d0a3501048000753004048010000005048004000006048004000007048004000008024064"
            "0902406420027ffec571c59429cd0845027ffe");
}

TEST_F(SessionTest, NothingIsOpenedBeforeThePeersParameters) {
  begin(Options(Framing::qmux_01, Side::client));
  EXPECT_FALSE(joined());
  WireParameters parameters;
  parameters.max_streams_uni = 1;
  send(parameters_frame(parameters));
  auto established = joined();
  ASSERT_TRUE(established && *established);
  session = **std::move(established);
  EXPECT_TRUE(session->poll_open_uni(Waiter::none()));
  EXPECT_FALSE(session->poll_open_uni(Waiter::none()));
  EXPECT_FALSE(session->poll_open_bidi(Waiter::none()));
  EXPECT_EQ(session->max_datagram_bytes(), 0u);
  send("134002");
  EXPECT_TRUE(session->poll_open_uni(Waiter::none()));
}

TEST_F(SessionTest, TheServersOrderDecidesAboutTheProtocol) {
  for (const bool server : {true, false}) {
    Options options(Framing::qmux_01, server ? Side::server : Side::client);
    options.offers = std::vector<std::string>{"a", "b", "c"};
    WireParameters theirs = generous();
    theirs.protocols = std::vector<std::string>{"c", "b"};
    open(options, theirs);
    EXPECT_EQ(session->protocol(), server ? "b" : "c");
    theirs.protocols = std::vector<std::string>{"d"};
    open(options, theirs);
    EXPECT_EQ(session->protocol(), "");
    theirs.protocols.reset();
    open(options, theirs);
    EXPECT_EQ(session->protocol(), "");
  }
}

TEST_F(SessionTest, SaysWhatItWasTold) {
  Options options(Framing::qmux_02, Side::server);
  options.carrier = "websocket";
  options.protocol = "moq-lite-06";
  options.path = "/room?jwt=x";
  open(options);
  EXPECT_EQ(session->carrier(), "websocket");
  EXPECT_EQ(session->protocol(), "moq-lite-06");
  EXPECT_EQ(session->path(), "/room?jwt=x");
  EXPECT_EQ(session->peer(), "the other end");
}

TEST_F(SessionTest, StreamIdsAreThoseOfQuic) {
  for (const bool server : {true, false}) {
    open(Options(Framing::qmux_01, server ? Side::server : Side::client));
    std::vector<std::unique_ptr<SendStream>> uni;
    std::vector<BidiStream> bidi;
    for (int i = 0; i < 2; ++i) {
      uni.push_back(open_uni());
      uni.back()->write(Bytes::copy("u"));
      auto both = session->poll_open_bidi(Waiter::none());
      bidi.push_back(**std::move(both));
      bidi.back().send->write(Bytes::copy("b"));
    }
    std::vector<std::uint64_t> ids;
    for (const auto& data : received_of<StreamData>()) ids.push_back(data.id);
    EXPECT_EQ(ids, server ? (std::vector<std::uint64_t>{3, 1, 7, 5})
                          : (std::vector<std::uint64_t>{2, 0, 6, 4}));
  }
}

TEST_F(SessionTest, AStreamThatIsNotTheNextOpensThoseBeforeIt) {
  open();
  send(stream_frame(10, "third"));
  send(stream_frame(2, "first"));
  auto first = accept_uni();
  auto second = accept_uni();
  auto third = accept_uni();
  EXPECT_EQ(read(*first), "first");
  EXPECT_EQ(read(*second), "(pending)");
  EXPECT_EQ(read(*third), "third");
}

TEST_F(SessionTest, ControlGoesFirstThenDatagramsThenStreamsByPriority) {
  open();
  auto low = open_uni();
  auto high = open_uni();
  auto gone = open_uni();
  gone->write(Bytes::copy("never sent"));
  low->set_priority(1);
  high->set_priority(2);
  low->write(Bytes::copy("low"));
  high->write(Bytes::copy("high"));
  session->send_datagram(Bytes::copy("datagram"));
  gone->reset(5);
  std::vector<std::string> order;
  for (const Seen& seen : received_frames()) {
    order.push_back(std::holds_alternative<ResetStream>(seen.frame) ? "reset" : seen.text);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"reset", "datagram", "high", "low"}));
}

TEST_F(SessionTest, EqualStreamsTakeTurns) {
  open();
  std::vector<std::unique_ptr<SendStream>> streams;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(open_uni());
    streams.back()->write(pattern(40'000));
  }
  std::vector<std::uint64_t> first_ids;
  for (const auto& data : received_of<StreamData>()) {
    if (first_ids.size() < 3) first_ids.push_back(data.id);
    EXPECT_LE(data.data.size(), 16352u);
  }
  EXPECT_EQ(first_ids, (std::vector<std::uint64_t>{3, 7, 11}));
}

TEST_F(SessionTest, TheSenderStaysWithinEveryCredit) {
  WireParameters theirs = generous();
  theirs.max_data = 30;
  theirs.max_stream_data_uni = 20;
  open(Options(Framing::qmux_01, Side::server), theirs);
  auto first = open_uni();
  auto second = open_uni();
  auto third = open_uni();
  first->write(pattern(100));
  second->write(pattern(100));
  third->finish();
  std::size_t got = 0;
  bool ended_third = false;
  for (const auto& data : received_of<StreamData>()) {
    got += data.data.size();
    EXPECT_LE(data.offset + data.data.size(), 20u);
    ended_third = ended_third || data.fin;
  }
  EXPECT_EQ(got, 30u);
  EXPECT_TRUE(ended_third) << "an end needs no credit";
  send("1040f0");  // MAX_DATA 240; the first stream is at its own limit.
  for (const auto& data : received_of<StreamData>()) EXPECT_EQ(data.id, 7u);
  send("11034064");  // MAX_STREAM_DATA 100 for stream 3.
  const auto more = received_of<StreamData>();
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].id, 3u);
  EXPECT_EQ(more[0].offset, 20u);
  EXPECT_EQ(more[0].data.size(), 80u);
}

TEST_F(SessionTest, WindowsAreRaisedAsTheReaderReads) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.stream_window = 1000;
  options.parameters.connection_window = 1500;
  open(options);
  send(stream_frame(2, std::string(1000, 'x')));
  auto stream = accept_uni();
  EXPECT_TRUE(received().empty()) << "nothing was read";
  EXPECT_EQ(read(*stream).size(), 1000u);
  std::optional<MaxData> connection;
  std::optional<MaxStreamData> of_stream;
  for (const Seen& seen : received_frames()) {
    if (const auto* max = std::get_if<MaxData>(&seen.frame)) connection = *max;
    if (const auto* max = std::get_if<MaxStreamData>(&seen.frame)) of_stream = *max;
  }
  EXPECT_EQ(connection, MaxData{2500});
  EXPECT_EQ(of_stream, (MaxStreamData{.id = 2, .max = 2000}));
}

TEST_F(SessionTest, StreamsThatAreOverMakeRoomInSteps) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.max_streams_uni = 4;
  open(options);
  std::vector<std::uint64_t> raised;
  for (std::uint64_t i = 0; i < 4; ++i) {
    send(stream_frame(i * 4 + 2, "x", true));
    auto stream = accept_uni();
    EXPECT_EQ(read(*stream), "x");
    EXPECT_EQ(read(*stream), "");
    for (const auto& max : received_of<MaxStreams>()) raised.push_back(max.max);
  }
  EXPECT_EQ(raised, std::vector<std::uint64_t>{6});
}

TEST_F(SessionTest, WhoIsStoppedResetsWithWhatItSent) {
  open();
  auto stream = open_uni();
  stream->write(Bytes::copy("hello"));
  received();
  stream->write(Bytes::copy("more"));
  send("050309");  // STOP_SENDING 9
  EXPECT_EQ((*stream->poll_writable(Waiter::none())).error().wire, 9u);
  EXPECT_EQ((*stream->poll_finished(Waiter::none())).error().wire, 9u);
  const auto resets = received_of<ResetStream>();
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].code, 9u);
  EXPECT_EQ(resets[0].final_size, 9u);
}

TEST_F(SessionTest, AFinishedStreamIsDeliveredOnceALaterPingIsAnswered) {
  open();
  auto stream = open_uni();
  stream->write(Bytes::copy("hello"));
  stream->finish();
  EXPECT_FALSE(stream->poll_finished(Waiter::none()));
  std::optional<Ping> ping;
  for (const Seen& seen : received_frames()) {
    if (const auto* found = std::get_if<Ping>(&seen.frame)) ping = *found;
  }
  EXPECT_FALSE(stream->poll_finished(Waiter::none()));
  if (!ping) {
    const auto pings = received_of<Ping>();
    ASSERT_EQ(pings.size(), 1u);
    ping = pings[0];
  }
  send(frame(
      [&](Writer& out) { encode_ping(out, {.response = true, .sequence = ping->sequence}); }));
  const auto finished = stream->poll_finished(Waiter::none());
  ASSERT_TRUE(finished);
  EXPECT_TRUE(*finished);
}

TEST_F(SessionTest, WithoutPingsThePipeHasToDo) {
  for (const Framing framing : {Framing::webtransport, Framing::qmux_00}) {
    open(framing);
    auto stream = open_uni();
    stream->write(Bytes::copy("hello"));
    stream->finish();
    received();
    EXPECT_TRUE(stream->poll_finished(Waiter::none()));
  }
}

TEST_F(SessionTest, BeforeZeroOneEachMessageIsAFrame) {
  for (const Framing framing : {Framing::webtransport, Framing::qmux_00}) {
    open(framing);
    auto first = open_uni();
    auto second = open_uni();
    first->write(Bytes::copy("a"));
    second->write(Bytes::copy("b"));
    second->finish();
    first->reset(1);
    for (const Bytes& record : received()) {
      Reader in(record);
      EXPECT_TRUE(decode_frame(in, framing));
      EXPECT_EQ(in.remaining(), 0u);
    }
  }
}

TEST_F(SessionTest, OnlyTheNewestPingsMeasureIt) {
  open();
  world.run_for(1s * static_cast<int>(kMaxPings + 4));
  const auto pings = received_of<Ping>();
  ASSERT_GT(pings.size(), kMaxPings);
  const auto answer = [this](const Ping& ping) {
    send(frame(
        [&](Writer& out) { encode_ping(out, {.response = true, .sequence = ping.sequence}); }));
  };
  answer(pings[pings.size() - kMaxPings - 1]);
  EXPECT_FALSE(session->stats().rtt);
  answer(pings[pings.size() - kMaxPings]);
  EXPECT_TRUE(session->stats().rtt);
}

TEST_F(SessionTest, PingsMeasureTheRoundTrip) {
  open();
  EXPECT_FALSE(session->stats().rtt);
  world.run_for(1s);
  const auto pings = received_of<Ping>();
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_EQ(pings[0], (Ping{.response = false, .sequence = 0}));
  world.run_for(30ms);
  send("f48c67529ef8c7be00");
  ASSERT_TRUE(session->stats().rtt);
  EXPECT_GE(*session->stats().rtt, 30ms);
  EXPECT_LE(*session->stats().rtt, 60ms);
}

TEST_F(SessionTest, PingsAreAnswered) {
  open();
  send("f48c67529ef8c7bd05");
  const auto pongs = received_of<Ping>();
  ASSERT_EQ(pongs.size(), 1u);
  EXPECT_EQ(pongs[0], (Ping{.response = true, .sequence = 5}));
}

TEST_F(SessionTest, ASilentSessionPingsAtAThirdOfTheTimeoutAndThenEnds) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.ping_interval = Duration::zero();
  WireParameters theirs = generous();
  theirs.idle_timeout_ms = 9000;  // Less than ours.
  open(options, theirs);
  world.run_for(3s);
  EXPECT_EQ(received_of<Ping>().size(), 1u);
  // The first send after something came counts, what follows does not.
  world.run_for(8900ms);
  EXPECT_FALSE(closed());
  world.run_for(1s);
  ASSERT_TRUE(closed());
  EXPECT_EQ(closed()->code, Code::timeout);
  EXPECT_EQ(received_of<Close>().size(), 0u) << "the pipe is dropped without a word";
  EXPECT_TRUE(ended);
}

TEST_F(SessionTest, WhateverComesKeepsItAlive) {
  open();
  for (int i = 0; i < 5; ++i) {
    world.run_for(29s);
    send("00");
  }
  EXPECT_FALSE(closed());
}

TEST_F(SessionTest, TimeoutsOfZeroAreNone) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.idle_timeout = Duration::zero();
  options.parameters.ping_interval = Duration::zero();
  open(options);
  world.run_for(1h);
  EXPECT_FALSE(closed());
  EXPECT_TRUE(received().empty());
}

TEST_F(SessionTest, ACloseIsTheLastWordAndClosesThePipe) {
  for (const Framing framing :
       {Framing::webtransport, Framing::qmux_00, Framing::qmux_01, Framing::qmux_02}) {
    ended = false;
    open(framing);
    session->close(42, "bye");
    const auto closes = received_of<Close>();
    ASSERT_EQ(closes.size(), 1u) << to_string(framing);
    EXPECT_EQ(closes[0], (Close{.application = true, .code = 42, .reason = "bye"}));
    // The peer closes the pipe first.
    EXPECT_EQ(tasks.size(), 1u);
    hang_up();
    settle();
    EXPECT_EQ(tasks.size(), 0u);
    open(framing);
    session->close(42, "bye");
    received();
    expect_end();
  }
}

TEST_F(SessionTest, ThePeersClosesAreTold) {
  open();
  send(
      "1d4123"
      "03627965");
  EXPECT_EQ(closed()->code, Code::closed);
  EXPECT_EQ(closed()->wire, 0x123u);
  EXPECT_EQ(closed()->text, "bye");
  open();
  send("1c43ea0003626164");
  EXPECT_EQ(closed()->code, Code::transport);
  EXPECT_NE(closed()->text.find("bad"), std::string::npos);
  open();
  hang_up();
  settle();
  EXPECT_EQ(closed()->code, Code::transport);
}

TEST_F(SessionTest, AServerThatRefusesAtOnceIsTold) {
  begin(Options(Framing::qmux_01, Side::client));
  send(
      "1d0204"
      "6e6f7065");
  const auto error = closed();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->wire, 2u);
}

TEST_F(SessionTest, WhoIsRefusedIsToldWhateverItSays) {
  begin_refused(2, "not you");
  const auto closes = received_of<Close>();
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0], (Close{.application = true, .code = 2, .reason = "not you"}));
  send("01");
  hang_up();
  settle();
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(SessionTest, DroppingTheTasksDropsThePipe) {
  open();
  auto stream = open_uni();
  tasks.clear();
  settle();
  received();
  EXPECT_TRUE(ended);
  ASSERT_TRUE(closed());
  EXPECT_FALSE(*stream->poll_writable(Waiter::none()));
}

TEST_F(SessionTest, TheDatagramLimitIsThePeers) {
  WireParameters theirs = generous();
  theirs.max_datagram_frame_bytes = 100;
  open(Options(Framing::qmux_01, Side::server), theirs);
  EXPECT_EQ(session->max_datagram_bytes(), 97u);
  session->send_datagram(pattern(98));
  session->send_datagram(pattern(97));
  EXPECT_EQ(received_of<Datagram>().size(), 1u);
}

TEST_F(SessionTest, DatagramsBeyondTheQueueAreDropped) {
  open();
  for (int i = 0; i < 200; ++i) session->send_datagram(pattern(10));
  EXPECT_EQ(received_of<Datagram>().size(), 64u);
}

TEST_F(SessionTest, AWriterWaitsAtItsLimit) {
  WireParameters theirs = generous();
  theirs.max_data = 0;
  Options options(Framing::qmux_01, Side::server);
  options.parameters.stream_send_buffer = 1000;
  open(options, theirs);
  auto stream = open_uni();
  EXPECT_TRUE(stream->poll_writable(Waiter::none()));
  stream->write(pattern(1000));
  settle();
  EXPECT_FALSE(stream->poll_writable(Waiter::none()));
  send("104001");
  settle();
  EXPECT_TRUE(stream->poll_writable(Waiter::none()));
}

/// Two of ours, over each framing.
TEST(QmuxPair, SpeaksEveryFraming) {
  for (const Framing framing :
       {Framing::webtransport, Framing::qmux_00, Framing::qmux_01, Framing::qmux_02}) {
    SCOPED_TRACE(to_string(framing));
    sim::World world;
    kio::TaskGroup tasks(world);
    auto up = std::make_shared<Wire>(world, WireOptions{.rate_bps = 50'000'000});
    auto down = std::make_shared<Wire>(world, WireOptions{.rate_bps = 50'000'000});
    std::unique_ptr<Session> client;
    std::unique_ptr<Session> server;
    const auto open = [&](Side side, std::shared_ptr<Wire> in, std::shared_ptr<Wire> out) {
      return establish(tasks, std::make_unique<MessageEnd>(world, std::move(in), std::move(out)),
                       Options(framing, side));
    };
    auto serving = world.spawn(open(Side::server, up, down));
    auto connected = world.run(open(Side::client, down, up));
    ASSERT_TRUE(connected);
    client = *std::move(connected);
    ASSERT_TRUE(world.run_until([&] { return serving.finished(); }, 1s));
    server = **serving.poll_join(Waiter::none());

    const Bytes all = pattern(3 << 20);
    auto writing = world.spawn([](Session& from, Bytes data) -> kio::Task<void> {
      auto stream = co_await from.open_uni();
      const auto written = co_await contract::write_all(**stream, std::move(data), 30'000);
      EXPECT_TRUE(written);
      (*stream)->finish();
      const auto finished = co_await (*stream)->finished();
      EXPECT_TRUE(finished);
    }(*client, all));
    world.run([](Session& to, const Bytes& wanted) -> kio::Task<void> {
      auto stream = co_await to.accept_uni();
      const auto got = co_await contract::read_all(**stream);
      EXPECT_TRUE(got && *got == wanted);
    }(*server, all));
    EXPECT_TRUE(world.run_until([&] { return writing.finished(); }, 10s));
    client->close(3, "done");
    const Error over = world.run([](Session& end) -> kio::Task<Error> {
      auto error = co_await end.closed();
      co_return error;
    }(*server));
    EXPECT_EQ(over.code, Code::closed);
    EXPECT_EQ(over.wire, 3u);
  }
}

}  // namespace
}  // namespace moq::transport::qmux

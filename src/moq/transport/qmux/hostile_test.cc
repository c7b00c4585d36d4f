// Peers that break the rules, or use them up.
#include "moq/transport/qmux/internal/core.h"
#include "moq/transport/qmux/raw_peer_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::qmux {
namespace {

using contract::pattern;

struct HostileTest : RawPeerTest {
  /// A session of each framing with flow control gets `record`, which it must refuse.
  void expect_refused(std::string_view hex, std::string_view what) {
    for (const Framing framing : {Framing::qmux_00, Framing::qmux_01, Framing::qmux_02}) {
      SCOPED_TRACE(what);
      SCOPED_TRACE(to_string(framing));
      again();
      open(framing);
      send(hex);
      expect_violation(what);
    }
  }
  void again() {
    session.reset();
    tasks.clear();
    ended = false;
  }
};

TEST_F(HostileTest, FramesThatDoNotDecode) {
  expect_refused("01", "an unknown type");
  expect_refused("7fff", "an unknown type");
  expect_refused("0e02", "a cut STREAM");
  expect_refused("0e02000a6869", "a STREAM longer than its record");
  expect_refused("0502c000000100000000", "a code of 33 bits");
}

TEST_F(HostileTest, FramesOnTheWrongStreams) {
  // Our side is the server: 0 and 2 are the client's, 1 and 3 ours.
  expect_refused("0e03000161", "data on a stream that only we send on");
  expect_refused("04030100", "a reset of it");
  expect_refused("050201", "a stop of a stream that we do not send on");
  expect_refused("110205", "credit for it");
  expect_refused("0e01000161", "data on a stream of ours that is not open");
  expect_refused("050301", "a stop of a stream of ours that is not open");
}

TEST_F(HostileTest, MoreStreamsThanAllowed) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.max_streams_uni = 3;
  open(options);
  send(stream_frame(10, "the third"));
  EXPECT_FALSE(closed());
  send(stream_frame(14, "the fourth"));
  expect_violation("one stream too many");
}

TEST_F(HostileTest, AStreamIdAtTheEndOfTheNumbers) {
  for (const Framing framing : {Framing::webtransport, Framing::qmux_01}) {
    again();
    open(framing);
    send(stream_frame(kMaxVarint, "x", false, framing));
    expect_violation("the last stream there is");
  }
}

TEST_F(HostileTest, TheOldFramingHasALimitOfOpenStreamsToo) {
  Options options(Framing::webtransport, Side::server);
  options.parameters.max_streams_uni = 3;
  open(options);
  for (std::uint64_t i = 0; i < 20; ++i) {
    send(stream_frame(i * 4 + 2, "x", true, Framing::webtransport));
    auto stream = session->poll_accept_uni(Waiter::none());
    ASSERT_TRUE(stream && *stream);
    EXPECT_EQ((*(**stream)->poll_read(Waiter::none(), 9))->text(), "x");
    EXPECT_TRUE((*(**stream)->poll_read(Waiter::none(), 9))->empty());
  }
  for (std::uint64_t i = 20; i < 23; ++i) {
    send(stream_frame(i * 4 + 2, "x", false, Framing::webtransport));
  }
  EXPECT_FALSE(closed());
  send(stream_frame(23 * 4 + 2, "x", false, Framing::webtransport));
  expect_violation("four streams are open");
}

TEST_F(HostileTest, MoreDataThanAStreamMayHave) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.stream_window = 10;
  open(options);
  send(stream_frame(2, "0123456789"));
  EXPECT_FALSE(closed());
  send(stream_frame(2, "x"));
  expect_violation("the eleventh byte");
}

TEST_F(HostileTest, MoreDataThanTheConnectionMayHave) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.connection_window = 15;
  open(options);
  send(stream_frame(2, "0123456789"));
  send(stream_frame(6, "01234"));
  EXPECT_FALSE(closed());
  send(stream_frame(10, "x"));
  expect_violation("the sixteenth byte");
}

TEST_F(HostileTest, AResetBeyondWhatIsAllowed) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.stream_window = 100;
  open(options);
  send(frame([](Writer& out) {
    encode_reset(out, {.id = 2, .code = 1, .final_size = 100}, Framing::qmux_01);
  }));
  EXPECT_FALSE(closed());
  send(frame([](Writer& out) {
    encode_reset(out, {.id = 6, .code = 1, .final_size = 101}, Framing::qmux_01);
  }));
  expect_violation("a final size above the window");
}

TEST_F(HostileTest, ResetsThatNeverSentWhatTheyClaimDoNotUseUpTheConnection) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.stream_window = 100;
  options.parameters.connection_window = 150;
  open(options);
  // Accepted and dropped: streams come back as well.
  for (std::uint64_t i = 0; i < 50; ++i) {
    send(frame([i](Writer& out) {
      encode_reset(out, {.id = i * 4 + 2, .code = 1, .final_size = 100}, Framing::qmux_01);
    }));
    ASSERT_FALSE(closed()) << i;
    ASSERT_TRUE(session->poll_accept_uni(Waiter::none()));
  }
}

TEST_F(HostileTest, AResetThatNamesLessThanCameIsOfAnOldPeer) {
  open();
  send(stream_frame(2, "hello"));
  auto stream = session->poll_accept_uni(Waiter::none());
  send(frame([](Writer& out) {
    encode_reset(out, {.id = 2, .code = 9, .final_size = 0}, Framing::qmux_01);
  }));
  EXPECT_FALSE(closed());
  EXPECT_EQ((**stream)->poll_read(Waiter::none(), 9)->error().wire, 9u);
}

TEST_F(HostileTest, ResetStreamAtWasNotAskedFor) {
  open(Framing::qmux_02);
  send("2402010505");
  expect_violation("RESET_STREAM_AT");
}

TEST_F(HostileTest, StreamCountsBeyondTheIds) {
  expect_refused("12d000000000000001", "2^60 + 1 streams");
}

TEST_F(HostileTest, WhatFollowsAnEndIsIgnored) {
  open();
  send(stream_frame(2, "x", true));
  send(stream_frame(2, "y", true));
  send("0402010a");
  EXPECT_FALSE(closed());
  auto stream = session->poll_accept_uni(Waiter::none());
  EXPECT_EQ((*(**stream)->poll_read(Waiter::none(), 9))->text(), "x");
  EXPECT_TRUE((*(**stream)->poll_read(Waiter::none(), 9))->empty());
  stream = session->poll_accept_uni(Waiter::none());
  EXPECT_FALSE(stream) << "it was opened anew";
  send(stream_frame(2, "z", true));
  EXPECT_FALSE(session->poll_accept_uni(Waiter::none()));
}

TEST_F(HostileTest, ParametersThatAreNotRight) {
  for (const Framing framing : {Framing::qmux_00, Framing::qmux_01, Framing::qmux_02}) {
    again();
    begin(Options(framing, Side::client));
    send("ff5153300d0a0d0a020000");
    expect_violation("a parameter of packets");
    again();
    open(framing);
    send(parameters_frame(generous()));
    expect_violation("parameters a second time");
    again();
    begin(Options(framing, Side::client));
    WireParameters parameters = generous();
    parameters.protocols = std::vector<std::string>{"moq-lite-06"};
    send(parameters_frame(parameters));
    expect_violation("a choice that is made already");
  }
}

TEST_F(HostileTest, Before02OtherFramesMayPrecedeTheParameters) {
  for (const Framing framing : {Framing::qmux_00, Framing::qmux_01}) {
    again();
    begin(Options(framing, Side::server));
    send(stream_frame(0, "early"));
    send(parameters_frame(generous()));
    auto established = joined();
    ASSERT_TRUE(established && *established) << to_string(framing);
    session = **std::move(established);
    auto stream = session->poll_accept_bidi(Waiter::none());
    ASSERT_TRUE(stream && *stream);
    EXPECT_EQ((*(*stream)->recv->poll_read(Waiter::none(), 9))->text(), "early");
    // The answer has the credit of the parameters.
    (*stream)->send->write(Bytes::copy("answer"));
    EXPECT_EQ(received_of<StreamData>().size(), 1u);
  }
}

TEST_F(HostileTest, In02TheParametersComeFirst) {
  begin(Options(Framing::qmux_02, Side::server));
  send("0000");
  EXPECT_FALSE(closed()) << "padding is nothing";
  send(stream_frame(0, "early"));
  expect_violation("a frame before the parameters");
}

TEST_F(HostileTest, In02PingsCountUpwards) {
  open(Framing::qmux_02);
  send("f48c67529ef8c7bd07");
  EXPECT_FALSE(closed());
  send("f48c67529ef8c7bd07");
  expect_violation("a ping that does not grow");
  again();
  open(Framing::qmux_02);
  send("f48c67529ef8c7be05");
  expect_violation("a response to nothing");
  again();
  open(Framing::qmux_01);
  send("f48c67529ef8c7bd07");
  send("f48c67529ef8c7bd07");
  send("f48c67529ef8c7be05");
  EXPECT_FALSE(closed()) << "01 does not ask for it";
}

TEST_F(HostileTest, DatagramsThatTheFramingDoesNotHave) {
  open(Framing::qmux_00);
  EXPECT_EQ(session->max_datagram_bytes(), 0u);
  send("31026869");
  expect_violation("a datagram");
}

TEST_F(HostileTest, RecordsThatAreTooLarge) {
  for (const Framing framing : {Framing::webtransport, Framing::qmux_00, Framing::qmux_01}) {
    again();
    open(framing);
    send(Bytes::copy(std::string(max_record_bytes(framing) + 1, '\0')));
    expect_violation("a record");
  }
}

TEST_F(HostileTest, EmptyRecordsAndPaddingDoNothing) {
  open(Framing::qmux_02);
  send(Bytes::copy(std::string(kMaxRecordBytes, '\0')));
  EXPECT_FALSE(closed());
  EXPECT_TRUE(received().empty());
}

TEST_F(HostileTest, AFloodOfPingsIsAnsweredInPart) {
  open();
  Writer flood;
  for (std::uint64_t i = 0; i < 1000; ++i) encode_ping(flood, {.response = false, .sequence = i});
  send(flood.take());
  const auto pongs = received_of<Ping>();
  EXPECT_EQ(pongs.size(), kMaxPongs);
  EXPECT_EQ(pongs.back().sequence, 999u);
}

TEST_F(HostileTest, UnreadDatagramsAreBoundedInBytes) {
  Options options(Framing::qmux_01, Side::server);
  options.parameters.datagram_bytes_received = 100'000;
  open(options);
  for (int i = 0; i < 50; ++i) {
    send(frame([](Writer& out) { encode_datagram(out, pattern(16000).span()); }));
  }
  std::size_t kept = 0;
  while (auto datagram = session->poll_recv_datagram(Waiter::none())) kept += (*datagram)->size();
  EXPECT_GT(kept, 80'000u);
  EXPECT_LE(kept, 100'000u);
}

TEST_F(HostileTest, OneByteAtATimeKeepsLittleMemory) {
  open();
  // Records of 16 KB with one byte of data each must not be kept.
  Bytes one = frame([](Writer& out) {
    for (std::size_t i = 0; i < 16'000; ++i) out.u8(0);
    encode_stream(out, {.id = 2, .data = as_bytes("x")}, Framing::qmux_01);
  });
  for (int i = 0; i < 100; ++i) send(one);
  auto stream = session->poll_accept_uni(Waiter::none());
  ASSERT_TRUE(stream && *stream);
  std::size_t got = 0;
  int pieces = 0;
  while (auto read = (**stream)->poll_read(Waiter::none(), 1000)) {
    ASSERT_TRUE(*read);
    got += (*read)->size();
    ++pieces;
  }
  EXPECT_EQ(got, 100u);
  EXPECT_LT(pieces, 10) << "small pieces are not joined";
}

TEST_F(HostileTest, AnUnreadStreamOfTheOldFramingHoldsTheWireUp) {
  Options options(Framing::webtransport, Side::server);
  options.parameters.connection_window = 100'000;
  open(options);
  std::size_t taken = 0;
  Bytes record = frame([](Writer& out) {
    encode_stream(out, {.id = 2, .data = pattern(10'000).span()}, Framing::webtransport);
  });
  for (int i = 0; i < 1000; ++i) {
    Bytes next = record;
    if (!push(next)) break;
    ++taken;
    settle();
  }
  EXPECT_GE(taken, 10u);
  EXPECT_LT(taken, 40u) << "nothing pushes back";
  auto stream = session->poll_accept_uni(Waiter::none());
  std::size_t got = 0;
  while (got < taken * 10'000) {
    const auto read = (**stream)->poll_read(Waiter::none(), 50'000);
    if (read) {
      ASSERT_TRUE(*read);
      got += (*read)->size();
    }
    settle();
  }
  Bytes next = record;
  EXPECT_TRUE(push(next)) << "the wire stays stopped";
}

TEST_F(HostileTest, APeerThatNeverReadsIsLeftInTime) {
  open();
  session->close(7, "enough");
  settle();
  EXPECT_EQ(tasks.size(), 1u) << "the peer has some time";
  world.run_for(4s);
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(HostileTest, ASilentPeerNeverGetsASession) {
  begin(Options(Framing::qmux_01, Side::client));
  world.run_for(11s);
  auto established = joined();
  ASSERT_TRUE(established);
  ASSERT_FALSE(*established);
  EXPECT_EQ(established->error().code, Code::timeout);
  EXPECT_EQ(tasks.size(), 0u);
}

}  // namespace
}  // namespace moq::transport::qmux

#include "moq/transport/quic/connection.h"

#include <map>

#include "moq/base/wire.h"
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::quic::test {
namespace {

/// Ethernet's 1500 less IPv6 and UDP headers.
constexpr std::uint64_t kMaxSentPacket = 1452;

using contract::make_uni;
using contract::pattern;
using contract::read_all;
using contract::write_all;

/// Sends `size` bytes on a stream of `from` and checks them at `to`; returns the virtual time it
/// took.
Duration transfer(Bed& bed, Session& from, Session& to, std::size_t size) {
  const TimePoint start = bed.world.now();
  auto reader = bed.world.spawn([](Session& session) -> kio::Task<Result<Bytes>> {
    auto stream = co_await session.accept_uni();
    if (!stream) co_return std::unexpected(stream.error());
    auto all = co_await read_all(**stream);
    co_return all;
  }(to));
  const auto writer = bed.world.spawn([](Session& session, std::size_t bytes) -> kio::Task<void> {
    auto stream = co_await session.open_uni();
    const Result<void> written = co_await write_all(**stream, pattern(bytes), 16384);
    EXPECT_TRUE(written);
    (*stream)->finish();
    const Result<void> finished = co_await (*stream)->finished();
    EXPECT_TRUE(finished);
  }(from, size));
  EXPECT_TRUE(bed.world.run_until([&] { return reader.finished() && writer.finished(); }, 10min));
  const auto got = reader.poll_join(kio::Waiter::none());
  EXPECT_TRUE(got->has_value());
  EXPECT_TRUE(**got == pattern(size)) << "the content differs";
  return bed.world.now() - start;
}

struct PathCase {
  const char* name;
  sim::LinkOptions link;
};
class Paths : public testing::TestWithParam<PathCase> {};

TEST_P(Paths, CarryMegabytesUnharmedBothWays) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Bed bed(GetParam().link, seed);
    Pair pair = bed.connect();
    ASSERT_TRUE(pair.client && pair.server);
    transfer(bed, *pair.client, *pair.server, 2'000'000);
    transfer(bed, *pair.server, *pair.client, 2'000'000);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Quic, Paths,
    testing::Values(
        PathCase{"good", {}}, PathCase{"far", {.latency = 150ms}},
        PathCase{"lossy", {.latency = 20ms, .loss = 0.05}},
        PathCase{"reordering", {.latency = 10ms, .jitter = 30ms}},
        PathCase{"narrow", {.latency = 20ms, .rate_bps = 10'000'000, .queue_bytes = 64 * 1024}},
        PathCase{"awful", {.latency = 50ms, .jitter = 40ms, .loss = 0.1, .rate_bps = 4'000'000}},
        PathCase{"small_mtu", {.latency = 10ms, .mtu_bytes = 1280}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Connection, FillsALinkWithEitherCongestionControl) {
  for (const CongestionControl control : {CongestionControl::cubic, CongestionControl::bbr}) {
    Bed bed({.latency = 20ms, .rate_bps = 20'000'000});
    bed.parameters.congestion_control = control;
    Pair pair = bed.connect();
    const Duration took = transfer(bed, *pair.client, *pair.server, 10'000'000);
    // Four seconds at the full rate.
    EXPECT_LT(took, 6s) << (control == CongestionControl::bbr ? "bbr" : "cubic");
  }
}

TEST(Connection, DiscoversTheMtuOfThePath) {
  Bed bed;
  Pair pair = bed.connect();
  EXPECT_LT(pair.client->max_datagram_bytes(), 1200u);
  bed.world.run_for(5s);
  EXPECT_GT(pair.client->max_datagram_bytes(), 1400u);

  Bed off;
  off.parameters.path_mtu_discovery = false;
  Pair fixed = off.connect();
  off.world.run_for(5s);
  EXPECT_LT(fixed.client->max_datagram_bytes(), 1200u);
}

TEST(Connection, APathThatTakesNoLargePacketsAnyMoreIsLivedWith) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(5s);
  ASSERT_GT(pair.server->max_datagram_bytes(), 1400u);
  // A tunnel comes into the way: acknowledgements still pass.
  bed.network.set_link(bed.near, bed.far, {.mtu_bytes = 1350});
  const TimePoint start = bed.world.now();
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*pair.server, *pair.client, "x", send, recv));
  const Bytes data = pattern(200000);
  send->write(data);
  send->finish();
  const auto all = bed.world.run(read_all(*recv));
  ASSERT_TRUE(all) << all.error().describe();
  EXPECT_LT(bed.world.now() - start, 5s);
  EXPECT_LT(pair.server->max_datagram_bytes(), 1200u);
}

TEST(Connection, LossAloneLeavesPacketsLarge) {
  Bed bed({.latency = 20ms, .loss = 0.05});
  Pair pair = bed.connect();
  bed.world.run_for(5s);
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  bed.world.run(make_uni(*pair.server, *pair.client, "x", send, recv));
  send->write(pattern(2'000'000));
  send->finish();
  const auto all = bed.world.run(read_all(*recv));
  ASSERT_TRUE(all) << all.error().describe();
  EXPECT_GT(pair.server->max_datagram_bytes(), 1400u);
}

TEST(Connection, CarriesAThousandStreamsAtOnce) {
  Bed bed({.latency = 10ms, .loss = 0.02});
  Pair pair = bed.connect();
  std::vector<std::unique_ptr<SendStream>> sending;
  for (int i = 0; i < 1000; ++i) {
    auto stream = pair.client->poll_open_uni(kio::Waiter::none());
    ASSERT_TRUE(stream && *stream);
    (**stream)->write(Bytes::copy(std::to_string(i)));
    (**stream)->write(pattern(2000));
    sending.push_back(**std::move(stream));
  }
  for (auto& stream : sending) stream->finish();
  std::map<std::string, int> heads;
  bed.world.run([](Session& session, std::map<std::string, int>& seen) -> kio::Task<void> {
    for (int i = 0; i < 1000; ++i) {
      auto stream = co_await session.accept_uni();
      const auto all = co_await read_all(**stream);
      EXPECT_TRUE(all);
      const std::size_t head = all->size() - 2000;
      EXPECT_TRUE(all->slice(head) == pattern(2000));
      ++seen[std::string(all->slice(0, head).text())];
    }
  }(*pair.server, heads));
  EXPECT_EQ(heads.size(), 1000u);
}

/// Bytes that arrived on each of several streams, which all have more to send than arrives.
class Shares : public testing::Test {
 protected:
  void open(std::initializer_list<Priority> priorities) {
    for (const Priority priority : priorities) {
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      bed.world.run(make_uni(*pair.client, *pair.server, "x", send, recv));
      send->set_priority(priority);
      sending.push_back(std::move(send));
      receiving.push_back(std::move(recv));
    }
  }
  std::vector<std::size_t> measure(Duration time) {
    std::vector<std::size_t> got(sending.size());
    const TimePoint end = bed.world.now() + time;
    while (bed.world.now() < end) {
      for (auto& stream : sending) {
        if (stream->poll_writable(kio::Waiter::none())) stream->write(pattern(50000));
      }
      bed.world.run_for(10ms);
      for (std::size_t i = 0; i < receiving.size(); ++i) {
        while (auto part = receiving[i]->poll_read(kio::Waiter::none(), 100000)) {
          got[i] += (*part)->size();
        }
      }
    }
    return got;
  }
  Bed bed{sim::LinkOptions{.latency = 10ms, .rate_bps = 10'000'000}};
  Pair pair = bed.connect();
  std::vector<std::unique_ptr<SendStream>> sending;
  std::vector<std::unique_ptr<RecvStream>> receiving;
};

TEST_F(Shares, EqualsShareEqually) {
  open({5, 5, 5});
  const auto got = measure(5s);
  for (const std::size_t each : got) EXPECT_NEAR(static_cast<double>(each), 2'000'000, 300'000);
}

TEST_F(Shares, TheHigherNumberStarvesTheLower) {
  open({5, 9, 5});
  const auto got = measure(5s);
  EXPECT_GT(got[1], 5'000'000u);
  EXPECT_LT(got[0] + got[2], 300'000u);
}

TEST_F(Shares, APriorityCanChangeUnderWay) {
  open({5, 9});
  measure(2s);
  sending[0]->set_priority(20);
  measure(500ms);  // What was on its way.
  const auto got = measure(3s);
  EXPECT_GT(got[0], 3'000'000u);
  EXPECT_LT(got[1], 300'000u);
}

TEST(Connection, WritersWaitAtTheSendBuffersLimit) {
  Bed bed;
  bed.parameters.stream_send_buffer = 10000;
  Pair pair = bed.connect();
  auto stream = *pair.client->poll_open_uni(kio::Waiter::none());
  (*stream)->write(pattern(9999));
  EXPECT_TRUE((*stream)->poll_writable(kio::Waiter::none()));
  (*stream)->write(pattern(1));
  EXPECT_FALSE((*stream)->poll_writable(kio::Waiter::none()));
  bed.world.run([](SendStream& of) -> kio::Task<void> {
    const Result<void> writable = co_await of.writable();
    EXPECT_TRUE(writable);
  }(**stream));
}

TEST(Connection, APeerMaySendNoMoreThanTheWindowUnread) {
  Bed bed;
  bed.parameters.stream_window = 100'000;
  bed.parameters.connection_window = 250'000;
  bed.parameters.stream_send_buffer = 1 << 20;
  Pair pair = bed.connect();
  std::vector<std::unique_ptr<SendStream>> sending;
  for (int i = 0; i < 4; ++i) {
    auto stream = *pair.client->poll_open_uni(kio::Waiter::none());
    (*stream)->write(pattern(200'000));
    sending.push_back(*std::move(stream));
  }
  bed.world.run_for(2s);
  std::vector<std::unique_ptr<RecvStream>> receiving;
  std::size_t unread = 0;
  std::size_t largest = 0;
  while (auto stream = pair.server->poll_accept_uni(kio::Waiter::none())) {
    receiving.push_back(**std::move(stream));
    std::size_t size = 0;
    while (auto part = receiving.back()->poll_read(kio::Waiter::none(), 1 << 20)) {
      size += (*part)->size();
    }
    largest = std::max(largest, size);
    unread += size;
  }
  EXPECT_LE(largest, 100'000u);
  EXPECT_EQ(unread, 250'000u);
  // Reading opened the windows again.
  for (int i = 0; i < 50; ++i) {
    bed.world.run_for(100ms);
    for (auto& stream : receiving) {
      while (auto part = stream->poll_read(kio::Waiter::none(), 1 << 20)) unread += (*part)->size();
    }
    while (auto stream = pair.server->poll_accept_uni(kio::Waiter::none())) {
      receiving.push_back(**std::move(stream));
    }
  }
  EXPECT_EQ(unread, 800'000u);
}

TEST(Connection, OneStreamMayHaveNoMoreThanItsWindowUnread) {
  Bed bed;
  bed.parameters.stream_window = 100'000;
  Pair pair = bed.connect();
  auto sending = *pair.client->poll_open_uni(kio::Waiter::none());
  (*sending)->write(pattern(200'000));
  bed.world.run_for(2s);
  auto receiving = *pair.server->poll_accept_uni(kio::Waiter::none());
  std::size_t unread = 0;
  while (auto part = (*receiving)->poll_read(kio::Waiter::none(), 1 << 20)) {
    unread += (*part)->size();
  }
  EXPECT_EQ(unread, 100'000u);
}

TEST(Connection, WhatIsStoppedOrResetGivesItsWindowBack) {
  Bed bed;
  bed.parameters.stream_window = 100'000;
  bed.parameters.connection_window = 120'000;
  Pair pair = bed.connect();
  // Each round leaves most of a window behind unread.
  for (int i = 0; i < 30; ++i) {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    bed.world.run(make_uni(*pair.client, *pair.server, std::string(90'000, 'x'), send, recv));
    bed.world.run_for(200ms);
    switch (i % 3) {
      case 0:
        recv->stop(1);
        break;
      case 1:
        send->reset(1);
        break;
      default:
        recv.reset();
    }
    bed.world.run_for(200ms);
  }
  transfer(bed, *pair.client, *pair.server, 500'000);
}

TEST(Connection, KeepsTheNewestUnreadDatagrams) {
  Bed bed;
  bed.parameters.datagrams_received = 8;
  Pair pair = bed.connect();
  for (int i = 0; i < 20; ++i) {
    pair.client->send_datagram(Bytes::copy(std::to_string(i)));
    bed.world.run_for(1ms);
  }
  bed.world.run_for(100ms);
  std::vector<std::string> got;
  while (auto datagram = pair.server->poll_recv_datagram(kio::Waiter::none())) {
    got.emplace_back((*datagram)->text());
  }
  EXPECT_EQ(got, (std::vector<std::string>{"12", "13", "14", "15", "16", "17", "18", "19"}));
}

TEST(Connection, CarriesAnEmptyDatagram) {
  Bed bed;
  Pair pair = bed.connect();
  for (const char* text : {"", "after"}) {
    pair.client->send_datagram(Bytes::copy(text));
    bed.world.run_for(100ms);
    auto datagram = pair.server->poll_recv_datagram(kio::Waiter::none());
    ASSERT_TRUE(datagram.ready() && *datagram);
    EXPECT_EQ((*datagram)->text(), text);
  }
}

TEST(Connection, QueuesNoMoreDatagramsThanTheLimit) {
  Bed bed;
  bed.parameters.datagrams_queued = 4;
  Pair pair = bed.connect();
  for (int i = 0; i < 10; ++i) pair.client->send_datagram(Bytes::copy(std::to_string(i)));
  bed.world.run_for(100ms);
  std::string got;
  while (auto datagram = pair.server->poll_recv_datagram(kio::Waiter::none())) {
    got += (*datagram)->text();
  }
  EXPECT_EQ(got, "0123");
}

TEST(Connection, DatagramsPassStreams) {
  Bed bed({.latency = 10ms, .rate_bps = 5'000'000});
  Pair pair = bed.connect();
  auto stream = *pair.client->poll_open_uni(kio::Waiter::none());
  (*stream)->write(pattern(5'000'000));
  bed.world.run_for(500ms);
  pair.client->send_datagram(Bytes::copy("urgent"));
  const TimePoint sent = bed.world.now();
  bed.world.run([](Session& to) -> kio::Task<void> {
    const auto got = co_await to.recv_datagram();
    EXPECT_EQ(got->text(), "urgent");
  }(*pair.server));
  EXPECT_LT(bed.world.now() - sent, 700ms);
}

TEST(Connection, KeepsItselfAliveWithoutTraffic) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(5min);
  EXPECT_FALSE(pair.client->poll_closed(kio::Waiter::none()));
  EXPECT_FALSE(pair.server->poll_closed(kio::Waiter::none()));
}

TEST(Connection, WithoutKeepAliveTheIdleTimeoutEndsIt) {
  Bed bed;
  bed.parameters.keep_alive = Duration::zero();
  Pair pair = bed.connect();
  bed.world.run_for(1s);
  const TimePoint start = bed.world.now();
  const Error error = bed.closed(*pair.client);
  EXPECT_EQ(error.code, Code::timeout) << error.describe();
  EXPECT_NEAR(static_cast<double>(to_ms(bed.world.now() - start)), 9500, 1000);
  EXPECT_EQ(bed.closed(*pair.server).code, Code::timeout);
}

TEST(Connection, ASilentPeerIsGivenUpAfterTheIdleTimeout) {
  Bed bed;
  Pair pair = bed.connect();
  bed.network.partition(bed.near, bed.far);
  const TimePoint start = bed.world.now();
  EXPECT_EQ(bed.closed(*pair.client).code, Code::timeout);
  EXPECT_LT(bed.world.now() - start, 14s);
}

TEST(Connection, AnIdleOneCostsNoPacketsButKeepAlive) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(10s);
  const std::uint64_t before = bed.network.counts().sent;
  bed.world.run_for(60s);
  // Every three seconds a ping of either side and its acknowledgement.
  EXPECT_LE(bed.network.counts().sent - before, 20u * 4);
}

TEST(Connection, CloseCodesPassUnmapped) {
  for (const std::uint64_t code :
       std::vector<std::uint64_t>{0, 2, 464, 0x52e4a40fa8dc, kMaxVarint}) {
    Bed bed;
    Pair pair = bed.connect();
    pair.server->close(code, "because");
    const Error error = bed.closed(*pair.client);
    EXPECT_EQ(error.code, Code::closed);
    EXPECT_EQ(error.wire, code);
    EXPECT_EQ(error.text, "because");
  }
}

TEST(Connection, AReasonIsCutAndMadePrintable) {
  Bed bed;
  Pair pair = bed.connect();
  pair.server->close(1, std::string(5000, 'r'));
  EXPECT_LE(bed.closed(*pair.client).text.size(), 1024u);
  pair = bed.connect();
  pair.server->close(1, "two\nlines\x1b[31m");
  EXPECT_EQ(bed.closed(*pair.client).text, "two lines [31m");
  pair = bed.connect();
  pair.server->close(1, "\xff\xfe");
  EXPECT_EQ(bed.closed(*pair.client).text, "(reason is not text)");
}

TEST(Connection, ALostCloseIsRepeatedWhenAskedFor) {
  Bed bed;
  Pair pair = bed.connect();
  bed.world.run_for(1s);
  bed.network.partition(bed.near, bed.far);
  pair.server->close(7, "lost at first");
  bed.world.run_for(10ms);
  bed.network.heal(bed.near, bed.far);
  auto stream = *pair.client->poll_open_uni(kio::Waiter::none());
  (*stream)->write(Bytes::copy("still there?"));
  const TimePoint start = bed.world.now();
  EXPECT_EQ(bed.closed(*pair.client).wire, 7u);
  EXPECT_LT(bed.world.now() - start, 100ms);
}

TEST(Connection, UnmappedStreamCodesAreErrorsWithoutACode) {
  // A peer that knows no mapping is played by codes on the wire, see the loopback test; here: that
  // our own codes come back as themselves at the borders of the mapping.
  Bed bed;
  Pair pair = bed.connect();
  for (const std::uint32_t code : {29u, 30u, 31u, 59u, 60u, 0x31u}) {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    bed.world.run(make_uni(*pair.client, *pair.server, "x", send, recv));
    send->reset(code);
    bed.world.run(contract::expect_reset(*recv, code));
    bed.world.run(make_uni(*pair.client, *pair.server, "x", send, recv));
    recv->stop(code);
    bed.world.run(contract::expect_stopped(*send, code));
  }
}

TEST(Connection, AStopIsHeardWhileNothingIsWritten) {
  Bed bed;
  Pair pair = bed.connect();
  BidiStream near;
  BidiStream far;
  bed.world.run(contract::make_bidi(*pair.client, *pair.server, "x", near, far));
  const auto waiting = bed.world.spawn([](SendStream& stream) -> kio::Task<void> {
    const Result<void> finished = co_await stream.finished();
    EXPECT_FALSE(finished);
    EXPECT_EQ(finished.error().wire, 5u);
  }(*near.send));
  bed.world.run_for(1s);
  far.recv->stop(5);
  const TimePoint start = bed.world.now();
  EXPECT_TRUE(bed.world.run_until([&] { return waiting.finished(); }, 5s));
  EXPECT_LT(bed.world.now() - start, 15ms);
}

TEST(Connection, TellsItsStatistics) {
  Bed bed({.latency = 25ms, .loss = 0.05});
  Pair pair = bed.connect();
  transfer(bed, *pair.client, *pair.server, 1'000'000);
  const Stats stats = pair.client->stats();
  ASSERT_TRUE(stats.rtt);
  EXPECT_NEAR(static_cast<double>(to_ms(*stats.rtt)), 50, 10);
  ASSERT_TRUE(stats.send_rate_bps);
  EXPECT_GT(*stats.send_rate_bps, 100'000u);
  EXPECT_GT(stats.bytes_sent, 1'000'000u);
  EXPECT_GT(stats.packets_lost, 10u);
  EXPECT_GT(stats.packets_sent, 1'000'000u / kMaxSentPacket);
  EXPECT_GT(stats.bytes_lost, stats.packets_lost * 1000);
  EXPECT_LE(stats.bytes_lost, stats.packets_lost * kMaxSentPacket);
  // About as many as the link lost, of both directions' packets.
  const double lost = static_cast<double>(stats.packets_sent) * 0.05;
  EXPECT_NEAR(static_cast<double>(stats.packets_lost), lost, lost / 2);
  EXPECT_EQ(*pair.client->stats_cell()->read(), stats);
  EXPECT_LT(pair.server->stats().packets_received, stats.packets_sent);
  EXPECT_EQ(pair.client->carrier(), "quic");
  EXPECT_EQ(pair.client->path(), std::nullopt);
  EXPECT_EQ(pair.client->peer(), "10.0.0.2:4443");
}

TEST(Connection, ACellIsFreshAfterEachPacketAndEmptyAfterTheEnd) {
  Bed bed({.latency = 25ms, .loss = 0.05});
  Pair pair = bed.connect();
  const auto near = pair.client->stats_cell();
  const auto far = pair.server->stats_cell();
  for (int i = 0; i < 20; ++i) {
    transfer(bed, *pair.client, *pair.server, 20'000);
    bed.world.run_for(1s);
    EXPECT_EQ(*near->read(), pair.client->stats());
    EXPECT_EQ(*far->read(), pair.server->stats());
  }
  pair.client->close(5, "bye");
  EXPECT_FALSE(near->read());
  EXPECT_FALSE(pair.client->stats_cell()->read());
  bed.world.run_for(1s);
  EXPECT_FALSE(far->read());
}

TEST(Connection, LostDatagramsCountWithTheirSizes) {
  Bed bed({.latency = 25ms, .loss = 0.2});
  Pair pair = bed.connect();
  for (int i = 0; i < 200; ++i) {
    pair.client->send_datagram(Bytes::copy(std::string(500, 'x')));
    bed.world.run_for(10ms);
  }
  bed.world.run_for(2s);
  const Stats stats = pair.client->stats();
  EXPECT_GT(stats.packets_lost, 20u);
  EXPECT_GE(stats.bytes_lost, 20u * 500);
  EXPECT_LE(stats.bytes_lost, stats.packets_lost * 510);
}

TEST(Connection, OnlyAClientMigrates) {
  Bed bed;
  Pair pair = bed.connect();
  EXPECT_EQ(pair.server->migrate().error().code, Code::unsupported);
}

}  // namespace
}  // namespace moq::transport::quic::test

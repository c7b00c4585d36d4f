#include "moq/sim/session_pair.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::sim {
namespace {

using kio::Waiter;
using transport::RecvStream;
using transport::SendStream;
using transport::Session;

constexpr auto kUnlimited = LinkOptions{.latency = 10ms};

std::unique_ptr<SendStream> open_uni(Session& session) {
  auto stream = session.poll_open_uni(Waiter::none());
  EXPECT_TRUE(stream && *stream);
  return **std::move(stream);
}

std::unique_ptr<RecvStream> accept_uni(Session& session) {
  auto stream = session.poll_accept_uni(Waiter::none());
  EXPECT_TRUE(stream && *stream);
  return stream && *stream ? **std::move(stream) : nullptr;
}

/// What can be read now.
std::string read_now(RecvStream& stream) {
  std::string all;
  for (;;) {
    auto part = stream.poll_read(Waiter::none(), SIZE_MAX);
    if (!part || !*part || (**part).empty()) return all;
    all += (**part).text();
  }
}

Bytes zeros(std::size_t size) { return Bytes::copy(std::string(size, '\0')); }

TEST(SessionPair, PayloadIsHandedOverWithoutACopy) {
  World world;
  SessionPair pair = session_pair(world);
  const Bytes payload = Bytes::copy("the very same bytes");
  const auto send = open_uni(*pair.client);
  send->write(payload);
  pair.client->send_datagram(payload);
  world.run_for(10ms);
  const auto recv = accept_uni(*pair.server);
  EXPECT_EQ((**recv->poll_read(Waiter::none(), 100)).data(), payload.data());
  EXPECT_EQ((**pair.server->poll_recv_datagram(Waiter::none())).data(), payload.data());
}

TEST(SessionPair, BytesTakeTheLatency) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.client);
  send->write(Bytes::copy("x"));
  world.run_for(9ms);
  EXPECT_FALSE(pair.server->poll_accept_uni(Waiter::none()));
  world.run_for(1ms);
  EXPECT_EQ(read_now(*accept_uni(*pair.server)), "x");
}

TEST(SessionPair, ALimitedRateTakesItsTime) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 0s, .rate_bps = 8'000'000});
  const auto send = open_uni(*pair.client);
  send->write(zeros(100'000));
  world.run_for(50ms);
  const auto recv = accept_uni(*pair.server);
  EXPECT_NEAR(static_cast<double>(read_now(*recv).size()), 50'000, 1200);
  world.run_for(50ms);
  EXPECT_NEAR(static_cast<double>(read_now(*recv).size()), 50'000, 1200);
  EXPECT_EQ(pair.control.unsent_bytes(Side::client), 0u);
  EXPECT_EQ(pair.client->stats().send_rate_bps, 8'000'000u);
}

TEST(SessionPair, WithALimitedRateTheHigherPriorityGoesFirst) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 0s, .rate_bps = 8'000'000});
  const auto low = open_uni(*pair.client);
  const auto high = open_uni(*pair.client);
  low->set_priority(1);
  high->set_priority(2);
  low->write(zeros(60'000));
  world.run_for(10ms);  // 10 kB of the lower are out when the higher comes.
  high->write(zeros(30'000));
  const auto low_in = accept_uni(*pair.server);
  world.run_for(30ms);
  const auto high_in = accept_uni(*pair.server);
  EXPECT_NEAR(static_cast<double>(read_now(*high_in).size()), 30'000, 1200);
  EXPECT_NEAR(static_cast<double>(read_now(*low_in).size()), 10'000, 2400);
  world.run_for(50ms);
  EXPECT_NEAR(static_cast<double>(read_now(*low_in).size()), 50'000, 2400);
}

TEST(SessionPair, APriorityMayChangeWhileDataWaits) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 0s, .rate_bps = 8'000'000});
  const auto one = open_uni(*pair.client);
  const auto two = open_uni(*pair.client);
  one->set_priority(9);
  two->set_priority(8);
  one->write(zeros(40'000));
  two->write(zeros(40'000));
  world.run_for(10ms);
  const auto one_in = accept_uni(*pair.server);
  two->set_priority(10);
  world.run_for(40ms);
  const auto two_in = accept_uni(*pair.server);
  EXPECT_NEAR(static_cast<double>(read_now(*two_in).size()), 40'000, 2400);
  EXPECT_NEAR(static_cast<double>(read_now(*one_in).size()), 10'000, 2400);
}

TEST(SessionPair, EqualPrioritiesTakeTurns) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 0s, .rate_bps = 8'000'000});
  const auto one = open_uni(*pair.client);
  const auto two = open_uni(*pair.client);
  one->write(zeros(50'000));
  two->write(zeros(50'000));
  world.run_for(40ms);
  const auto first = read_now(*accept_uni(*pair.server)).size();
  const auto second = read_now(*accept_uni(*pair.server)).size();
  EXPECT_NEAR(static_cast<double>(first), 20'000, 1200);
  EXPECT_NEAR(static_cast<double>(second), 20'000, 1200);
}

TEST(SessionPair, AStreamIsNotWritableAboveItsBuffer) {
  World world;
  PairOptions options(kUnlimited);
  options.send_buffer_bytes = 1000;
  options.stream_window_bytes = 500;
  SessionPair pair = session_pair(world, std::move(options));
  const auto send = open_uni(*pair.client);
  send->write(zeros(999 + 500));
  world.run_for(1s);
  EXPECT_EQ(pair.control.unsent_bytes(Side::client), 999u);
  EXPECT_EQ(pair.control.unread_bytes(Side::server), 500u);
  EXPECT_TRUE(send->poll_writable(Waiter::none()));
  send->write(zeros(1));
  EXPECT_FALSE(send->poll_writable(Waiter::none()));
  EXPECT_EQ(read_now(*accept_uni(*pair.server)).size(), 500u);
  world.run_for(1s);
  EXPECT_TRUE(send->poll_writable(Waiter::none()));
}

TEST(SessionPair, TheWindowOfTheSessionBoundsAllStreams) {
  World world;
  PairOptions options(kUnlimited);
  options.session_window_bytes = 1000;
  SessionPair pair = session_pair(world, std::move(options));
  const auto one = open_uni(*pair.client);
  const auto two = open_uni(*pair.client);
  one->write(zeros(800));
  two->write(zeros(800));
  two->write(zeros(1));  // Again while it waits.
  world.run_for(1s);
  EXPECT_EQ(pair.control.unread_bytes(Side::server), 1000u);
  // What a reader refuses comes back as credit too.
  accept_uni(*pair.server)->stop(1);
  world.run_for(1s);
  EXPECT_EQ(read_now(*accept_uni(*pair.server)).size(), 801u);
  EXPECT_EQ(pair.control.unsent_bytes(Side::client), 0u);
}

TEST(SessionPair, WhatArrivesAfterAStopOrAResetGivesItsCreditBack) {
  World world;
  PairOptions options(kUnlimited);
  options.session_window_bytes = 1000;
  SessionPair pair = session_pair(world, std::move(options));
  // Held on to, so that it is not their end which gives the credit back.
  std::vector<std::unique_ptr<SendStream>> sends;
  std::vector<std::unique_ptr<RecvStream>> recvs;
  for (const bool stop : {true, false}) {
    const auto& send = sends.emplace_back(open_uni(*pair.client));
    send->write(zeros(1));
    world.run_for(10ms);
    const auto& recv = recvs.emplace_back(accept_uni(*pair.server));
    send->write(zeros(900));
    // Overtakes the bytes, or meets them under way.
    if (stop) {
      recv->stop(1);
    } else {
      pair.control.set_link(Side::client, {.latency = 20ms});
      world.run_until_idle();
      pair.control.set_link(Side::client, {.latency = 1ms});
      send->reset(1);
    }
    world.run_for(1s);
  }
  const auto next = open_uni(*pair.client);
  next->write(zeros(1000));
  world.run_for(1s);
  EXPECT_EQ(pair.control.unsent_bytes(Side::client), 0u);
  EXPECT_EQ(pair.control.unread_bytes(Side::server), 1000u);
}

TEST(SessionPair, AResetAfterTheLastByteChangesNothing) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.client);
  send->write(Bytes::copy("whole"));
  send->finish();
  world.run_for(10ms);  // It has arrived, but its sender does not know.
  send->reset(1);
  world.run_for(1s);
  const auto recv = accept_uni(*pair.server);
  EXPECT_EQ(read_now(*recv), "whole");
  EXPECT_TRUE((**recv->poll_read(Waiter::none(), 1)).empty());
  EXPECT_EQ(pair.control.open_streams(Side::client), 0u);
}

TEST(SessionPair, LossDelaysItsStreamAndNoOther) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto lossy = open_uni(*pair.client);
  lossy->write(Bytes::copy("1"));
  pair.control.set_link(Side::client, {.latency = 10ms, .loss = 1});
  lossy->write(Bytes::copy("2"));
  world.run_until_idle();
  pair.control.set_link(Side::client, kUnlimited);
  lossy->write(Bytes::copy("3"));
  const auto other = open_uni(*pair.client);
  other->write(Bytes::copy("other"));
  world.run_for(10ms);
  // "1" left in the same turn as "2", over the bad link.
  const auto first_in = accept_uni(*pair.server);
  EXPECT_EQ(read_now(*first_in), "other");
  world.run_for(10s);
  EXPECT_EQ(read_now(*accept_uni(*pair.server)), "123");
  EXPECT_GT(pair.client->stats().packets_lost, 0u);
}

TEST(SessionPair, JitterKeepsTheOrderOfAStream) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 5ms, .jitter = 50ms, .loss = 0.2});
  const auto send = open_uni(*pair.client);
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    sent += std::to_string(i) + ",";
    send->write(Bytes::copy(std::to_string(i) + ","));
    world.run_for(1ms);
  }
  world.run_for(5s);
  EXPECT_EQ(read_now(*accept_uni(*pair.server)), sent);
}

TEST(SessionPair, DatagramsAreLostAndDelayed) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 10ms, .loss = 0.5});
  for (int i = 0; i < 100; ++i) {
    pair.client->send_datagram(Bytes::copy("x"));
    world.run_for(1ms);
  }
  world.run_for(10ms);
  int got = 0;
  while (pair.server->poll_recv_datagram(Waiter::none())) ++got;
  EXPECT_NEAR(got, 50, 20);
  EXPECT_EQ(pair.client->stats().packets_lost, static_cast<std::uint64_t>(100 - got));
}

TEST(SessionPair, DatagramQueuesDropTheirExcess) {
  World world;
  SessionPair pair = session_pair(world, LinkOptions{.latency = 0s, .rate_bps = 800'000});
  // The sender's queue: the newest are dropped.
  for (int i = 0; i < 1000; ++i) pair.client->send_datagram(Bytes::copy(std::to_string(i)));
  world.run_for(1s);
  int got = 0;
  while (auto datagram = pair.server->poll_recv_datagram(Waiter::none())) {
    EXPECT_EQ((**datagram).text(), std::to_string(got++));
  }
  EXPECT_EQ(got, 128);
  // The receiver's: the oldest are.
  for (int i = 0; i < 300; ++i) {
    pair.client->send_datagram(Bytes::copy(std::to_string(i)));
    world.run_for(1ms);
  }
  EXPECT_EQ((**pair.server->poll_recv_datagram(Waiter::none())).text(), "44");
}

TEST(SessionPair, APartitionDelaysStreamsAndLosesDatagrams) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.client);
  send->write(Bytes::copy("under way "));
  world.run_for(5ms);
  pair.control.partition();
  send->write(Bytes::copy("held "));
  pair.client->send_datagram(Bytes::copy("lost"));
  world.run_for(9s);
  const auto recv = accept_uni(*pair.server);
  EXPECT_EQ(read_now(*recv), "under way ");
  pair.control.heal();
  send->write(Bytes::copy("after"));
  send->finish();
  world.run_for(10ms);
  EXPECT_EQ(read_now(*recv), "held after");
  EXPECT_FALSE(pair.server->poll_recv_datagram(Waiter::none()));
  // The idle timeout of the partition is off.
  world.run_for(1h);
  EXPECT_FALSE(pair.client->poll_closed(Waiter::none()));
  EXPECT_TRUE(*send->poll_finished(Waiter::none()));
}

TEST(SessionPair, APartitionEndsBothSessionsAtTheIdleTimeout) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  pair.control.partition();
  world.run_for(9999ms);
  EXPECT_FALSE(pair.client->poll_closed(Waiter::none()));
  world.run_for(1ms);
  EXPECT_EQ(pair.client->poll_closed(Waiter::none())->code, Code::timeout);
  EXPECT_EQ(pair.server->poll_closed(Waiter::none())->code, Code::timeout);
}

TEST(SessionPair, ACloseDuringAPartitionIsNeverHeardOf) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  pair.control.partition();
  pair.server->close(1, "unheard");
  world.run_for(1s);
  pair.control.heal();
  world.run_for(9s);
  EXPECT_FALSE(pair.client->poll_closed(Waiter::none()));
  world.run_for(1s);
  EXPECT_EQ(pair.client->poll_closed(Waiter::none())->code, Code::timeout);
}

TEST(SessionPair, AKilledSideFallsSilentAndSaysNothingWhenDestroyed) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.server);
  pair.control.kill(Side::server);
  send->write(Bytes::copy("never"));
  EXPECT_FALSE(send->poll_writable(Waiter::none()));
  EXPECT_FALSE(pair.server->poll_closed(Waiter::none()));
  EXPECT_FALSE(pair.server->poll_open_uni(Waiter::none()));
  pair.server.reset();
  world.run_for(9s);
  EXPECT_FALSE(pair.client->poll_closed(Waiter::none()));
  EXPECT_FALSE(pair.client->poll_accept_uni(Waiter::none()));
  world.run_for(1s);
  EXPECT_EQ(pair.client->poll_closed(Waiter::none())->code, Code::timeout);
}

TEST(SessionPair, AKillMayBeSeenAsARefusalOneRoundTripLater) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  pair.control.kill(Side::server, Error(Code::refused, "port unreachable"));
  world.run_for(19ms);
  EXPECT_FALSE(pair.client->poll_closed(Waiter::none()));
  world.run_for(1ms);
  EXPECT_EQ(pair.client->poll_closed(Waiter::none())->code, Code::refused);
}

TEST(SessionPair, StreamsAreCountedUntilBothSidesAreThrough) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  auto send = open_uni(*pair.client);
  EXPECT_EQ(pair.control.open_streams(Side::client), 1u);
  EXPECT_EQ(pair.control.open_streams(Side::server), 0u);
  send->finish();
  world.run_for(1s);
  EXPECT_EQ(pair.control.open_streams(Side::client), 1u) << "the reader has not seen the end";
  auto recv = accept_uni(*pair.server);
  EXPECT_EQ(read_now(*recv), "");
  EXPECT_EQ(pair.control.open_streams(Side::client), 0u);

  auto again = open_uni(*pair.client);
  again->write(Bytes::copy("x"));
  world.run_for(1s);
  accept_uni(*pair.server).reset();
  world.run_for(1s);
  EXPECT_EQ(pair.control.open_streams(Side::client), 0u) << "stopped, and so reset";
  EXPECT_EQ(pair.control.streams_opened(Side::client), 2u);
}

TEST(SessionPair, RecordsWhatWasWritten) {
  World world;
  PairOptions options(kUnlimited);
  options.record = true;
  SessionPair pair = session_pair(world, std::move(options));
  auto uni = open_uni(*pair.server);
  uni->set_priority(7);
  uni->write(Bytes::copy("ab"));
  uni->write(Bytes::copy("c"));
  uni->finish();
  auto bidi = **pair.client->poll_open_bidi(Waiter::none());
  bidi.send->write(Bytes::copy("question"));
  bidi.send->reset(5);
  bidi.recv->stop(6);
  world.run_for(1s);
  const std::vector<StreamRecord> records = pair.control.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].id, 3u);
  EXPECT_EQ(records[0].opener, Side::server);
  EXPECT_EQ(records[0].from_server.written.text(), "abc");
  EXPECT_TRUE(records[0].from_server.finished);
  EXPECT_EQ(records[0].from_server.priority, 7);
  EXPECT_EQ(records[1].id, 0u);
  EXPECT_TRUE(records[1].bidi);
  EXPECT_EQ(records[1].from(Side::client).written.text(), "question");
  EXPECT_EQ(records[1].from(Side::client).reset, 5u);
  EXPECT_EQ(records[1].from(Side::server).stopped, 6u);
}

TEST(SessionPair, ATestMayWriteAndEndStreamsBehindTheirOwners) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  auto mine = **pair.client->poll_open_bidi(Waiter::none());
  mine.send->write(Bytes::copy("good"));
  EXPECT_TRUE(pair.control.inject(Side::client, 0, Bytes::copy(" evil")));
  world.run_for(10ms);
  auto theirs = **pair.server->poll_accept_bidi(Waiter::none());
  EXPECT_EQ(read_now(*theirs.recv), "good evil");

  EXPECT_TRUE(pair.control.inject_reset(Side::client, 0, 77));
  EXPECT_FALSE(pair.control.inject(Side::client, 0, Bytes::copy("too late")));
  mine.send->write(Bytes::copy("dropped"));
  world.run_for(10ms);
  EXPECT_EQ((*theirs.recv->poll_read(Waiter::none(), 9)).error().wire, 77u);

  EXPECT_TRUE(pair.control.inject_stop(Side::client, 0, 78));
  world.run_for(10ms);
  EXPECT_EQ((*theirs.send->poll_writable(Waiter::none())).error().wire, 78u);
  EXPECT_FALSE(pair.control.inject(Side::client, 400, Bytes::copy("x"))) << "no such stream";
}

TEST(SessionPair, NothingIsLeftToDoOnceBothSidesAreGone) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.client);
  send->write(zeros(100'000));
  pair.client.reset();
  pair.server.reset();
  world.run_for(1s);
  EXPECT_TRUE(world.quiet());
}

TEST(SessionPair, AnIdlePairLeavesTheWorldQuiet) {
  World world;
  SessionPair pair = session_pair(world, kUnlimited);
  const auto send = open_uni(*pair.client);
  send->write(Bytes::copy("x"));
  world.run_for(1s);
  EXPECT_TRUE(world.quiet());
}

}  // namespace
}  // namespace moq::sim

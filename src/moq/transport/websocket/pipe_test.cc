#include "moq/transport/websocket/pipe.h"

#include <gtest/gtest.h>

#include <deque>

#include "moq/sim/byte_pair.h"
#include "moq/transport/websocket/internal/frame.h"

namespace moq::transport::websocket {
namespace {

using internal::CloseCode;
using internal::Opcode;

/// Writes records one after the other.
kio::Task<Result<void>> write_all(Pipe& pipe, std::vector<std::string> records) {
  for (const std::string& text : records) {
    Bytes record = Bytes::copy(text);
    auto written = co_await kio::wait(
        [&](const kio::Waiter& waiter) { return pipe.poll_write(waiter, record); });
    if (!written) co_return written;
    EXPECT_TRUE(record.empty());
  }
  co_return Result<void>();
}

kio::Task<Result<void>> close(Pipe& pipe) {
  co_return co_await kio::wait([&](const kio::Waiter& waiter) { return pipe.poll_close(waiter); });
}

/// What a reader saw.
struct Log {
  std::vector<std::string> records;
  std::optional<Error> error;
  bool ended = false;
};

kio::Task<void> read_all(Pipe& pipe, Log& log) {
  for (;;) {
    auto record =
        co_await kio::wait([&](const kio::Waiter& waiter) { return pipe.poll_read(waiter); });
    if (!record) {
      log.error = record.error();
      co_return;
    }
    if (!*record) {
      log.ended = true;
      co_return;
    }
    log.records.emplace_back((*record)->text());
  }
}

/// A peer that writes and reads bytes as the test says.
struct RawPeer {
  RawPeer(sim::World& where, std::unique_ptr<ByteStream> to)
      : world(where), stream(std::move(to)) {}

  void send(std::string_view text) {
    Bytes bytes = Bytes::copy(text);
    EXPECT_TRUE(stream->poll_write(kio::Waiter::none(), bytes));
  }
  /// A client's frame.
  void send(Opcode opcode, std::string_view payload) {
    constexpr internal::MaskKey kKey = {1, 2, 3, 4};
    send(internal::encode_frame(opcode, as_bytes(payload), kKey).text());
  }
  /// What has come since the last call: bytes of a server's frames.
  std::string take() {
    world.run_for(20ms);
    std::string text;
    for (;;) {
      const auto bytes = stream->poll_read(kio::Waiter::none(), 1 << 20);
      if (!bytes || !*bytes || (*bytes)->empty()) return text;
      text += (*bytes)->text();
    }
  }
  sim::World& world;
  std::unique_ptr<ByteStream> stream;
};

std::string server_frame(Opcode opcode, std::string_view payload) {
  return std::string(internal::encode_frame(opcode, as_bytes(payload), std::nullopt).text());
}
std::string close_frame(CloseCode code, std::string_view reason = {}) {
  return server_frame(Opcode::close, internal::close_payload(code, reason));
}

std::vector<std::string> some_records(Random& random, std::size_t count) {
  std::vector<std::string> records;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text(random.below(i % 7 == 0 ? 16382 : 400), '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    records.push_back(std::move(text));
  }
  return records;
}

class Both : public testing::TestWithParam<std::uint64_t> {
 protected:
  Both() {
    pair.emplace(world, link);
    client.emplace(world, world, std::move(pair->client), Role::client);
    server.emplace(world, world, std::move(pair->server), Role::server);
    reading[0] = world.spawn(read_all(*client, at_client));
    reading[1] = world.spawn(read_all(*server, at_server));
  }
  sim::World world{GetParam()};
  sim::ByteLink link;
  std::optional<sim::BytePair> pair;
  std::optional<Pipe> client;
  std::optional<Pipe> server;
  Log at_client;
  Log at_server;
  kio::Spawned<void> reading[2];
};

TEST_P(Both, RecordsArriveWholeAndInOrder) {
  const auto up = some_records(world, 200);
  const auto down = some_records(world, 200);
  kio::Spawned<Result<void>> writing = world.spawn(write_all(*server, down));
  ASSERT_TRUE(world.run(write_all(*client, up)));
  world.run_for(10s);
  ASSERT_TRUE(writing.finished());
  EXPECT_TRUE(at_server.records == up);
  EXPECT_TRUE(at_client.records == down);
  EXPECT_FALSE(at_client.error);
  EXPECT_FALSE(at_server.error);
}

TEST_P(Both, PingsKeepASilentPairAlive) {
  world.run_for(10min);
  EXPECT_FALSE(at_client.error);
  EXPECT_FALSE(at_server.error);
}

TEST_P(Both, ACutIsNoticedAfterTheSilenceLimit) {
  world.run_for(1min);
  pair->cut();
  const TimePoint begin = world.now();
  ASSERT_TRUE(world.run_until([&] { return at_client.error && at_server.error; }, 1min));
  EXPECT_EQ(at_client.error->code, Code::timeout);
  EXPECT_EQ(at_server.error->code, Code::timeout);
  EXPECT_LE(world.now() - begin, 30s);
  EXPECT_GT(world.now() - begin, 24s);
}

TEST_P(Both, ClosingIsAnsweredAndLosesNothing) {
  const auto records = some_records(world, 50);
  ASSERT_TRUE(world.run(write_all(*client, records)));
  const TimePoint begin = world.now();
  EXPECT_TRUE(world.run(close(*client)));
  EXPECT_LT(world.now() - begin, 100ms);
  client.reset();
  world.run_for(1s);
  EXPECT_TRUE(at_server.records == records);
  EXPECT_TRUE(at_server.ended);
  EXPECT_FALSE(at_server.error);
}

TEST_P(Both, ClosingDoesNotWaitForADeadPeer) {
  pair->cut();
  const TimePoint begin = world.now();
  EXPECT_TRUE(world.run(close(*client)));
  EXPECT_EQ(world.now() - begin, PipeOptions().close_limit);
}

TEST_P(Both, ADroppedPipeIsTheEndForTheOther) {
  reading[0].cancel();
  client.reset();
  world.run_for(100ms);
  EXPECT_TRUE(at_server.ended);
  EXPECT_FALSE(world.run(write_all(*server, std::vector<std::string>(10, "x"))));
}

TEST_P(Both, WritingWaitsForAReaderThatIsSlow) {
  reading[1].cancel();
  std::size_t written = 0;
  const auto write = [](Pipe& pipe, std::size_t& count) -> kio::Task<void> {
    for (;;) {
      auto one = co_await write_all(pipe, std::vector<std::string>(1, std::string(16000, 'x')));
      if (!one) co_return;
      ++count;
    }
  };
  kio::Spawned<void> writing = world.spawn(write(*client, written));
  world.run_for(1s);
  EXPECT_LE(written, link.window_bytes / 16000);
  reading[1] = world.spawn(read_all(*server, at_server));
  world.run_for(1s);
  EXPECT_GT(at_server.records.size(), 20U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Both, testing::Range<std::uint64_t>(1, 6));

/// A server's pipe and a hostile client.
class Hostile : public testing::Test {
 protected:
  Hostile() {
    PipeOptions options;
    options.max_message_bytes = 1000;
    pipe.emplace(world, world, std::move(pair.server), Role::server, Bytes(), options);
    reading = world.spawn(read_all(*pipe, log));
  }
  sim::World world;
  sim::BytePair pair{world};
  RawPeer peer{world, std::move(pair.client)};
  std::optional<Pipe> pipe;
  Log log;
  kio::Spawned<void> reading;
};

TEST_F(Hostile, APingIsAnswered) {
  peer.send(Opcode::ping, "there?");
  EXPECT_EQ(peer.take(), server_frame(Opcode::pong, "there?"));
  peer.send(Opcode::pong, "unasked");
  peer.send(Opcode::text, "ignored");
  peer.send(Opcode::binary, "taken");
  EXPECT_EQ(peer.take(), "");
  EXPECT_EQ(log.records, std::vector<std::string>{"taken"});
}

TEST_F(Hostile, WeAskEveryFiveSeconds) {
  EXPECT_EQ(peer.take(), "");
  world.run_for(5s);
  EXPECT_EQ(peer.take(), server_frame(Opcode::ping, ""));
}

TEST_F(Hostile, AFloodOfPingsIsAnsweredWithoutQueueing) {
  for (int round = 0; round < 50; ++round) {
    std::string flood;
    for (int i = 0; i < 100; ++i) {
      flood += internal::encode_frame(Opcode::ping, as_bytes("p"), internal::MaskKey{}).text();
    }
    peer.send(flood);
    world.run_for(10ms);
  }
  // Some answers, far fewer than questions: the newest is enough. RFC 6455 §5.5.3.
  const std::string answers = peer.take();
  EXPECT_GE(answers.size(), 3U);
  EXPECT_LT(answers.size(), 3U * 1000);
  EXPECT_FALSE(log.error);
  peer.send(Opcode::binary, "still here");
  world.run_for(20ms);
  EXPECT_EQ(log.records.size(), 1U);
}

TEST_F(Hostile, WhoNeverReadsCannotMakeUsQueue) {
  // Its window is full, so neither Pings nor Pongs get through, and each is kept once.
  std::string filler(1000, 'x');
  kio::Spawned<Result<void>> writing =
      world.spawn(write_all(*pipe, std::vector<std::string>(200, filler)));
  world.run_for(1s);
  EXPECT_FALSE(writing.finished());
  for (int i = 0; i < 600; ++i) {
    peer.send(Opcode::ping, std::string(125, 'p'));
    world.run_for(50ms);
  }
  EXPECT_FALSE(log.error);
  writing.cancel();
}

TEST_F(Hostile, ABrokenRuleIsToldInACloseFrame) {
  peer.send("\x82\x01x");
  EXPECT_EQ(peer.take(), close_frame(CloseCode::protocol_error, "a client's frame is not masked"));
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, Code::protocol_violation);
  EXPECT_EQ(log.error->text, "a client's frame is not masked");
  EXPECT_EQ(world.run(write_all(*pipe, std::vector<std::string>(1, "x"))).error().code,
            Code::protocol_violation);
}

TEST_F(Hostile, ALongMessageIsRefusedAtItsHead) {
  peer.send(Opcode::binary, std::string(1000, 'x'));
  world.run_for(20ms);
  EXPECT_EQ(log.records.size(), 1U);
  peer.send(std::string("\x82\xff\0\0\0\1\0\0\0\0\1\2\3\4", 14));
  EXPECT_EQ(peer.take(),
            close_frame(CloseCode::too_big, "a message above the limit of 1000 bytes"));
  ASSERT_TRUE(log.error);
}

TEST_F(Hostile, ACloseIsAnsweredByTheSame) {
  peer.send(Opcode::close, internal::close_payload(CloseCode::going_away, "bye"));
  EXPECT_EQ(peer.take(), close_frame(CloseCode::going_away));
  EXPECT_TRUE(log.ended);
}

TEST_F(Hostile, ACloseWithoutCodeIsTheEndToo) {
  peer.send(Opcode::close, "");
  EXPECT_EQ(peer.take(), close_frame(CloseCode::normal));
  EXPECT_TRUE(log.ended);
}

TEST_F(Hostile, ACloseForAnErrorIsOne) {
  peer.send(Opcode::close, internal::close_payload(CloseCode::too_big, "your message"));
  world.run_for(20ms);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, Code::transport);
  EXPECT_EQ(log.error->text, "the peer closed the WebSocket with code 1009: your message");
}

TEST_F(Hostile, ABadCloseIsABrokenRule) {
  peer.send(Opcode::close, "\x03");
  world.run_for(20ms);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, Code::protocol_violation);
}

TEST_F(Hostile, OneThatIsSilentIsDead) {
  peer.send("\x82");
  world.run_for(29s);
  EXPECT_FALSE(log.error);
  world.run_for(2s);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, Code::timeout);
}

TEST_F(Hostile, ClosingDropsWhatItGoesOnSending) {
  const auto chatter = [](RawPeer& chatty) -> kio::Task<void> {
    for (;;) {
      chatty.send(Opcode::binary, std::string(900, 'x'));
      co_await kio::sleep(chatty.world, 1ms);
    }
  };
  kio::Spawned<void> chattering = world.spawn(chatter(peer));
  world.run_for(50ms);
  reading.cancel();
  const TimePoint begin = world.now();
  EXPECT_TRUE(world.run(close(*pipe)));
  EXPECT_EQ(world.now() - begin, PipeOptions().close_limit);
}

TEST(Pipe, WhatCameBehindTheHandshakeIsReadFirst) {
  sim::World world;
  sim::BytePair pair(world);
  Pipe pipe(world, world, std::move(pair.client), Role::client,
            Bytes::copy(server_frame(Opcode::binary, "early")));
  const auto record = pipe.poll_read(kio::Waiter::none());
  ASSERT_TRUE(record && *record && **record);
  EXPECT_EQ((**record)->text(), "early");
  EXPECT_EQ(pipe.peer(), "server:443");
}

}  // namespace
}  // namespace moq::transport::websocket

#pragma once

// The cases of session_contract_test.h, which includes this file.
#include "moq/transport/session_contract_test.h"

namespace moq::transport::contract {

TEST_P(SessionContract, BothSidesNameTheProtocol) {
  EXPECT_EQ(client->protocol(), kProtocol);
  EXPECT_EQ(server->protocol(), kProtocol);
  EXPECT_FALSE(client->peer().empty());
  EXPECT_FALSE(server->peer().empty());
  EXPECT_FALSE(client->carrier().empty());
}

TEST_P(SessionContract, UnidirectionalStreamsCarryBytesAndTheEndBothWays) {
  for (const bool up : {true, false}) {
    run([](Session& from, Session& to) -> kio::Task<void> {
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      co_await make_uni(from, to, "hello", send, recv);
      send->write(Bytes::copy(" world"));
      send->finish();
      co_await expect_read(*recv, "hello world");
      co_await expect_end(*recv);
      co_await expect_end(*recv);
    }(up ? *client : *server, up ? *server : *client));
  }
}

TEST_P(SessionContract, BidirectionalStreamsCarryBothWays) {
  for (const bool up : {true, false}) {
    run([](Session& from, Session& to) -> kio::Task<void> {
      BidiStream near;
      BidiStream far;
      co_await make_bidi(from, to, "ask", near, far);
      near.send->finish();
      co_await expect_read(*far.recv, "ask");
      co_await expect_end(*far.recv);
      far.send->write(Bytes::copy("answer"));
      far.send->finish();
      co_await expect_read(*near.recv, "answer");
      co_await expect_end(*near.recv);
    }(up ? *client : *server, up ? *server : *client));
  }
}

TEST_P(SessionContract, AStreamWithoutBytesArrivesAsItsEnd) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    auto send = co_await from.open_uni();
    (*send)->finish();
    auto recv = co_await to.accept_uni();
    co_await expect_end(**recv);
  }(*client, *server));
}

TEST_P(SessionContract, ReadTakesAtMostWhatWasAsked) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "abc", send, recv);
    for (const std::string letter : {"a", "b", "c"}) {
      const Result<Bytes> part = co_await recv->read(1);
      EXPECT_EQ(part->text(), letter);
    }
  }(*client, *server));
}

TEST_P(SessionContract, AMegabyteArrivesWhole) {
  Result<Bytes> got;
  auto reader = bed_->executor().spawn([](Session& to, Result<Bytes>& all) -> kio::Task<void> {
    auto recv = co_await to.accept_uni();
    EXPECT_TRUE(recv);
    if (recv) all = co_await read_all(**recv);
  }(*server, got));
  run([](Session& from) -> kio::Task<void> {
    auto send = co_await from.open_uni();
    const Result<void> written = co_await write_all(**send, pattern(1 << 20), 5000);
    EXPECT_TRUE(written);
    (*send)->finish();
    const Result<void> finished = co_await (*send)->finished();
    EXPECT_TRUE(finished);
  }(*client));
  until([&] { return reader.finished(); });
  ASSERT_TRUE(got);
  EXPECT_TRUE(*got == pattern(1 << 20));
}

TEST_P(SessionContract, AWriterWaitsForASlowReader) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  run(make_uni(*client, *server, "x", send, recv));
  std::size_t written = 1;
  constexpr std::size_t kPiece = 16 * 1024;
  const auto fill = [&] {
    while (send->poll_writable(Waiter::none())) {
      send->write(pattern(kPiece));
      written += kPiece;
      ASSERT_LT(written, std::size_t{64} << 20) << "nothing ever pushed back";
      pass(0s);
    }
  };
  // What the reader does not take stops the writer, at some point, for good.
  std::size_t before = 0;
  while (written != before) {
    before = written;
    fill();
    pass(200ms);
  }
  EXPECT_FALSE(send->poll_writable(Waiter::none()));

  send->finish();
  std::size_t read = 0;
  run([](RecvStream& stream, std::size_t& total) -> kio::Task<void> {
    const Result<Bytes> all = co_await read_all(stream);
    EXPECT_TRUE(all);
    total = all ? all->size() : 0;
  }(*recv, read));
  EXPECT_EQ(read, written);
}

TEST_P(SessionContract, ABlockedStreamDoesNotHoldUpItsSiblings) {
  std::unique_ptr<SendStream> blocked;
  std::unique_ptr<RecvStream> unread;
  run(make_uni(*client, *server, "x", blocked, unread));
  for (int i = 0; i < 64 && blocked->poll_writable(Waiter::none()); ++i) {
    blocked->write(pattern(16 * 1024));
    pass(5ms);
  }
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "past it", send, recv);
    co_await expect_read(*recv, "past it");
  }(*client, *server));
}

TEST_P(SessionContract, ResetBringsItsCode) {
  for (const std::uint32_t code : {0u, 7u, 0xffffffffu}) {
    run([](Session& from, Session& to, std::uint32_t with) -> kio::Task<void> {
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      co_await make_uni(from, to, "x", send, recv);
      send->reset(with);
      co_await expect_reset(*recv, with);
      co_await expect_reset(*recv, with);
    }(*client, *server, code));
  }
}

TEST_P(SessionContract, DroppingAnUnfinishedSendStreamResetsItAsCancelled) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "x", send, recv);
    send.reset();
    co_await expect_reset(*recv, 1);
  }(*client, *server));
}

TEST_P(SessionContract, AFinishedStreamNeedsItsHandleNoMore) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    auto send = co_await from.open_uni();
    (*send)->write(pattern(40000));
    (*send)->finish();
    send->reset();
    auto recv = co_await to.accept_uni();
    const Result<Bytes> all = co_await read_all(**recv);
    EXPECT_TRUE(all);
    if (all) {
      EXPECT_TRUE(*all == pattern(40000));
    }
  }(*client, *server));
}

TEST_P(SessionContract, StopReachesTheWriter) {
  for (const std::uint32_t code : {0u, 9u, 0xffffffffu}) {
    run([](Session& from, Session& to, std::uint32_t with) -> kio::Task<void> {
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      co_await make_uni(from, to, "x", send, recv);
      recv->stop(with);
      co_await expect_stopped(*send, with);
      send->write(Bytes::copy("dropped silently"));
    }(*client, *server, code));
  }
}

TEST_P(SessionContract, DroppingARecvStreamStopsIt) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "x", send, recv);
    recv.reset();
    co_await expect_stopped(*send, 0);
  }(*client, *server));
}

TEST_P(SessionContract, StoppingOneDirectionLeavesTheOther) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    BidiStream near;
    BidiStream far;
    co_await make_bidi(from, to, "x", near, far);
    far.recv->stop(3);
    co_await expect_stopped(*near.send, 3);
    far.send->write(Bytes::copy("still here"));
    far.send->finish();
    co_await expect_read(*near.recv, "still here");
    co_await expect_end(*near.recv);
  }(*client, *server));
}

TEST_P(SessionContract, ResettingOneDirectionLeavesTheOther) {
  run([](Session& from, Session& to) -> kio::Task<void> {
    BidiStream near;
    BidiStream far;
    co_await make_bidi(from, to, "x", near, far);
    near.send->reset(4);
    co_await expect_reset(*far.recv, 4);
    far.send->write(Bytes::copy("still here"));
    co_await expect_read(*near.recv, "still here");
  }(*client, *server));
}

TEST_P(SessionContract, FinishedIsReadyOnceThePeerHasAll) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  run(make_uni(*client, *server, "x", send, recv));
  EXPECT_FALSE(send->poll_finished(Waiter::none()));
  send->finish();
  run([](SendStream& stream) -> kio::Task<void> {
    const Result<void> finished = co_await stream.finished();
    EXPECT_TRUE(finished);
  }(*send));
}

TEST_P(SessionContract, UnidirectionalStreamsAreLimitedAndComeBack) {
  std::vector<std::unique_ptr<SendStream>> open;
  for (std::uint64_t i = 0; i < kMaxStreams; ++i) {
    auto stream = client->poll_open_uni(Waiter::none());
    ASSERT_TRUE(stream && *stream) << i;
    open.push_back(**std::move(stream));
  }
  EXPECT_FALSE(client->poll_open_uni(Waiter::none()));
  pass(500ms);
  EXPECT_FALSE(client->poll_open_uni(Waiter::none()));
  // The other side's credit is its own.
  EXPECT_TRUE(server->poll_open_uni(Waiter::none()));

  // All of them: which one arrives first is the path's choice.
  for (auto& stream : open) stream->finish();
  run([](Session& from, Session& to) -> kio::Task<void> {
    auto recv = co_await to.accept_uni();
    co_await expect_end(**recv);
    auto next = co_await from.open_uni();
    EXPECT_TRUE(next);
  }(*client, *server));
}

TEST_P(SessionContract, BidirectionalStreamsAreLimitedAndComeBack) {
  std::vector<BidiStream> open;
  for (std::uint64_t i = 0; i < kMaxStreams; ++i) {
    auto stream = client->poll_open_bidi(Waiter::none());
    ASSERT_TRUE(stream && *stream) << i;
    open.push_back(**std::move(stream));
  }
  EXPECT_FALSE(client->poll_open_bidi(Waiter::none()));
  for (BidiStream& stream : open) stream.send->finish();
  run([](Session& from, Session& to) -> kio::Task<void> {
    auto accepted = co_await to.accept_bidi();
    co_await expect_end(*accepted->recv);
    accepted->send->finish();
    auto next = co_await from.open_bidi();
    EXPECT_TRUE(next);
  }(*client, *server));
}

TEST_P(SessionContract, ManyShortStreamsFollowEachOther) {
  constexpr int kCount = 100;
  int got = 0;
  auto reader = bed_->executor().spawn([](Session& to, int& count) -> kio::Task<void> {
    while (count < kCount) {
      auto recv = co_await to.accept_uni();
      EXPECT_TRUE(recv);
      if (!recv) co_return;
      const Result<Bytes> all = co_await read_all(**recv);
      EXPECT_TRUE(all);
      if (all) {
        EXPECT_EQ(all->text(), "short");
      }
      ++count;
    }
  }(*server, got));
  run([](Session& from) -> kio::Task<void> {
    for (int i = 0; i < kCount; ++i) {
      auto send = co_await from.open_uni();
      EXPECT_TRUE(send);
      if (!send) co_return;
      (*send)->set_priority(static_cast<Priority>(i));
      (*send)->write(Bytes::copy("short"));
      (*send)->finish();
    }
  }(*client));
  until([&] { return reader.finished(); });
  EXPECT_EQ(got, kCount);
}

TEST_P(SessionContract, OpeningAndResettingInARowLeavesTheSessionWhole) {
  auto reader = bed_->executor().spawn([](Session& to) -> kio::Task<void> {
    for (;;) {
      auto recv = co_await to.accept_uni();
      if (!recv) co_return;
      const Result<Bytes> all = co_await read_all(**recv);
      if (all && all->text() == "the last") co_return;
    }
  }(*server));
  run([](Session& from) -> kio::Task<void> {
    for (std::uint32_t i = 0; i < 100; ++i) {
      auto send = co_await from.open_uni();
      EXPECT_TRUE(send);
      if (!send) co_return;
      if (i % 2 == 0) (*send)->write(pattern(100));
      (*send)->reset(i);
    }
    auto send = co_await from.open_uni();
    EXPECT_TRUE(send);
    if (!send) co_return;
    (*send)->write(Bytes::copy("the last"));
    (*send)->finish();
  }(*client));
  until([&] { return reader.finished(); });
}

TEST_P(SessionContract, DatagramsGoBothWays) {
  EXPECT_GT(client->max_datagram_bytes(), 1000u);
  client->send_datagram(Bytes::copy("up"));
  server->send_datagram(Bytes::copy("down"));
  run([](Session& near, Session& far) -> kio::Task<void> {
    const Result<Bytes> up = co_await far.recv_datagram();
    EXPECT_EQ(up->text(), "up");
    const Result<Bytes> down = co_await near.recv_datagram();
    EXPECT_EQ(down->text(), "down");
  }(*client, *server));
}

TEST_P(SessionContract, TheLargestDatagramPassesAndALargerOneIsDropped) {
  const std::size_t largest = client->max_datagram_bytes();
  client->send_datagram(pattern(largest + 1));
  client->send_datagram(pattern(largest));
  run([](Session& to, std::size_t size) -> kio::Task<void> {
    const Result<Bytes> got = co_await to.recv_datagram();
    EXPECT_TRUE(got && *got == pattern(size));
  }(*server, largest));
}

TEST_P(SessionContract, UnreadDatagramsStayBounded) {
  for (int i = 0; i < 5000; ++i) {
    client->send_datagram(pattern(100));
    if (i % 50 == 0) pass(5ms);
  }
  pass(200ms);
  int got = 0;
  while (auto datagram = server->poll_recv_datagram(Waiter::none())) {
    ASSERT_TRUE(*datagram);
    ++got;
  }
  EXPECT_GT(got, 0);
  EXPECT_LT(got, 3000);
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "alive", send, recv);
    co_await expect_read(*recv, "alive");
  }(*client, *server));
}

TEST_P(SessionContract, CloseBringsItsCodeAndReasonToBothSides) {
  EXPECT_FALSE(client->poll_closed(Waiter::none()));
  client->close(0x1234, "enough");
  client->close(0x9999, "too late to change that");
  run([](Session& near, Session& far) -> kio::Task<void> {
    const Error there = co_await far.closed();
    EXPECT_EQ(there.code, Code::closed);
    EXPECT_EQ(there.wire, std::uint64_t{0x1234});
    EXPECT_NE(there.text.find("enough"), std::string::npos) << there.describe();
    const Error here = co_await near.closed();
    EXPECT_EQ(here.code, Code::closed);
    EXPECT_EQ(here.wire, std::uint64_t{0x1234});
  }(*client, *server));
}

TEST_P(SessionContract, DroppingASessionClosesItWithCodeZero) {
  server.reset();
  run([](Session& near) -> kio::Task<void> {
    const Error error = co_await near.closed();
    EXPECT_EQ(error.code, Code::closed);
    EXPECT_EQ(error.wire, std::uint64_t{0});
  }(*client));
}

TEST_P(SessionContract, EverythingFailsOnceThePeerClosed) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  BidiStream near;
  BidiStream far;
  run(make_uni(*client, *server, "x", send, recv));
  run(make_bidi(*server, *client, "x", near, far));
  run(expect_read(*far.recv, "x"));
  // These wait already when the close comes.
  const auto failure = [](Session&, auto wait) -> kio::Task<Error> {
    auto result = co_await wait();
    EXPECT_FALSE(result);
    co_return result ? Error() : result.error();
  };
  std::vector<kio::Spawned<Error>> waiting;
  waiting.push_back(bed_->executor().spawn(failure(*client, [&] { return client->accept_uni(); })));
  waiting.push_back(
      bed_->executor().spawn(failure(*client, [&] { return client->accept_bidi(); })));
  waiting.push_back(
      bed_->executor().spawn(failure(*client, [&] { return client->recv_datagram(); })));
  waiting.push_back(bed_->executor().spawn(failure(*client, [&] { return far.recv->read(9); })));
  waiting.push_back(bed_->executor().spawn(failure(*client, [&] { return send->finished(); })));
  pass(100ms);
  server->close(5, "over");
  for (auto& task : waiting) {
    until([&] { return task.finished(); });
    ASSERT_TRUE(task.finished());
    const auto error = task.poll_join(Waiter::none());
    EXPECT_EQ(error->code, Code::closed);
    EXPECT_EQ(error->wire, std::uint64_t{5});
  }
  // And so does what is asked after it.
  EXPECT_FALSE(*client->poll_open_uni(Waiter::none()));
  EXPECT_FALSE(*client->poll_open_bidi(Waiter::none()));
  EXPECT_FALSE(*client->poll_accept_uni(Waiter::none()));
  EXPECT_FALSE(*client->poll_recv_datagram(Waiter::none()));
  EXPECT_FALSE(*send->poll_writable(Waiter::none()));
  send->write(Bytes::copy("dropped silently"));
  client->send_datagram(Bytes::copy("dropped silently"));
}

TEST_P(SessionContract, StreamsMayOutliveTheirSession) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  run(make_uni(*client, *server, "x", send, recv));
  client.reset();
  pass(200ms);
  server.reset();
  EXPECT_FALSE(*send->poll_writable(Waiter::none()));
  send->write(Bytes::copy("dropped silently"));
  EXPECT_FALSE(*recv->poll_read(Waiter::none(), 10));
  recv->stop(1);
  send->finish();
  pass(100ms);
}

TEST_P(SessionContract, ACancelledTaskLeavesTheSessionUsable) {
  {
    auto waiting = bed_->executor().spawn([](Session& to) -> kio::Task<void> {
      co_await to.accept_uni();
      ADD_FAILURE() << "cancelled before anything came";
    }(*server));
    pass(10ms);
  }
  run([](Session& from, Session& to) -> kio::Task<void> {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    co_await make_uni(from, to, "later", send, recv);
    co_await expect_read(*recv, "later");
  }(*client, *server));
}

TEST_P(SessionContract, StatsCountWhatWasSent) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  run(make_uni(*client, *server, std::string(5000, 'x'), send, recv));
  run(expect_read(*recv, std::string(5000, 'x')));
  EXPECT_GE(client->stats().bytes_sent, 5000u);
  EXPECT_GE(server->stats().bytes_received, 5000u);
}

TEST_P(SessionContract, ASilentPathEndsBothSessionsByTimeout) {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  run(make_uni(*client, *server, "x", send, recv));
  if (!bed_->cut_path()) GTEST_SKIP() << "this bed cannot cut the path";
  send->write(Bytes::copy("into the void"));
  run([](Session& near, Session& far) -> kio::Task<void> {
    const Error here = co_await near.closed();
    EXPECT_EQ(here.code, Code::timeout);
    const Error there = co_await far.closed();
    EXPECT_EQ(there.code, Code::timeout);
  }(*client, *server));
}

}  // namespace moq::transport::contract

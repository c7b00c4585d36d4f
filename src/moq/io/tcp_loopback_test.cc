#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "moq/io/tcp.h"

namespace moq::io {
namespace {

using kio::Waiter;
using transport::SocketAddress;

kio::Task<std::string> read_to_end(ByteSource& source) {
  std::string all;
  for (;;) {
    const Result<Bytes> part = co_await source.read(100'000);
    EXPECT_TRUE(part) << part.error().describe();
    if (!part || part->empty()) co_return all;
    all += part->text();
  }
}

kio::Task<void> write_all(ByteSink& sink, std::string text) {
  Bytes data = Bytes::copy(text);
  const Result<void> written = co_await sink.write(data);
  EXPECT_TRUE(written) << written.error().describe();
}

struct TcpTest : testing::TestWithParam<const char*> {
  std::unique_ptr<Loop> loop = *Loop::create();
  std::unique_ptr<TcpListener> listener;
  std::unique_ptr<TcpStream> client;
  std::unique_ptr<TcpStream> server;

  void listen(const char* where) {
    auto bound = TcpListener::bind(*loop, *SocketAddress::parse(where));
    ASSERT_TRUE(bound) << bound.error().describe();
    listener = *std::move(bound);
  }
  void connect_pair(const SocketAddress& to) {
    loop->run([](TcpTest& self, SocketAddress remote) -> kio::Task<void> {
      auto connected = co_await TcpStream::connect(*self.loop, remote);
      EXPECT_TRUE(connected) << connected.error().describe();
      if (!connected) co_return;
      self.client = *std::move(connected);
      auto accepted = co_await self.listener->accept();
      EXPECT_TRUE(accepted) << accepted.error().describe();
      if (accepted) self.server = *std::move(accepted);
    }(*this, to));
    ASSERT_TRUE(client && server);
  }
};

TEST_P(TcpTest, CarriesBytesAndTheEndBothWays) {
  listen(GetParam());
  connect_pair(listener->local_address());
  EXPECT_EQ(client->local_address(), server->remote_address());
  EXPECT_EQ(client->remote_address(), server->local_address());
  EXPECT_EQ(client->peer(), server->local_address().to_string());
  loop->run(write_all(*client, "GET"));
  client->finish();
  EXPECT_EQ(loop->run(read_to_end(*server)), "GET");
  loop->run(write_all(*server, "200"));
  server.reset();
  EXPECT_EQ(loop->run(read_to_end(*client)), "200");
}

TEST_P(TcpTest, ASlowReaderHoldsTheWriterUp) {
  listen(GetParam());
  connect_pair(listener->local_address());
  std::string text(20'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 1000)
    text[i] = static_cast<char>('a' + i / 1000 % 26);
  auto writer = loop->spawn([](TcpStream& stream, std::string all) -> kio::Task<void> {
    co_await write_all(stream, std::move(all));
    stream.finish();
  }(*client, text));
  loop->run(kio::sleep(loop->clock(), 5ms));
  EXPECT_FALSE(writer.finished());
  EXPECT_TRUE(loop->run(read_to_end(*server)) == text);
  EXPECT_TRUE(writer.finished());
}

TEST_P(TcpTest, ARefusalIsNamed) {
  listen(GetParam());
  const SocketAddress where = listener->local_address();
  listener.reset();
  const auto stream = loop->run(TcpStream::connect(*loop, where));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::refused);
  EXPECT_NE(stream.error().text.find(where.to_string()), std::string::npos);
}

TEST_P(TcpTest, WritingToAPeerThatLeftFailsWithoutASignal) {
  listen(GetParam());
  connect_pair(listener->local_address());
  server.reset();
  const Error error = loop->run([](TcpStream& stream) -> kio::Task<Error> {
    for (;;) {
      Bytes data = Bytes::copy("anybody?");
      const Result<void> written = co_await stream.write(data);
      if (!written) co_return written.error();
      co_await kio::yield();
    }
  }(*client));
  EXPECT_EQ(error.code, Code::closed);
}

INSTANTIATE_TEST_SUITE_P(Loopback, TcpTest, testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& test) {
                           return std::string(test.param[0] == '[' ? "v6" : "v4");
                         });

TEST_F(TcpTest, ADualStackListenerShowsIPv4AsIPv4) {
  listen("[::]:0");
  SocketAddress to = *SocketAddress::parse("127.0.0.1:0");
  to.port = listener->local_address().port;
  connect_pair(to);
  EXPECT_EQ(server->remote_address(), client->local_address());
  EXPECT_FALSE(server->remote_address().v6);
}

TEST_F(TcpTest, ALackOfDescriptorsDelaysAcceptingOnly) {
  listen("127.0.0.1:0");
  auto connected = loop->run(TcpStream::connect(*loop, listener->local_address()));
  ASSERT_TRUE(connected);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  {
    const Fd free(::dup(0));
    ASSERT_TRUE(free.valid());
    none.rlim_cur = static_cast<rlim_t>(free.get());
  }
  // Nothing but the call itself: sanitizers need descriptors now and then.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto accepted = listener->poll_accept(Waiter::none());
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(accepted);

  auto accepting = loop->spawn([](TcpTest& self) -> kio::Task<void> {
    auto next = co_await self.listener->accept();
    EXPECT_TRUE(next);
    if (next) self.server = *std::move(next);
  }(*this));
  const std::uint64_t waits = loop->waits();
  loop->run(kio::sleep(loop->clock(), 20ms));
  EXPECT_FALSE(accepting.finished()) << "it does not pause";
  EXPECT_LE(loop->waits() - waits, 4u) << "it tries again and again";
  while (!accepting.finished()) loop->run(kio::sleep(loop->clock(), 10ms));
  EXPECT_TRUE(server);
}

}  // namespace
}  // namespace moq::io

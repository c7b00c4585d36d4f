#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "moq/io/unix_socket.h"

namespace moq::io {
namespace {

namespace fs = std::filesystem;

class UnixTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moq-unix-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    path = (folder / "relay.sock").string();
  }
  void TearDown() override {
    client.reset();
    server.reset();
    listener.reset();
    fs::remove_all(folder);
  }
  void listen() {
    auto bound = UnixListener::bind(*loop, path);
    ASSERT_TRUE(bound) << bound.error().describe();
    listener = *std::move(bound);
  }
  void connect_pair() {
    loop->run([](UnixTest& self) -> kio::Task<void> {
      auto connected = co_await UnixStream::connect(*self.loop, self.path);
      EXPECT_TRUE(connected) << connected.error().describe();
      if (!connected) co_return;
      self.client = *std::move(connected);
      auto accepted = co_await self.listener->accept();
      EXPECT_TRUE(accepted) << accepted.error().describe();
      if (accepted) self.server = *std::move(accepted);
    }(*this));
    ASSERT_TRUE(client && server);
  }
  static kio::Task<std::string> read_to_end(ByteSource& source) {
    std::string all;
    for (;;) {
      const Result<Bytes> part = co_await source.read(100'000);
      EXPECT_TRUE(part) << part.error().describe();
      if (!part || part->empty()) co_return all;
      all += part->text();
    }
  }
  static kio::Task<void> write_all(ByteSink& sink, std::string text) {
    Bytes data = Bytes::copy(text);
    const Result<void> written = co_await sink.write(data);
    EXPECT_TRUE(written) << written.error().describe();
  }
  Error connect_fails() {
    auto connected = loop->run(UnixStream::connect(*loop, path));
    EXPECT_FALSE(connected);
    return connected ? Error() : connected.error();
  }

  std::unique_ptr<Loop> loop = *Loop::create();
  fs::path folder;
  std::string path;
  std::unique_ptr<UnixListener> listener;
  std::unique_ptr<UnixStream> client;
  std::unique_ptr<UnixStream> server;
};

TEST_F(UnixTest, CarriesBytesAndTheEndBothWays) {
  listen();
  connect_pair();
  loop->run(write_all(*client, "GET"));
  client->finish();
  EXPECT_EQ(loop->run(read_to_end(*server)), "GET");
  loop->run(write_all(*server, "200"));
  server.reset();
  EXPECT_EQ(loop->run(read_to_end(*client)), "200");
}

TEST_F(UnixTest, ASlowReaderHoldsTheWriterUp) {
  listen();
  connect_pair();
  const std::string text(5'000'000, 'x');
  auto writer = loop->spawn([](UnixStream& stream, std::string all) -> kio::Task<void> {
    co_await write_all(stream, std::move(all));
    stream.finish();
  }(*client, text));
  loop->run(kio::yield());
  EXPECT_FALSE(writer.finished());
  EXPECT_TRUE(loop->run(read_to_end(*server)) == text);
}

TEST_F(UnixTest, EachEndKnowsTheOther) {
  listen();
  connect_pair();
  for (UnixStream* end : {client.get(), server.get()}) {
    const auto credentials = end->credentials();
    ASSERT_TRUE(credentials) << credentials.error().describe();
    EXPECT_EQ(credentials->uid, ::geteuid());
    EXPECT_EQ(credentials->gid, ::getegid());
    EXPECT_EQ(credentials->pid, ::getpid());
  }
  EXPECT_EQ(client->peer(), "unix:" + path);
  EXPECT_EQ(server->peer(),
            "unix:uid=" + std::to_string(::geteuid()) + ",pid=" + std::to_string(::getpid()));
}

TEST_F(UnixTest, RefusalsAreNamed) {
  EXPECT_EQ(connect_fails().code, Code::refused);
  path = std::string(kMaxUnixPathBytes + 1, 'x');
  EXPECT_EQ(connect_fails().code, Code::invalid_argument);
  path = "";
  EXPECT_EQ(connect_fails().code, Code::invalid_argument);
  EXPECT_EQ(UnixListener::bind(*loop, path).error().code, Code::invalid_argument);
}

TEST_F(UnixTest, TheSocketGoesWithItsListener) {
  listen();
  EXPECT_TRUE(fs::exists(path));
  listener.reset();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(connect_fails().code, Code::refused);
}

TEST_F(UnixTest, ASocketOfSomebodyElseStays) {
  listen();
  fs::rename(path, path + ".mine");
  auto other = UnixListener::bind(*loop, path);
  ASSERT_TRUE(other);
  listener.reset();
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(UnixTest, ADeadSocketIsReplacedALiveOneIsNot) {
  listen();
  EXPECT_EQ(UnixListener::bind(*loop, path).error().code, Code::duplicate);
  // What a killed process leaves: the file without its listener.
  fs::create_hard_link(path, path + ".dead");
  listener.reset();
  fs::rename(path + ".dead", path);
  EXPECT_EQ(connect_fails().code, Code::refused);
  listen();
  connect_pair();
}

TEST_F(UnixTest, AFileIsNeverReplaced) {
  std::ofstream(path) << "precious";
  EXPECT_EQ(UnixListener::bind(*loop, path).error().code, Code::duplicate);
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(UnixTest, TheModeSaysWhoMayConnect) {
  auto bound = UnixListener::bind(*loop, path, 0600);
  ASSERT_TRUE(bound);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace moq::io

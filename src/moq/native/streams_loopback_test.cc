// Sessions over TCP and over Unix sockets, on the machine's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "moq/io/tcp.h"
#include "moq/native/server.h"

namespace moq::native {
namespace {

namespace fs = std::filesystem;
using transport::SocketAddress;

const SocketAddress kAnyPort = *SocketAddress::parse("127.0.0.1:0");

const transport::quic::Identity& identity() {
  static const transport::quic::Identity kIdentity = [] {
    transport::quic::GenerateOptions generate;
    generate.names = {"127.0.0.1"};
    return *transport::quic::Identity::generate(generate);
  }();
  return kIdentity;
}

/// Whether the carrier is TCP, else a Unix socket.
class Streams : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moq-native-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    client.emplace(*Client::create(environment, ClientOptions()));
  }
  void TearDown() override {
    server.reset();
    fs::remove_all(folder);
  }

  std::string socket() const { return (folder / "relay.sock").string(); }
  void listen(UnixAllow allow = {}) {
    transport::quic::ServerTlsOptions tls;
    tls.identities = {identity()};
    server.reset();
    server.emplace(*Server::create(
        environment, ServerOptions(kAnyPort, *transport::quic::ServerTls::create(std::move(tls)))));
    if (GetParam()) {
      const auto bound = server->listen_tcp(kAnyPort);
      ASSERT_TRUE(bound) << bound.error().describe();
      tcp_address = *bound;
    } else {
      const auto bound = server->listen_unix({.path = socket(), .allow = std::move(allow)});
      ASSERT_TRUE(bound) << bound.error().describe();
    }
  }
  [[nodiscard]] Url url() const {
    if (!GetParam()) return *Url::parse("unix://" + socket() + "?path=/room%3Fjwt=x");
    return *Url::parse("tcp://127.0.0.1:" + std::to_string(tcp_address.port) + "/room?jwt=x");
  }

  struct Pair {
    std::optional<Established> near;
    std::optional<net::Session> far;
    std::string path;
  };
  Pair connect() {
    Pair pair;
    loop->run([](Streams& self, Pair& out) -> kio::Task<void> {
      net::SessionOptions options;
      options.subscribe = self.found.clone();
      auto dialing = self.loop->spawn(self.client->connect(self.url(), std::move(options)));
      auto request = co_await self.server->accept();
      EXPECT_TRUE(request);
      if (!request) co_return;
      out.path = request->path();
      net::SessionOptions session;
      session.publish = self.origin.consume();
      out.far = std::move(*request).accept(std::move(session));
      auto dialed = co_await kio::wait(
          [&dialing](const kio::Waiter& waiter) { return dialing.poll_join(waiter); });
      EXPECT_TRUE(dialed) << dialed.error().describe();
      if (dialed) out.near = *std::move(dialed);
    }(*this, pair));
    return pair;
  }
  /// A connection that says nothing.
  std::unique_ptr<transport::ByteStream> connect_silently() {
    if (GetParam()) {
      auto stream = loop->run(io::TcpStream::connect(*loop, tcp_address));
      EXPECT_TRUE(stream) << stream.error().describe();
      if (stream) return *std::move(stream);
    } else {
      auto stream = loop->run(io::UnixStream::connect(*loop, socket()));
      EXPECT_TRUE(stream) << stream.error().describe();
      if (stream) return *std::move(stream);
    }
    return nullptr;
  }
  Error connect_fails() {
    auto connected = loop->run(client->connect(url(), {}));
    EXPECT_FALSE(connected);
    return connected ? Error() : connected.error();
  }
  /// Whether a group that is written now is read at the other end.
  bool delivers() {
    return loop->run([](Streams& self) -> kio::Task<bool> {
      auto announced = self.found.consume().announced_exactly(net::Path::of("a"));
      net::origin::Update update = co_await announced.next();
      if (!update.broadcast) co_return false;
      auto reader = update.broadcast->subscribe("video", {.max_age = 60s});
      EXPECT_TRUE(self.track.write_frame(++self.timestamp, Bytes::copy("x")));
      auto group = co_await reader.next_group();
      co_return group.has_value();
    }(*this));
  }
  Error ended(net::Session& session) {
    return loop->run([](net::Session& one) -> kio::Task<Error> {
      auto error = co_await one.closed();
      co_return error;
    }(session));
  }

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  Environment environment{*loop, resolver, random};
  fs::path folder;
  net::origin::Producer origin{0x1111};
  net::origin::Producer found{0x2222};
  net::broadcast::Producer broadcast;
  net::track::Producer track = *broadcast.create_track("video", {.max_age = 60s});
  std::uint64_t timestamp = 0;
  net::origin::Announcement announcement =
      *origin.announce(net::Path::of("a"), broadcast.consume());
  std::optional<Client> client;
  std::optional<Server> server;
  SocketAddress tcp_address;
};

TEST_P(Streams, CarrySessions) {
  listen();
  Pair pair = connect();
  ASSERT_TRUE(pair.near && pair.far);
  EXPECT_EQ(pair.path, "/room?jwt=x");
  EXPECT_EQ(pair.near->session.version(), net::Version::lite_06);
  EXPECT_EQ(pair.near->session.carrier(), GetParam() ? "tcp" : "unix");
  EXPECT_EQ(pair.far->carrier(), GetParam() ? "tcp" : "unix");
  EXPECT_EQ(pair.near->connection, nullptr);
  EXPECT_FALSE(pair.far->peer().empty());
  EXPECT_TRUE(delivers());
  pair.far->close(Error(Code::unauthorized, "so be it"));
  EXPECT_EQ(ended(pair.near->session).code, Code::unauthorized);
}

TEST_P(Streams, SessionsOutliveTheirServer) {
  listen();
  Pair pair = connect();
  ASSERT_TRUE(delivers());
  server.reset();
  EXPECT_TRUE(delivers());
  pair.near->session.close();
  EXPECT_EQ(ended(*pair.far).code, Code::closed);
}

TEST_P(Streams, AServerThatAcceptsNoMoreRefuses) {
  listen();
  Pair pair = connect();
  server->stop_accepting();
  EXPECT_EQ(connect_fails().code, Code::refused);
  EXPECT_TRUE(delivers());
}

TEST_P(Streams, HandshakesAtOnceAreLimited) {
  listen();
  std::vector<std::unique_ptr<transport::ByteStream>> silent;
  for (std::size_t i = 0; i < kMaxStreamHandshakes; ++i) {
    silent.push_back(connect_silently());
    // The server takes them in before the system's queue is full.
    if (i % 32 == 0) loop->run(kio::sleep(loop->clock(), 1ms));
  }
  auto dialing = loop->spawn(client->connect(url(), {}));
  loop->run(kio::sleep(loop->clock(), 30ms));
  EXPECT_FALSE(server->poll_accept(kio::Waiter::none())) << "there is no limit";
  // When they leave, the next has its turn.
  silent.clear();
  loop->run([](Server& to) -> kio::Task<void> {
    auto request = co_await to.accept();
    EXPECT_TRUE(request);
  }(*server));
}

INSTANTIATE_TEST_SUITE_P(Loopback, Streams, testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "tcp" : "unix"); });

class UnixStreams : public Streams {};
INSTANTIATE_TEST_SUITE_P(Loopback, UnixStreams, testing::Values(false));

TEST_P(UnixStreams, LetInWhoIsListed) {
  listen({.uids = {::geteuid() + 1, ::geteuid()}, .gids = {::getegid()}, .pids = {}});
  Pair pair = connect();
  EXPECT_TRUE(delivers());
}

TEST_P(UnixStreams, RefuseWhoIsNot) {
  const UnixAllow others[] = {{.uids = {::geteuid() + 1}, .gids = {}, .pids = {}},
                              {.uids = {::geteuid()}, .gids = {::getegid() + 1}, .pids = {}}};
  for (const UnixAllow& allow : others) {
    listen(allow);
    const Error error = connect_fails();
    EXPECT_EQ(error.code, Code::unauthorized) << error.describe();
    EXPECT_EQ(error.wire, 2u);
    EXPECT_NE(error.text.find("may not connect"), std::string::npos) << error.describe();
  }
}

TEST(UnixAllow, AsksEachListThatIsNotEmpty) {
  const io::PeerCredentials peer{.uid = 1, .gid = 2, .pid = 3};
  EXPECT_TRUE((UnixAllow{}).allows(peer));
  EXPECT_TRUE((UnixAllow{.uids = {1, 7}, .gids = {2}, .pids = {3}}).allows(peer));
  EXPECT_FALSE((UnixAllow{.uids = {7}, .gids = {2}, .pids = {3}}).allows(peer));
  EXPECT_FALSE((UnixAllow{.uids = {1}, .gids = {7}, .pids = {}}).allows(peer));
  EXPECT_FALSE((UnixAllow{.uids = {}, .gids = {}, .pids = {7}}).allows(peer));
}

TEST(StreamServer, NeedsALoop) {
  // No loop: a simulated host has no TCP.
  const std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  const Environment environment(*loop, *loop, resolver, random);
  transport::quic::ServerTlsOptions tls;
  tls.identities = {identity()};
  auto server = *Server::create(
      environment, ServerOptions(kAnyPort, *transport::quic::ServerTls::create(std::move(tls))));
  EXPECT_EQ(server.listen_tcp(kAnyPort).error().code, Code::unsupported);
  EXPECT_EQ(server.listen_unix({.path = "/nowhere", .allow = {}}).error().code, Code::unsupported);
  const auto client = Client::create(environment, ClientOptions());
  ASSERT_TRUE(client);
  for (const char* url : {"tcp://127.0.0.1:1", "unix:///nowhere"}) {
    const auto connected = loop->run(client->connect(*Url::parse(url), {}));
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code, Code::unsupported) << url;
  }
}

}  // namespace
}  // namespace moq::native

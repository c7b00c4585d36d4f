// The whole stack on the machine's own sockets.
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "moq/io/loop.h"
#include "moq/io/udp_socket.h"
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_contract_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport {

namespace contract {
namespace {

class LoopbackBed final : public Bed {
 public:
  LoopbackBed() : loop_(*io::Loop::create()), environment_(*loop_, *loop_, random_) {
    parameters_.max_streams_uni = kMaxStreams;
    parameters_.max_streams_bidi = kMaxStreams;
    parameters_.stream_window = 256 * 1024;
    client_.emplace(environment_);
    quic::ServerOptions options(*SocketAddress::parse("127.0.0.1:0"), {std::string(kProtocol)},
                                quic::test::server_tls());
    options.parameters = parameters_;
    server_.emplace(*quic::Server::create(environment_, std::move(options)));
  }
  kio::Executor& executor() override { return *loop_; }
  bool run_until(const std::function<bool()>& done, Duration limit) override {
    return loop_->run(poll_until(loop_->clock(), done, limit));
  }
  Pair connect() override {
    Pair pair;
    loop_->run(connect_both(*client_, *server_, options(), pair));
    return pair;
  }

 private:
  quic::DialOptions options() {
    quic::DialOptions options(server_->local_address(), quic::test::kName, {std::string(kProtocol)},
                              quic::test::client_tls());
    options.parameters = parameters_;
    return options;
  }
  static kio::Task<bool> poll_until(kio::Clock& clock, const std::function<bool()>& done,
                                    Duration limit) {
    const TimePoint end = clock.now() + limit;
    for (;;) {
      if (done()) co_return true;
      if (clock.now() >= end) co_return false;
      co_await kio::sleep(clock, 1ms);
    }
  }
  static kio::Task<void> connect_both(quic::Client& client, quic::Server& server,
                                      quic::DialOptions options, Pair& pair) {
    auto dialed = co_await client.dial(std::move(options));
    EXPECT_TRUE(dialed) << dialed.error().describe();
    if (!dialed) co_return;
    pair.client = *std::move(dialed);
    auto accepted = co_await server.accept();
    EXPECT_TRUE(accepted);
    if (accepted) pair.server = *std::move(accepted);
  }

  std::unique_ptr<io::Loop> loop_;
  SystemRandom random_;
  quic::Environment environment_;
  quic::Parameters parameters_;
  std::optional<quic::Client> client_;
  std::optional<quic::Server> server_;
};

INSTANTIATE_TEST_SUITE_P(QuicLoopback, SessionContract,
                         testing::Values(Carrier{"udp",
                                                 [] -> std::unique_ptr<Bed> {
                                                   return std::make_unique<LoopbackBed>();
                                                 }}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace contract

namespace quic::test {
namespace {

/// Sockets of a process that can be killed: they close without a word.
class MortalNetwork final : public DatagramNetwork {
 public:
  explicit MortalNetwork(DatagramNetwork& network) : network_(network) {}
  void kill() {
    for (auto& socket : sockets_) *socket = nullptr;
  }

  Result<std::unique_ptr<DatagramSocket>> bind(const SocketAddress& local) override {
    return wrap(network_.bind(local));
  }
  Result<std::unique_ptr<DatagramSocket>> connect(const SocketAddress& remote) override {
    return wrap(network_.connect(remote));
  }

 private:
  using Slot = std::shared_ptr<std::unique_ptr<DatagramSocket>>;
  class Mortal final : public DatagramSocket {
   public:
    explicit Mortal(Slot slot) : slot_(std::move(slot)), local_((*slot_)->local_address()) {}
    SocketAddress local_address() const override { return local_; }
    std::size_t send(std::span<const SendBatch> batches) override {
      return *slot_ ? (*slot_)->send(batches) : batches.size();
    }
    kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter) override {
      if (!*slot_) return kio::Unit{};
      return (*slot_)->poll_writable(waiter);
    }
    kio::Poll<Result<std::span<const ReceivedBatch>>> poll_receive(
        const kio::Waiter& waiter) override {
      if (!*slot_) return kio::kPending;
      return (*slot_)->poll_receive(waiter);
    }

   private:
    Slot slot_;
    SocketAddress local_;
  };
  Result<std::unique_ptr<DatagramSocket>> wrap(Result<std::unique_ptr<DatagramSocket>> socket) {
    if (!socket) return socket;
    sockets_.push_back(std::make_shared<std::unique_ptr<DatagramSocket>>(*std::move(socket)));
    return std::make_unique<Mortal>(sockets_.back());
  }

  DatagramNetwork& network_;
  std::vector<Slot> sockets_;
};

class Loopback : public testing::Test {
 protected:
  Loopback() : loop(*io::Loop::create()), client(environment()) {
    std::string name = std::filesystem::temp_directory_path() / "moq-quic-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory = name;
  }
  ~Loopback() override { std::filesystem::remove_all(directory); }

  Environment environment() { return {*loop, *loop, random}; }
  ServerOptions server_options(std::string_view address = "127.0.0.1:0") {
    return ServerOptions(*SocketAddress::parse(address), {kAlpn}, server_tls());
  }
  DialOptions dial_options(const SocketAddress& to) { return {to, kName, {kAlpn}, client_tls()}; }
  Result<std::unique_ptr<Connection>> dial(DialOptions options) {
    return loop->run(client.dial(std::move(options)));
  }
  std::unique_ptr<Connection> accept(Server& server) {
    return loop->run([](Server& from) -> kio::Task<std::unique_ptr<Connection>> {
      auto accepted = co_await from.accept();
      EXPECT_TRUE(accepted);
      if (!accepted) co_return nullptr;
      co_return *std::move(accepted);
    }(server));
  }
  Error closed(Session& session) {
    return loop->run([](Session& of) -> kio::Task<Error> {
      auto error = co_await of.closed();
      co_return error;
    }(session));
  }
  void write_file(const std::string& name, std::string_view text) {
    std::ofstream(directory / name) << text;
  }
  std::string read_file(const std::string& name) {
    std::stringstream text;
    text << std::ifstream(directory / name).rdbuf();
    return text.str();
  }

  std::unique_ptr<io::Loop> loop;
  SystemRandom random;
  Client client;
  std::filesystem::path directory;
};

TEST_F(Loopback, ReadsCertificatesKeysAndRootsFromFiles) {
  write_file("chain.pem", identity().chain_pem());
  write_file("key.pem", identity().key_pem());
  const auto loaded = Identity::load(directory / "chain.pem", directory / "key.pem");
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_EQ(loaded->fingerprint(), identity().fingerprint());

  auto server = Server::create(environment(), server_options());
  ClientTlsOptions options;
  options.system_roots = false;
  options.root_files = {directory / "chain.pem"};
  DialOptions dialing = dial_options(server->local_address());
  dialing.tls = *ClientTls::create(std::move(options));
  const auto dialed = dial(std::move(dialing));
  EXPECT_TRUE(dialed) << dialed.error().describe();
}

TEST_F(Loopback, NamesTheFileThatIsUnusable) {
  write_file("chain.pem", identity().chain_pem());
  write_file("key.pem", identity().key_pem());
  write_file("empty.pem", "");
  std::filesystem::create_directory(directory / "folder");
  struct Case {
    const char* chain;
    const char* key;
    std::string culprit;
    std::string words;
  };
  for (const auto& [chain, key, culprit, words] :
       std::vector<Case>{{"chain.pem", "missing.pem", "missing.pem", "No such file"},
                         {"missing.pem", "key.pem", "missing.pem", "No such file"},
                         {"chain.pem", "empty.pem", "empty.pem", "empty"},
                         {"folder", "key.pem", "folder", "Is a directory"},
                         {"chain.pem", "chain.pem", "chain.pem", "no unencrypted private key"},
                         {"key.pem", "key.pem", "key.pem", "no certificate chain"}}) {
    const auto loaded = Identity::load(directory / chain, directory / key);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::bad_config);
    const std::string& text = loaded.error().text;
    EXPECT_TRUE(text.starts_with("'" + (directory / culprit).string() + "': ")) << text;
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
  ClientTlsOptions options;
  options.pins = {identity().fingerprint()};
  options.key_log_file = directory / "no" / "keys";
  EXPECT_EQ(ClientTls::create(std::move(options)).error().code, Code::bad_config);
}

TEST_F(Loopback, LogsKeysAndQlogWhereToldTo) {
  auto server = Server::create(environment(), server_options());
  DialOptions options = dial_options(server->local_address());
  ClientTlsOptions tls;
  tls.pins = {identity().fingerprint()};
  tls.key_log_file = directory / "keys.log";
  options.tls = *ClientTls::create(std::move(tls));
  options.parameters.qlog_directory = directory;
  {
    const auto dialed = dial(std::move(options));
    ASSERT_TRUE(dialed) << dialed.error().describe();
  }
  const std::string keys = read_file("keys.log");
  for (const char* label : {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
                            "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "}) {
    EXPECT_NE(keys.find(label), std::string::npos) << keys;
  }
  namespace fs = std::filesystem;
  EXPECT_EQ(fs::status(directory / "keys.log").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  std::size_t logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().ends_with("_client.sqlog")) {
      ++logs;
      // RFC 7464: each record begins with RS and ends with a line feed.
      const std::string log = read_file(entry.path().filename());
      EXPECT_TRUE(log.starts_with("\x1e{\"qlog_format\":\"JSON-SEQ\""));
      EXPECT_TRUE(log.ends_with("}\n"));
      EXPECT_GT(std::ranges::count(log, '\x1e'), 10);
      EXPECT_EQ(std::ranges::count(log, '\x1e'), std::ranges::count(log, '\n'));
      EXPECT_NE(log.find("transport:packet_received"), std::string::npos);
    }
  }
  EXPECT_EQ(logs, 1u);
}

TEST_F(Loopback, APortWithoutAServerIsRefusedAtOnce) {
  SocketAddress nobody;
  {
    const auto server = Server::create(environment(), server_options());
    nobody = server->local_address();
  }
  const TimePoint before = loop->clock().now();
  const auto dialed = dial(dial_options(nobody));
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::refused) << dialed.error().describe();
  EXPECT_LT(loop->clock().now() - before, 5s);
}

TEST_F(Loopback, ARestartedServerEndsOldSessions) {
  MortalNetwork process(*loop);
  auto killed = Server::create({*loop, process, random}, server_options());
  const SocketAddress address = killed->local_address();
  auto dialed = dial(dial_options(address));
  ASSERT_TRUE(dialed);
  auto accepted = accept(*killed);
  process.kill();
  auto restarted = Server::create(environment(), server_options(address.to_string()));
  ASSERT_TRUE(restarted) << restarted.error().describe();
  auto stream = (*dialed)->poll_open_uni(kio::Waiter::none());
  (**stream)->write(Bytes::copy("anybody there?"));
  const TimePoint before = loop->clock().now();
  const Error error = closed(**dialed);
  EXPECT_EQ(error.code, Code::transport);
  EXPECT_NE(error.text.find("stateless reset"), std::string::npos) << error.describe();
  EXPECT_LT(loop->clock().now() - before, 5s);
}

TEST_F(Loopback, ServesBothFamiliesOnOneSocket) {
  auto server = Server::create(environment(), server_options("[::]:0"));
  ASSERT_TRUE(server) << server.error().describe();
  for (const std::string host : {"127.0.0.1", "[::1]"}) {
    const auto to = SocketAddress::parse(host + ":" + std::to_string(server->local_address().port));
    const auto dialed = dial(dial_options(*to));
    ASSERT_TRUE(dialed) << host << ": " << dialed.error().describe();
    const auto accepted = accept(*server);
    EXPECT_EQ(accepted->peer_address(), (*dialed)->local_address());
  }
}

TEST_F(Loopback, MigratesToAnotherSocket) {
  auto server = Server::create(environment(), server_options());
  auto dialed = dial(dial_options(server->local_address()));
  ASSERT_TRUE(dialed);
  auto accepted = accept(*server);
  const SocketAddress before = accepted->peer_address();
  loop->run(kio::sleep(loop->clock(), 50ms));
  const Result<void> migrated = (*dialed)->migrate();
  ASSERT_TRUE(migrated) << migrated.error().describe();
  loop->run([](Session& near, Session& far) -> kio::Task<void> {
    for (int i = 0; i < 5; ++i) {
      std::unique_ptr<SendStream> send;
      std::unique_ptr<RecvStream> recv;
      co_await contract::make_uni(near, far, "on the move", send, recv);
      co_await contract::expect_read(*recv, "on the move");
    }
  }(**dialed, *accepted));
  EXPECT_NE(accepted->peer_address(), before);
  EXPECT_EQ(accepted->peer_address(), (*dialed)->local_address());
}

// Wherever their packets come from, sessions stay with the one of several servers that took them.
TEST_F(Loopback, SessionsOfAGroupOfServersMayMigrate) {
  constexpr std::uint32_t kServers = 3;
  auto sockets = io::BoundUdp::bind_group(*SocketAddress::parse("127.0.0.1:0"), kServers);
  ASSERT_TRUE(sockets) << sockets.error().describe();
  const SocketAddress address = sockets->front().local_address();
  std::vector<Server> servers;
  for (std::uint32_t i = 0; i < kServers; ++i) {
    ServerOptions options = server_options();
    options.share = {.index = i, .servers = kServers};
    servers.push_back(*Server::create(environment(), std::move(options),
                                      *io::UdpSocket::adopt(*loop, std::move((*sockets)[i]))));
  }
  const auto accept_any = [&]() -> kio::Task<std::unique_ptr<Connection>> {
    auto accepted = co_await kio::wait(
        [&](const kio::Waiter& waiter) -> kio::Poll<Result<std::unique_ptr<Connection>>> {
          for (Server& server : servers) {
            if (auto taken = server.poll_accept(waiter)) return taken;
          }
          return kio::kPending;
        });
    EXPECT_TRUE(accepted);
    co_return accepted ? *std::move(accepted) : nullptr;
  };
  for (int round = 0; round < 8; ++round) {
    auto dialed = dial(dial_options(address));
    ASSERT_TRUE(dialed) << dialed.error().describe();
    auto accepted = loop->run(accept_any());
    for (int address_no = 0; address_no < 4; ++address_no) {
      SCOPED_TRACE(fmt::format("client {}, address {}", round, address_no));
      const SocketAddress before = accepted->peer_address();
      // It needs a further connection id of the server's, and then has to prove the new path.
      loop->run([](io::Loop& on, Connection& near, Connection& far,
                   SocketAddress from) -> kio::Task<void> {
        const TimePoint end = on.clock().now() + 20s;
        while (!near.migrate() && on.clock().now() < end) co_await kio::sleep(on.clock(), 1ms);
        while (far.peer_address() == from && on.clock().now() < end) {
          std::unique_ptr<SendStream> send;
          std::unique_ptr<RecvStream> recv;
          co_await contract::make_uni(near, far, "on the move", send, recv);
          co_await contract::expect_read(*recv, "on the move");
          co_await kio::sleep(on.clock(), 1ms);
        }
      }(*loop, **dialed, *accepted, before));
      EXPECT_NE(accepted->peer_address(), before);
      EXPECT_EQ(accepted->peer_address(), (*dialed)->local_address());
    }
  }
  std::size_t all = 0;
  for (const Server& server : servers) all += server.connections();
  EXPECT_GE(all, 1u);
}

TEST_F(Loopback, AServerKnowsNoShareThatIsNone) {
  ServerOptions options = server_options();
  options.share = {.index = 3, .servers = 3};
  EXPECT_EQ(Server::create(environment(), options).error().code, Code::bad_config);
  options.share = {.index = 0, .servers = 257};
  EXPECT_EQ(Server::create(environment(), options).error().code, Code::bad_config);
}

TEST_F(Loopback, AnIdleSessionWakesOnlyToKeepAlive) {
  auto server = Server::create(environment(), server_options());
  auto dialed = dial(dial_options(server->local_address()));
  ASSERT_TRUE(dialed);
  auto accepted = accept(*server);
  loop->run(kio::sleep(loop->clock(), 500ms));  // Path MTU discovery and connection ids.
  const std::uint64_t before = loop->waits();
  loop->run(kio::sleep(loop->clock(), 1500ms));
  EXPECT_LE(loop->waits() - before, 4u);
}

// By the stream's window, and by the connection's.
TEST_F(Loopback, ABlockedStreamCostsNothing) {
  for (const bool connection : {false, true}) {
    SCOPED_TRACE(connection ? "the connection's window" : "the stream's window");
    auto server = Server::create(environment(), server_options());
    DialOptions options = dial_options(server->local_address());
    (connection ? options.parameters.connection_window : options.parameters.stream_window) = 100000;
    auto dialed = dial(std::move(options));
    ASSERT_TRUE(dialed);
    auto accepted = accept(*server);
    const auto stream = accepted->poll_open_uni(kio::Waiter::none());
    ASSERT_TRUE(stream && *stream);
    (**stream)->write(contract::pattern(300000));
    loop->run(kio::sleep(loop->clock(), 500ms));
    const std::uint64_t before = loop->waits();
    loop->run(kio::sleep(loop->clock(), 1500ms));
    EXPECT_LE(loop->waits() - before, 4u);

    // It goes on as soon as there is a reader.
    auto reading = (*dialed)->poll_accept_uni(kio::Waiter::none());
    ASSERT_TRUE(reading && *reading);
    (**stream)->finish();
    const auto all = loop->run(contract::read_all(***reading));
    ASSERT_TRUE(all) << all.error().describe();
    EXPECT_EQ(all->size(), 300000u);
  }
}

}  // namespace
}  // namespace quic::test
}  // namespace moq::transport

// Settings of one client that are the machine's: addresses, and the folder for qlogs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "moq/native/server.h"

namespace moq::native {
namespace {

namespace fs = std::filesystem;

class ClientMachine : public testing::Test {
 protected:
  ClientMachine() {
    fs::create_directories(folder);
    transport::quic::GenerateOptions generate;
    generate.names = {"127.0.0.1"};
    identity = *transport::quic::Identity::generate(generate);
    transport::quic::ServerTlsOptions tls;
    tls.identities = {*identity};
    const ServerOptions listen(*transport::SocketAddress::parse("127.0.0.1:0"),
                               *transport::quic::ServerTls::create(std::move(tls)));
    server.emplace(*Server::create(environment, listen));
    serving = loop->spawn(accept_all(this));
    options.tls.pins = {identity->fingerprint()};
  }
  ~ClientMachine() override { fs::remove_all(folder); }
  static kio::Task<void> accept_all(ClientMachine* self) {
    for (;;) {
      auto request = co_await self->server->accept();
      if (!request) co_return;
      self->peers.push_back(request->peer());
      self->sessions.push_back(std::move(*request).accept({}));
    }
  }
  /// The address that the server saw.
  std::string peer_of(const ClientOptions& with) {
    peers.clear();
    const Client client = *Client::create(environment, with);
    const auto established = loop->run(
        client.connect(*Url::parse("moqt://" + server->local_address().to_string() + "/"), {}));
    EXPECT_TRUE(established) << established.error().describe();
    return peers.empty() ? "nobody" : peers.front();
  }
  Code refusal() {
    const auto made = Client::create(environment, options);
    EXPECT_FALSE(made);
    return made ? Code::internal : made.error().code;
  }

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  Environment environment{*loop, resolver, random};
  std::optional<transport::quic::Identity> identity;
  std::optional<Server> server;
  std::vector<net::Session> sessions;
  std::vector<std::string> peers;
  kio::Spawned<void> serving;
  ClientOptions options;
  const fs::path folder =
      fs::temp_directory_path() / ("moq_client_options." + std::to_string(::getpid()));
};

TEST_F(ClientMachine, EachSendsFromItsOwnAddress) {
  ClientOptions second = options;
  options.bind = *transport::SocketAddress::parse("127.0.0.2:0");
  second.bind = *transport::SocketAddress::parse("127.0.0.3:0");
  second.segmentation = false;
  EXPECT_TRUE(peer_of(options).starts_with("127.0.0.2:")) << peers.front();
  EXPECT_TRUE(peer_of(second).starts_with("127.0.0.3:")) << peers.front();
  ClientOptions any;
  any.tls = options.tls;
  any.bind = *transport::SocketAddress::parse("[::]:0");
  EXPECT_TRUE(peer_of(any).starts_with("127.0.0.1:")) << peers.front();
}

TEST_F(ClientMachine, WritesItsQlogsToItsFolder) {
  options.quic.qlog_directory = folder;
  peer_of(options);
  std::size_t logs = 0;
  for (const auto& entry : fs::directory_iterator(folder)) logs += entry.file_size() > 0 ? 1 : 0;
  EXPECT_EQ(logs, 1u);
}

TEST_F(ClientMachine, AFolderThatCannotBeWrittenIsRefused) {
  options.quic.qlog_directory = folder / "missing";
  EXPECT_EQ(refusal(), Code::bad_config);
  std::ofstream(folder / "file") << "x";
  options.quic.qlog_directory = folder / "file";
  EXPECT_EQ(refusal(), Code::bad_config);
  if (::geteuid() == 0) return;  // May write anywhere.
  fs::create_directory(folder / "closed");
  fs::permissions(folder / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  options.quic.qlog_directory = folder / "closed";
  EXPECT_EQ(refusal(), Code::bad_config);
}

TEST_F(ClientMachine, FilesForTlsAreReadWhenItIsMade) {
  options.tls.root_files = {(folder / "missing.pem").string()};
  EXPECT_EQ(refusal(), Code::bad_config);
}

}  // namespace
}  // namespace moq::native

#include "moq/native/server.h"

#include <gtest/gtest.h>

#include <set>

#include "moq/net/wire_code.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::native {
namespace {

constexpr std::uint16_t kPort = 4443;

const transport::quic::Identity& identity() {
  static const transport::quic::Identity kIdentity = [] {
    transport::quic::GenerateOptions options;
    options.names = {"10.0.0.1"};
    return *transport::quic::Identity::generate(options);
  }();
  return kIdentity;
}

transport::quic::ServerTls server_tls() {
  transport::quic::ServerTlsOptions options;
  options.identities = {identity()};
  return *transport::quic::ServerTls::create(std::move(options));
}

/// A server and a client on two hosts, by URL.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    trust.pins = {identity().fingerprint()};
    server_options.quic.handshake_timeout = 3s;
  }

  void serve() {
    auto made = Server::create({world, far, resolver, world}, server_options);
    ASSERT_TRUE(made) << made.error().describe();
    server.emplace(*std::move(made));
  }
  /// A server that knows QUIC alone.
  void serve_quic(std::vector<std::string> alpn) {
    transport::quic::ServerOptions options(far.address(kPort), std::move(alpn), server_tls());
    auto made = transport::quic::Server::create({world, far, world}, std::move(options));
    ASSERT_TRUE(made) << made.error().describe();
    quic_server.emplace(*std::move(made));
  }
  kio::Task<Result<Established>> connect(const std::string& url) {
    ClientOptions options;
    options.tls = trust;
    options.tls_configured = true;
    client.emplace(*Client::create({world, near, resolver, world}, std::move(options)));
    return client->connect(*Url::parse(url), {});
  }
  Result<net::Request> accept() {
    return world.run([](Server& from) -> kio::Task<Result<net::Request>> {
      auto request = co_await from.accept();
      co_return request;
    }(*server));
  }
  /// A session of `alpn` that is nothing but QUIC.
  std::unique_ptr<transport::quic::Connection> dial(const std::string& alpn) {
    transport::quic::DialOptions options(far.address(kPort), "10.0.0.1", {alpn},
                                         *transport::quic::ClientTls::create(trust));
    auto dialed = world.run(quic_client.dial(std::move(options)));
    EXPECT_TRUE(dialed) << dialed.error().describe();
    return dialed ? *std::move(dialed) : nullptr;
  }
  Error closed(transport::Session& session) {
    return world.run([](transport::Session& of) -> kio::Task<Error> {
      auto error = co_await of.closed();
      co_return error;
    }(session));
  }

  sim::World world;
  sim::Network network{world, {}};
  sim::Host& near = network.add_host("10.0.0.2");
  sim::Host& far = network.add_host("10.0.0.1");
  io::Resolver resolver;
  transport::quic::ClientTlsOptions trust;
  ServerOptions server_options{far.address(kPort), server_tls()};
  kio::TaskGroup tasks{world};
  transport::quic::Client quic_client{{world, near, world}};
  std::optional<Server> server;
  std::optional<transport::quic::Server> quic_server;
  std::optional<Client> client;
};

TEST_F(ServerTest, TellsWhatTheClientAskedForOnBothCarriers) {
  serve();
  struct Case {
    const char* url;
    const char* carrier;
    const char* path;
  };
  for (const auto& [url, carrier, path] :
       {Case{"https://10.0.0.1:4443/room/a?jwt=x", "webtransport", "/room/a?jwt=x"},
        Case{"https://10.0.0.1:4443?jwt=x", "webtransport", "/?jwt=x"},
        Case{"https://10.0.0.1:4443", "webtransport", "/"},
        Case{"moqt://10.0.0.1:4443/room/a?jwt=x", "quic", "/room/a?jwt=x"},
        Case{"moqt://10.0.0.1:4443?jwt=x", "quic", "/?jwt=x"},
        Case{"moql://10.0.0.1:4443", "quic", ""}}) {
    const auto connecting = world.spawn(connect(url));
    const auto request = accept();
    ASSERT_TRUE(request) << url << ": " << request.error().describe();
    EXPECT_EQ(request->path(), path) << url;
    EXPECT_EQ(request->carrier(), carrier) << url;
    EXPECT_EQ(request->version(), net::session_versions().front()) << url;
  }
}

TEST_F(ServerTest, AClientThatSendsNoSetupIsToldThatItsTimeIsUp) {
  serve();
  const auto session = dial("moq-lite-06");
  const TimePoint start = world.now();
  const Error error = closed(*session);
  EXPECT_EQ(error.wire, 0x11u) << error.describe();
  EXPECT_GE(world.now() - start, 2900ms);
  EXPECT_LE(world.now() - start, 3100ms);
}

TEST_F(ServerTest, AClientThatSendsNoConnectIsDroppedInTime) {
  serve();
  const auto session = dial("h3");
  const TimePoint start = world.now();
  closed(*session);
  EXPECT_GE(world.now() - start, 2900ms);
  EXPECT_LE(world.now() - start, 3100ms);
}

TEST_F(ServerTest, ASlowConnectLeavesOnlyTheRestOfTheTime) {
  serve();
  const TimePoint start = world.now();
  std::unique_ptr<transport::Session> session = dial("h3");
  world.run_for(2s);
  transport::webtransport::ConnectOptions options("10.0.0.1:4443", "/", {"moq-lite-06"});
  auto connected =
      world.run(transport::webtransport::connect(tasks, std::move(session), std::move(options)));
  ASSERT_TRUE(connected) << connected.error().describe();
  EXPECT_EQ(closed(**connected).wire, 0x11u);
  EXPECT_LE(world.now() - start, 3500ms);
}

TEST_F(ServerTest, OthersAreServedWhileSomeSayNothing) {
  serve();
  const auto silent = dial("h3");
  const auto mute = dial("moq-lite-06");
  const auto connecting = world.spawn(connect("moqt://10.0.0.1:4443/"));
  const TimePoint start = world.now();
  EXPECT_TRUE(accept());
  EXPECT_LT(world.now() - start, 1s);
}

TEST_F(ServerTest, HttpsOffersHttp3AloneAndMoqtNever) {
  serve_quic({"moq-lite-06"});
  auto established = world.run(connect("https://10.0.0.1:4443/"));
  ASSERT_FALSE(established);
  EXPECT_EQ(established.error().code, Code::version) << established.error().describe();
  quic_server.reset();
  serve_quic({"h3"});
  for (const char* url : {"moqt://10.0.0.1:4443/", "moql://10.0.0.1:4443/"}) {
    established = world.run(connect(url));
    ASSERT_FALSE(established);
    EXPECT_EQ(established.error().code, Code::version) << established.error().describe();
  }
}

TEST_F(ServerTest, AClientOfMoqTransportNamesTheHostThatItDials) {
  serve_quic({"moqt-18"});
  for (const bool moqt : {true, false}) {
    const std::string scheme = moqt ? "moqt" : "moql";
    const auto dialing = world.spawn(connect(scheme + "://10.0.0.1:4443/room"));
    std::string setup;
    const auto reading =
        world.spawn([](transport::quic::Server& from, std::string& text) -> kio::Task<void> {
          auto connection = co_await from.accept();
          if (!connection) co_return;
          auto stream = co_await (*connection)->accept_uni();
          if (!stream) co_return;
          for (;;) {
            auto bytes = co_await (*stream)->read(4096);
            if (!bytes || bytes->empty()) co_return;
            text += bytes->text();
            // The host comes before who made the client.
            if (text.find("libmoq") != std::string::npos) co_return;
          }
        }(*quic_server, setup));
    ASSERT_TRUE(world.run_until([&] { return setup.find("libmoq") != std::string::npos; }, 10s));
    EXPECT_NE(setup.find("/room"), std::string::npos);
    EXPECT_EQ(setup.find("10.0.0.1:4443") != std::string::npos, moqt);
  }
}

TEST_F(ServerTest, AnHttpStatusSaysWhyThereIsNoSession) {
  serve_quic({"h3"});
  for (const auto& [status, code] :
       {std::pair(401, Code::unauthorized), std::pair(403, Code::forbidden),
        std::pair(404, Code::not_found), std::pair(400, Code::rejected),
        std::pair(500, Code::rejected), std::pair(429, Code::application),
        std::pair(503, Code::application)}) {
    const auto rejecting = world.spawn(
        [](kio::TaskGroup& group, transport::quic::Server& from, int with) -> kio::Task<void> {
          auto connection = co_await from.accept();
          if (!connection) co_return;
          auto request = co_await transport::webtransport::accept(group, *std::move(connection));
          if (request) std::move(*request).reject(with);
        }(tasks, *quic_server, status));
    const auto established = world.run(connect("https://10.0.0.1:4443/"));
    ASSERT_FALSE(established);
    EXPECT_EQ(established.error().code, code) << established.error().describe();
    EXPECT_EQ(established.error().wire, static_cast<std::uint64_t>(status));
    EXPECT_NE(established.error().text.find(std::to_string(status)), std::string::npos);
  }
}

TEST_F(ServerTest, AStatusThatMayPassIsRetriedAndNoOther) {
  serve_quic({"h3"});
  int with = 0;
  int asked = 0;
  const auto rejecting = world.spawn([](kio::TaskGroup& group, transport::quic::Server& from,
                                        const int& status, int& count) -> kio::Task<void> {
    for (;;) {
      auto connection = co_await from.accept();
      if (!connection) co_return;
      auto request = co_await transport::webtransport::accept(group, *std::move(connection));
      ++count;
      if (request) std::move(*request).reject(status);
    }
  }(tasks, *quic_server, with, asked));
  ClientOptions options;
  options.tls = trust;
  client.emplace(*Client::create({world, near, resolver, world}, std::move(options)));
  for (const int status : {401, 403, 404, 400, 410, 500, 501, 408, 429, 502, 503, 504}) {
    SCOPED_TRACE(status);
    with = status;
    asked = 0;
    const bool may_pass = std::set{408, 429, 502, 503, 504}.contains(status);
    auto connection =
        client->reconnect(*Url::parse("https://10.0.0.1:4443/"), {}, Backoff{.timeout = 10s});
    auto watch = connection.watch();
    world.run_for(1min);
    ASSERT_TRUE(watch.poll_closed(kio::Waiter::none()).ready());
    EXPECT_EQ(watch.last_error()->wire, static_cast<std::uint64_t>(status));
    EXPECT_EQ(asked > 1, may_pass) << asked;
  }
}

/// What becomes of a client whom the server rejects once it has heard what it wants.
TEST_F(ServerTest, ARequestThatIsRejectedTellsWhy) {
  struct Case {
    Error reason;
    Code seen;
    std::optional<std::uint32_t> application;
    bool retried;
  };
  for (const net::Version version : net::session_versions()) {
    server_options.versions = {version};
    server.reset();
    serve();
    for (const char* url : {"https://10.0.0.1:4443/a", "moqt://10.0.0.1:4443/a"}) {
      for (const Case& each : {Case{Error(Code::unauthorized, "no"), Code::unauthorized, {}, false},
                               Case{Error(Code::forbidden, "no"), Code::unauthorized, {}, false},
                               Case{net::application_error(404), Code::application, 404, true},
                               Case{net::application_error(503), Code::application, 503, true}}) {
        SCOPED_TRACE(std::string(url) + " " + std::string(net::to_string(version)) + ": " +
                     each.reason.describe());
        int asked = 0;
        const auto rejecting =
            world.spawn([](Server& from, const Error& why, int& count) -> kio::Task<void> {
              for (;;) {
                auto request = co_await from.accept();
                if (!request) co_return;
                ++count;
                std::move(*request).reject(why);
              }
            }(*server, each.reason, asked));
        ClientOptions options;
        options.tls = trust;
        client.emplace(*Client::create({world, near, resolver, world}, std::move(options)));
        auto connection = client->reconnect(*Url::parse(url), {}, Backoff{.timeout = 10s});
        auto watch = connection.watch();
        world.run_for(1min);
        ASSERT_TRUE(watch.poll_closed(kio::Waiter::none()).ready());
        EXPECT_EQ(connection.epoch(), 0u) << "such a session was never up";
        EXPECT_EQ(watch.last_error()->code, each.seen) << watch.last_error()->describe();
        EXPECT_EQ(net::application_code(*watch.last_error()), each.application);
        EXPECT_EQ(asked > 1, each.retried) << asked;
      }
    }
  }
}

TEST_F(ServerTest, NoVersionInCommonIsSaidOnBothCarriers) {
  server_options.versions = {net::Version::lite_03};
  serve();
  for (const char* url : {"https://10.0.0.1:4443/", "moqt://10.0.0.1:4443/"}) {
    ClientOptions options;
    options.tls = trust;
    options.versions = {net::Version::lite_06};
    client.emplace(*Client::create({world, near, resolver, world}, std::move(options)));
    const auto established = world.run(client->connect(*Url::parse(url), {}));
    ASSERT_FALSE(established);
    EXPECT_EQ(established.error().code, Code::version) << established.error().describe();
  }
}

}  // namespace
}  // namespace moq::native

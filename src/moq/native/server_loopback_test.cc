// A server on the machine's sockets: its address is free once it is gone, and its sessions go on.
#include <gtest/gtest.h>

#include "moq/native/server.h"

namespace moq::native {
namespace {

const transport::quic::Identity& identity(std::size_t which = 0) {
  static const std::vector<transport::quic::Identity> kIdentities = [] {
    std::vector<transport::quic::Identity> all;
    for (const char* name : {"127.0.0.1", "other.example"}) {
      transport::quic::GenerateOptions generate;
      generate.names = {name};
      all.push_back(*transport::quic::Identity::generate(generate));
    }
    return all;
  }();
  return kIdentities[which];
}

class ServerMachine : public testing::Test {
 protected:
  ServerMachine() {
    ClientOptions options;
    options.tls.pins = {identity().fingerprint()};
    client.emplace(*Client::create(environment, std::move(options)));
  }
  Result<Server> listen(const transport::SocketAddress& at) {
    transport::quic::ServerTlsOptions tls;
    tls.identities = {identity(0), identity(1)};
    return Server::create(environment,
                          ServerOptions(at, *transport::quic::ServerTls::create(std::move(tls))));
  }
  struct Pair {
    std::optional<Established> near;
    std::optional<net::Session> far;
  };
  /// A client of `server`, whose broadcasts come into `into`.
  Pair connect(Server& server, const std::string& scheme, net::origin::Producer& into) {
    Pair pair;
    loop->run([](ServerMachine& self, Server& to, Url url, net::origin::Producer& found,
                 Pair& out) -> kio::Task<void> {
      net::SessionOptions options;
      options.subscribe = found.clone();
      auto dialing = self.loop->spawn(self.client->connect(std::move(url), std::move(options)));
      auto request = co_await to.accept();
      EXPECT_TRUE(request);
      if (!request) co_return;
      net::SessionOptions session;
      session.publish = self.origin.consume();
      out.far = std::move(*request).accept(std::move(session));
      auto dialed = co_await kio::wait(
          [&dialing](const kio::Waiter& waiter) { return dialing.poll_join(waiter); });
      EXPECT_TRUE(dialed) << dialed.error().describe();
      if (dialed) out.near = *std::move(dialed);
    }(*this, server,
                            *Url::parse(scheme + "://127.0.0.1:" +
                                        std::to_string(server.local_address().port) + "/"),
                            into, pair));
    return pair;
  }
  Error ended(net::Session& session) {
    return loop->run([](net::Session& one) -> kio::Task<Error> {
      auto error = co_await one.closed();
      co_return error;
    }(session));
  }
  /// Whether a group that is written now comes to a reader of `from`.
  bool delivers(net::origin::Producer& from) {
    return loop->run([](ServerMachine& self, net::origin::Producer& found) -> kio::Task<bool> {
      auto announced = found.consume().announced_exactly(net::Path::of("a"));
      net::origin::Update update = co_await announced.next();
      if (!update.broadcast) co_return false;
      auto reader = update.broadcast->subscribe("video", {.max_age = 60s});
      EXPECT_TRUE(self.track.write_frame(++self.timestamp, Bytes::copy("x")));
      kio::Timer timer(self.loop->clock());
      timer.set_after(10s);
      co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<bool> {
        if (auto group = reader.poll_next_group(waiter)) return group->has_value();
        if (timer.poll(waiter)) return false;
        return kio::kPending;
      });
    }(*this, from));
  }

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  Environment environment{*loop, resolver, random};
  net::origin::Producer origin{0x1111};
  net::broadcast::Producer broadcast;
  net::track::Producer track = *broadcast.create_track("video", {.max_age = 60s});
  std::uint64_t timestamp = 0;
  net::origin::Announcement announcement =
      *origin.announce(net::Path::of("a"), broadcast.consume());
  std::optional<Client> client;
};

TEST_F(ServerMachine, ItsAddressIsFreeAtOnceAndItsSessionsGoOn) {
  for (const char* address : {"127.0.0.1:0", "0.0.0.0:0", "[::]:0"}) {
    for (const char* scheme : {"moqt", "https"}) {
      SCOPED_TRACE(std::string(address) + " " + scheme);
      std::optional<Server> first(*listen(*transport::SocketAddress::parse(address)));
      const transport::SocketAddress at = first->local_address();
      net::origin::Producer one(1);
      net::origin::Producer two(2);
      net::origin::Producer three(3);
      Pair older = connect(*first, scheme, one);
      Pair other = connect(*first, scheme, two);
      ASSERT_TRUE(delivers(one));
      ASSERT_TRUE(delivers(two));
      EXPECT_FALSE(listen(at)) << "it is in use";

      first->stop_accepting();
      first.reset();
      auto second = listen(at);
      ASSERT_TRUE(second) << second.error().describe();
      EXPECT_TRUE(delivers(one));
      EXPECT_TRUE(delivers(two));
      Pair newer = connect(*second, scheme, three);
      EXPECT_TRUE(delivers(three));
      EXPECT_TRUE(delivers(one));
      EXPECT_FALSE(listen(at)) << "it is in use again";

      // The sessions end as ever.
      older.far->close();
      EXPECT_EQ(ended(older.near->session).code, Code::closed);
      EXPECT_TRUE(delivers(two));
    }
  }
}

TEST_F(ServerMachine, ACloseIsToldAsSuch) {
  for (const char* scheme : {"moqt", "https"}) {
    for (const Code code : {Code::closed, Code::unauthorized}) {
      SCOPED_TRACE(scheme);
      auto server = *listen(*transport::SocketAddress::parse("127.0.0.1:0"));
      net::origin::Producer into(1);
      Pair pair = connect(server, scheme, into);
      ASSERT_TRUE(delivers(into));
      pair.far->close(Error(code, "so be it"));
      EXPECT_EQ(ended(pair.near->session).code, code);
    }
  }
}

TEST_F(ServerMachine, AnAddressWithoutSessionsIsFreeAtOnce) {
  std::optional<Server> server(*listen(*transport::SocketAddress::parse("127.0.0.1:0")));
  const transport::SocketAddress at = server->local_address();
  for (int i = 0; i < 3; ++i) {
    server.reset();
    auto next = listen(at);
    ASSERT_TRUE(next) << next.error().describe();
    server.emplace(*std::move(next));
    EXPECT_EQ(server->local_address(), at);
  }
}

TEST_F(ServerMachine, ShowsTheIdentityThatTheNameAsksFor) {
  auto server = *listen(*transport::SocketAddress::parse("127.0.0.1:0"));
  ClientOptions options;
  options.tls.pins = {identity(1).fingerprint()};
  options.tls.server_name = "other.example";
  client.emplace(*Client::create(environment, std::move(options)));
  net::origin::Producer into(1);
  Pair pair = connect(server, "moqt", into);
  EXPECT_TRUE(delivers(into));
}

}  // namespace
}  // namespace moq::native

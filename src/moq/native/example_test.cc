// The example of README.md.
#include <gtest/gtest.h>

#include "moq/native/server.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

/// Relays what any client publishes to all others, for as long as the socket lives.
kio::Task<void> serve(Server& server, net::origin::Producer& origin) {
  std::vector<net::Session> sessions;
  for (;;) {
    auto request = co_await server.accept();
    if (!request) co_return;
    net::SessionOptions options;
    options.publish = origin.consume();
    options.subscribe = origin.clone();
    sessions.push_back(std::move(*request).accept(std::move(options)));
  }
}

/// Counts the sessions until there were two; fails if the loop gives up.
kio::Task<Result<std::uint64_t>> two_sessions(const Client& client, Url url) {
  Reconnect connection = client.reconnect(std::move(url), {}, Backoff{.timeout = 60s});
  Reconnect::Watch watch = connection.watch();
  while (watch.epoch() < 2) MOQ_CO_CHECK(co_await watch.status());
  co_return watch.epoch();
}

TEST(Example, OfTheReadmeRuns) {
  sim::World world;
  sim::Network network(world, {});
  sim::Host& near = network.add_host("10.0.0.2");
  sim::Host& far = network.add_host("10.0.0.1");
  io::Resolver resolver;
  transport::quic::GenerateOptions generate;
  generate.names = {"10.0.0.1"};
  const auto identity = *transport::quic::Identity::generate(generate);
  transport::quic::ServerTlsOptions tls;
  tls.identities = {identity};
  const ServerOptions listen(far.address(4443), *transport::quic::ServerTls::create(tls));
  ClientOptions options;
  options.tls.pins = {identity.fingerprint()};
  const Client client = *Client::create({world, near, resolver, world}, std::move(options));

  net::origin::Producer origin(1);
  auto server = Server::create({world, far, resolver, world}, listen);
  auto serving = world.spawn(serve(*server, origin));
  auto counting = world.spawn(two_sessions(client, *Url::parse("moqt://10.0.0.1:4443/")));
  world.run_for(5s);
  EXPECT_FALSE(counting.finished());
  serving.cancel();
  server = std::unexpected(Error(Code::closed));
  server = Server::create({world, far, resolver, world}, listen);
  serving = world.spawn(serve(*server, origin));
  ASSERT_TRUE(world.run_until([&] { return counting.finished(); }, 30s));
  EXPECT_EQ(**counting.poll_join(kio::Waiter::none()), 2u);
}

}  // namespace
}  // namespace moq::native

// Clients that are made on one thread and used on another.
#include <gtest/gtest.h>

#include <thread>

#include "moq/native/server.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

namespace moq::native {
namespace {

TEST(ClientThreads, AClientIsMadeOnAnyThreadWhileOthersRun) {
  sim::World world;
  sim::Network network(world, {.latency = 5ms});
  sim::Host& near = network.add_host("10.0.0.2");
  sim::Host& far = network.add_host("10.0.0.1");
  io::Resolver resolver;
  transport::quic::GenerateOptions generate;
  generate.names = {"10.0.0.1"};
  const auto identity = *transport::quic::Identity::generate(generate);
  transport::quic::ServerTlsOptions tls;
  tls.identities = {identity};
  auto server =
      *Server::create({world, far, resolver, world},
                      ServerOptions(far.address(4443), *transport::quic::ServerTls::create(tls)));
  std::vector<net::Session> sessions;
  const auto serving =
      world.spawn([](Server& from, std::vector<net::Session>& into) -> kio::Task<void> {
        for (;;) {
          auto request = co_await from.accept();
          if (!request) co_return;
          into.push_back(std::move(*request).accept({}));
        }
      }(server, sessions));
  const Environment environment(world, near, resolver, world);
  ClientOptions options;
  options.tls.pins = {identity.fingerprint()};
  ClientOptions unusable = options;
  unusable.tls.root_files = {"/no/such/file"};

  constexpr std::size_t kClients = 8;
  std::vector<Client> clients;
  std::vector<Code> refusals;
  std::thread maker([&] {
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.push_back(*Client::create(environment, options));
      const auto refused = Client::create(environment, unusable);
      refusals.push_back(refused ? Code::internal : refused.error().code);
    }
  });
  // Meanwhile another client of the same loop connects, again and again.
  const Client other = *Client::create(environment, options);
  const Url url = *Url::parse("moqt://10.0.0.1:4443/");
  for (std::size_t i = 0; i < kClients; ++i) EXPECT_TRUE(world.run(other.connect(url, {})));
  maker.join();
  EXPECT_EQ(refusals, std::vector<Code>(kClients, Code::bad_config));
  for (const Client& client : clients) EXPECT_TRUE(world.run(client.connect(url, {})));
}

}  // namespace
}  // namespace moq::native

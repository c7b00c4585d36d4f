#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/log.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"
#include "moq/transport/quic/client.h"
#include "moq/transport/quic/server.h"

/// Two hosts in a simulated network, with certificates that fit. For tests alone.
namespace moq::transport::quic::test {

inline constexpr std::uint16_t kPort = 4443;
inline const std::string kName = "relay.test";
inline const std::string kAlpn = "moq-lite-06";

/// One certificate for all tests of a process: making one costs more than a handshake.
inline const Identity& identity() {
  static const Identity kIdentity = [] {
    GenerateOptions options;
    options.names = {kName, "10.0.0.2", "127.0.0.1", "localhost"};
    return *Identity::generate(options);
  }();
  return kIdentity;
}

inline ServerTls server_tls(const Identity& shown = identity()) {
  ServerTlsOptions options;
  options.identities = {shown};
  return *ServerTls::create(std::move(options));
}

/// Trusts `shown` alone, by its fingerprint.
inline ClientTls client_tls(const Identity& shown = identity()) {
  ClientTlsOptions options;
  options.pins = {shown.fingerprint()};
  return *ClientTls::create(std::move(options));
}

struct Pair {
  std::unique_ptr<Connection> client;
  std::unique_ptr<Connection> server;
};

class Bed {
 public:
  explicit Bed(const sim::LinkOptions& link = {}, std::uint64_t seed = sim::kDefaultSeed)
      : world(seed),
        network(world, link),
        near(network.add_host("10.0.0.1")),
        far(network.add_host("10.0.0.2")) {}

  Environment environment(sim::Host& host) { return {world, host, world}; }

  ServerOptions server_options() {
    ServerOptions options(far.address(kPort), {kAlpn}, server_tls());
    options.parameters = parameters;
    return options;
  }
  DialOptions dial_options() {
    DialOptions options(far.address(kPort), kName, {kAlpn}, client_tls());
    options.parameters = parameters;
    return options;
  }

  void serve() { serve(server_options()); }
  void serve(ServerOptions options) {
    auto made = Server::create(environment(far), std::move(options));
    ASSERT_TRUE(made) << made.error().describe();
    server.emplace(*std::move(made));
  }

  Result<std::unique_ptr<Connection>> dial() { return dial(dial_options()); }
  Result<std::unique_ptr<Connection>> dial(DialOptions options) {
    return world.run(client.dial(std::move(options)));
  }
  Result<std::unique_ptr<Connection>> accept() {
    return world.run([](Server& from) -> kio::Task<Result<std::unique_ptr<Connection>>> {
      auto accepted = co_await from.accept();
      co_return accepted;
    }(*server));
  }

  /// Serves if nobody does yet, dials and accepts.
  Pair connect() { return connect(dial_options()); }
  Pair connect(DialOptions options) {
    if (!server) serve();
    Pair pair;
    auto dialed = dial(std::move(options));
    EXPECT_TRUE(dialed) << dialed.error().describe();
    if (!dialed) return pair;
    pair.client = *std::move(dialed);
    auto accepted = accept();
    EXPECT_TRUE(accepted) << accepted.error().describe();
    if (accepted) pair.server = *std::move(accepted);
    return pair;
  }

  /// Why `session` ended, once it has.
  Error closed(Session& session) {
    return world.run([](Session& of) -> kio::Task<Error> {
      auto error = co_await of.closed();
      co_return error;
    }(session));
  }

  sim::World world;
  sim::Network network;
  sim::Host& near;
  sim::Host& far;
  Parameters parameters;
  Client client{environment(near)};
  std::optional<Server> server;
};

}  // namespace moq::transport::quic::test

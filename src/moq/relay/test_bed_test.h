#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "moq/native/client.h"
#include "moq/relay/relay.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"

/// A relay between hosts of a simulated network, over real QUIC. For tests alone.
namespace moq::relay::test {

inline constexpr std::uint16_t kPort = 4443;

/// One certificate for all tests of a process.
inline const transport::quic::Identity& identity() {
  static const transport::quic::Identity kIdentity = [] {
    transport::quic::GenerateOptions options;
    options.names = {"relay.test", "10.0.0.1"};
    return *transport::quic::Identity::generate(options);
  }();
  return kIdentity;
}

/// Somebody who publishes or subscribes through the relay, on a host of their own.
struct Peer {
  Peer(sim::World& world, sim::Host& on_host, const Config& relay_config, std::string url_text)
      : host(on_host),
        environment(world, host, resolver, world),
        origin(1 + world.below(1ULL << 52)),
        url(*native::Url::parse(url_text)) {
    native::ClientOptions options;
    options.tls.pins = {identity().fingerprint()};
    options.tls_configured = true;
    options.versions = relay_config.versions;
    client.emplace(*native::Client::create(environment, std::move(options)));
  }
  /// Keeps a session to the relay from now on, publishing and subscribing.
  void connect(const native::Backoff& backoff = {}) {
    net::SessionOptions options;
    options.publish = origin.consume();
    options.subscribe = origin.clone();
    reconnect.emplace(client->reconnect(url, std::move(options), backoff));
  }

  sim::Host& host;
  io::Resolver resolver;
  native::Environment environment;
  net::origin::Producer origin;
  native::Url url;
  std::optional<native::Client> client;
  std::optional<native::Reconnect> reconnect;
};

class Bed {
 public:
  explicit Bed(std::uint64_t seed = sim::kDefaultSeed,
               const sim::LinkOptions& link = sim::LinkOptions{.latency = 5ms})
      : world(seed), network(world, link), relay_host(network.add_host("10.0.0.1")) {
    // MOQ_TEST_LOG=1 shows what happens, on stderr.
    if (std::getenv("MOQ_TEST_LOG")) {
      log::set_sink(
          [](log::Level, std::string_view target, std::string_view text) {
            std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(target.size()), target.data(),
                         static_cast<int>(text.size()), text.data());
          },
          log::Level::debug);
    }
    config.listen = relay_host.address(kPort);
    config.identities = {identity()};
    auto all = Pattern::parse("**");
    config.grants.publish = {*all};
    config.grants.subscribe = {*all};
    config.versions.assign(net::session_versions().begin(), net::session_versions().end());
  }

  void start_relay() {
    const native::Environment environment(world, relay_host, resolver, world);
    auto made = Relay::create(environment, config);
    ASSERT_TRUE(made) << made.error().describe();
    relay = *std::move(made);
    serving = world.spawn(relay->run());
  }
  /// The relay's process dies without a word.
  void kill_relay() {
    relay_host.kill_sockets();
    serving.cancel();
    relay.reset();
  }
  Peer& add_peer(const std::string& scheme = "moqt") {
    sim::Host& host = network.add_host("10.0.1." + std::to_string(peers.size() + 1));
    peers.push_back(std::make_unique<Peer>(world, host, config,
                                           scheme + "://10.0.0.1:" + std::to_string(kPort) + "/"));
    return *peers.back();
  }

  sim::World world;
  sim::Network network;
  sim::Host& relay_host;
  io::Resolver resolver;
  Config config;
  std::unique_ptr<Relay> relay;
  kio::Spawned<Error> serving;
  std::vector<std::unique_ptr<Peer>> peers;
};

/// Publishes 30 groups a second, each of three frames 11 ms apart.
inline kio::Task<void> publish_groups(kio::Clock& clock, net::track::Producer& track) {
  for (std::uint64_t n = 0;; ++n) {
    auto group = track.append_group();
    if (!group) co_return;
    for (std::uint64_t frame = 0; frame < 3; ++frame) {
      const std::uint64_t now = static_cast<std::uint64_t>(to_ms(clock.now().time_since_epoch()));
      const std::string text = std::to_string(group->sequence()) + "/" + std::to_string(frame);
      if (!group->write_frame(now, Bytes::copy(text))) co_return;
      co_await kio::sleep(clock, 11ms);
    }
    std::move(*group).finish();
  }
}

/// What a reader got: per group, its frames.
struct Received {
  std::map<std::uint64_t, std::string> groups;  ///< Whole ones.
  std::set<std::uint64_t> begun;
  std::vector<std::uint64_t> twice;
  std::vector<std::string> failed;
  std::optional<std::string> over;
};

inline kio::Task<void> read_group(net::group::Consumer group, Received& received) {
  std::string text;
  for (;;) {
    auto frame = co_await group.read_frame();
    if (!frame) {
      received.failed.push_back(std::to_string(group.sequence()) + ": " + frame.error().describe());
      co_return;
    }
    if (!*frame) break;
    text += std::string((*frame)->second.text()) + " ";
  }
  received.groups.emplace(group.sequence(), text);
}

/// Reads one track of a broadcast, waiting for it, through all that happens: all groups that are
/// not older than `max_age`.
inline kio::Task<void> read_track(kio::TaskGroup& tasks, net::origin::Producer& origin,
                                  std::string path, Received& received, Duration max_age = 30s) {
  auto announced = origin.consume().announced_exactly(net::Path::of(path));
  std::optional<net::broadcast::Consumer> broadcast;
  while (!broadcast) {
    auto update = co_await announced.next();
    broadcast = std::move(update.broadcast);
  }
  auto track = broadcast->subscribe("video", {.max_age = max_age});
  for (;;) {
    auto group = co_await track.next_group();
    if (!group || !*group) {
      received.over = group ? "finished" : group.error().describe();
      co_return;
    }
    if (!received.begun.insert((*group)->sequence()).second) {
      received.twice.push_back((*group)->sequence());
    }
    tasks.spawn(read_group(*std::move(*group), received));
  }
}

}  // namespace moq::relay::test

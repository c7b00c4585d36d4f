// A relay with several workers, on the machine's sockets: one node whichever thread serves whom.
#include <gtest/gtest.h>

#include <map>

#include "moq/native/client.h"
#include "moq/relay/relay.h"

namespace moq::relay::test {
namespace {

constexpr std::uint32_t kWorkers = 3;
/// Enough that no worker is left out, but for a chance of one in many thousands.
constexpr std::size_t kClients = 32;
constexpr std::uint64_t kGroups = 20;

transport::SocketAddress any_port() { return *transport::SocketAddress::parse("127.0.0.1:0"); }

class Workers : public testing::Test {
 protected:
  Workers() {
    transport::quic::GenerateOptions generate;
    generate.names = {"127.0.0.1"};
    config.identities = {*transport::quic::Identity::generate(generate)};
    config.listen = any_port();
    config.workers = kWorkers;
    config.grants.publish = {*Pattern::parse("**")};
    config.grants.subscribe = {*Pattern::parse("**")};
    config.versions.assign(net::session_versions().begin(), net::session_versions().end());
    relay = *Relay::create(environment, config);
    serving = loop->spawn(relay->run());
    native::ClientOptions options;
    options.tls.pins = {relay->fingerprint()};
    options.tls_configured = true;
    client.emplace(*native::Client::create(environment, std::move(options)));
    url.emplace(*native::Url::parse("moqt://" + relay->address().to_string() + "/"));
  }
  net::Session connect(net::SessionOptions options) {
    auto established = loop->run(client->connect(*url, std::move(options)));
    EXPECT_TRUE(established) << established.error().describe();
    return std::move(established->session);
  }

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  native::Environment environment{*loop, resolver, random};
  Config config;
  std::unique_ptr<Relay> relay;
  kio::Spawned<Error> serving;
  std::optional<native::Client> client;
  std::optional<native::Url> url;
};

/// Reads the groups of `path` until its end, in whatever order; their frames by sequence.
kio::Task<std::string> read_all(net::origin::Producer origin, net::Path path) {
  auto announced = origin.consume().announced_exactly(path);
  std::optional<net::broadcast::Consumer> broadcast;
  while (!broadcast) {
    auto update = co_await announced.next();
    broadcast = std::move(update.broadcast);
  }
  auto track = broadcast->subscribe("t", {.max_age = 1min});
  std::map<std::uint64_t, std::string> groups;
  for (;;) {
    auto group = co_await track.next_group();
    if (!group) co_return group.error().describe();
    if (!*group) break;
    std::string& text = groups[(*group)->sequence()];
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame) co_return frame.error().describe();
      if (!*frame) break;
      text += (*frame)->second.text();
    }
  }
  std::string all;
  for (const auto& [sequence, text] : groups) all += text;
  co_return all;
}

TEST_F(Workers, AreOneNode) {
  struct Publisher {
    net::origin::Producer origin;
    net::broadcast::Producer broadcast;
    net::track::Producer track = *broadcast.create_track("t", {.max_age = 1min});
    std::optional<net::origin::Announcement> announcement;
    std::optional<net::Session> session;
  };
  const auto path_of = [](std::size_t i) { return net::Path::of("p" + std::to_string(i)); };
  std::vector<std::unique_ptr<Publisher>> publishers;
  for (std::size_t i = 0; i < kClients; ++i) {
    auto one = std::make_unique<Publisher>(Publisher{.origin = net::origin::Producer(100 + i)});
    one->announcement.emplace(*one->origin.announce(path_of(i), one->broadcast.consume()));
    net::SessionOptions options;
    options.publish = one->origin.consume();
    one->session.emplace(connect(std::move(options)));
    publishers.push_back(std::move(one));
  }
  std::vector<net::Session> sessions;
  std::vector<kio::Spawned<std::string>> readers;
  for (std::size_t i = 0; i < kClients; ++i) {
    net::origin::Producer origin(200 + i);
    net::SessionOptions options;
    options.subscribe = origin.clone();
    sessions.push_back(connect(std::move(options)));
    readers.push_back(loop->spawn(read_all(origin.clone(), path_of(i))));
  }
  std::string expected;
  for (std::uint64_t group = 0; group < kGroups; ++group) {
    const std::string text = fmt::format("{}.{}", group, std::string(3000, 'x'));
    for (const auto& one : publishers) {
      ASSERT_TRUE(one->track.write_frame(group, Bytes::copy(text)));
    }
    expected += text;
    loop->run(kio::yield());
  }
  for (const auto& one : publishers) std::move(one->track).finish();
  for (auto& reader : readers) {
    const std::string got = loop->run([](kio::Spawned<std::string>& of) -> kio::Task<std::string> {
      std::string text = co_await of.join();
      co_return text;
    }(reader));
    EXPECT_TRUE(got == expected) << got.size() << " bytes of " << expected.size() << ": "
                                 << got.substr(0, 100);
  }
  EXPECT_EQ(relay->sessions(), 2 * kClients);
}

TEST_F(Workers, AllDrain) {
  std::vector<net::Session> sessions;
  for (std::size_t i = 0; i < kClients; ++i) sessions.push_back(connect({}));
  loop->run(relay->drain(10ms));
  for (net::Session& session : sessions) {
    const Error closed = loop->run([](net::Session& of) -> kio::Task<Error> {
      Error error = co_await of.closed();
      co_return error;
    }(session));
    EXPECT_EQ(closed.code, Code::going_away) << closed.describe();
  }
}

TEST_F(Workers, EndWithSessionsOpen) {
  std::vector<net::Session> sessions;
  for (std::size_t i = 0; i < kClients; ++i) sessions.push_back(connect({}));
  serving.cancel();
  relay.reset();
}

TEST_F(Workers, AllShowTheCertificateOfNow) {
  for (std::size_t i = 0; i < kClients; ++i) {
    relay->reload_certificates();
    connect({});
  }
}

TEST_F(Workers, AnAddressInUseIsToldAsSuch) {
  config.listen = relay->address();
  const auto other = Relay::create(environment, config);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().describe().find("--listen: bind to"), std::string::npos)
      << other.error().describe();
}

}  // namespace
}  // namespace moq::relay::test

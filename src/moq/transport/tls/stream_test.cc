#include "moq/transport/tls/stream.h"

#include <gtest/gtest.h>

#include "moq/sim/byte_pair.h"

namespace moq::transport::tls {
namespace {

using Opened = Result<std::unique_ptr<Stream>>;

const Identity& identity() {
  static const Identity kIdentity = [] {
    GenerateOptions options;
    options.names = {"relay.test"};
    return *Identity::generate(options);
  }();
  return kIdentity;
}

ClientTlsOptions trusting(const Identity& root) {
  ClientTlsOptions options;
  options.system_roots = false;
  options.roots_pem = root.chain_pem();
  return options;
}

kio::Task<Result<void>> write_all(ByteStream& stream, std::string text) {
  Bytes bytes = Bytes::copy(text);
  co_return co_await stream.write(bytes);
}

kio::Task<Result<std::string>> read_some(ByteStream& stream, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    auto bytes = co_await stream.read(size - text.size());
    if (!bytes) co_return std::unexpected(bytes.error());
    if (bytes->empty()) co_return text;
    text += bytes->text();
  }
  co_return text;
}

class TlsStream : public testing::Test {
 protected:
  void shake_hands(ClientTlsOptions trust, const std::string& host = "relay.test",
                   const std::vector<std::string>& client_alpn = {"http/1.1"},
                   const std::vector<std::string>& server_alpn = {"http/1.1"}) {
    ServerTlsOptions shown;
    shown.identities = {identity()};
    kio::Spawned<Opened> accepting = world.spawn(
        Stream::accept(std::move(pair.server), *ServerTls::create(std::move(shown)), server_alpn));
    auto opened = world.run(Stream::connect(
        std::move(pair.client), *ClientTls::create(std::move(trust)), host, client_alpn));
    world.run_for(1s);
    auto accepted = accepting.poll_join(kio::Waiter::none());
    ASSERT_TRUE(accepted);
    client_error = opened ? Error() : opened.error();
    server_error = *accepted ? Error() : accepted->error();
    if (opened) client = *std::move(opened);
    if (*accepted) server = **std::move(accepted);
  }
  void expect_refused(std::string_view words) {
    EXPECT_FALSE(client);
    EXPECT_EQ(client_error.code, Code::tls);
    EXPECT_NE(client_error.text.find(words), std::string::npos) << client_error.describe();
  }
  sim::World world;
  sim::BytePair pair{world};
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
  Error client_error;
  Error server_error;
};

TEST_F(TlsStream, CarriesBytesBothWaysAndTheirEnd) {
  shake_hands(trusting(identity()));
  ASSERT_TRUE(client && server) << client_error.describe() << server_error.describe();
  EXPECT_EQ(client->alpn(), "http/1.1");
  EXPECT_EQ(server->alpn(), "http/1.1");
  EXPECT_EQ(client->version(), "TLS1.3");
  EXPECT_EQ(client->peer_identity()->fingerprint, identity().fingerprint());
  EXPECT_EQ(client->peer(), "server:443");
  std::string up;
  for (int i = 0; i < 300'000; ++i) up += static_cast<char>(i * 7);
  const std::string down(100'000, 'd');
  kio::Spawned<Result<void>> writing = world.spawn(write_all(*client, up));
  kio::Spawned<Result<void>> answering = world.spawn(write_all(*server, down));
  EXPECT_TRUE(world.run(read_some(*server, up.size())) == up);
  EXPECT_TRUE(world.run(read_some(*client, down.size())) == down);
  client->finish();
  EXPECT_EQ(world.run(read_some(*server, 1)), "");
  EXPECT_TRUE(world.run(write_all(*server, "late")));
  EXPECT_EQ(world.run(read_some(*client, 4)), "late");
}

TEST_F(TlsStream, AnEndWithoutGoodbyeIsAnEnd) {
  shake_hands(trusting(identity()));
  ASSERT_TRUE(client && server);
  client.reset();
  EXPECT_EQ(world.run(read_some(*server, 1)), "");
}

TEST_F(TlsStream, RefusesAnUnknownIssuer) {
  GenerateOptions other;
  other.names = {"elsewhere.test"};
  shake_hands(trusting(*Identity::generate(other)));
  expect_refused("unknown issuer");
  EXPECT_EQ(server_error.text, "the peer refuses: unknown certificate authority");
}

TEST_F(TlsStream, RefusesAnotherName) {
  shake_hands(trusting(identity()), "other.test");
  expect_refused("name mismatch");
}

TEST_F(TlsStream, TakesAPinnedCertificateForAnyName) {
  ClientTlsOptions options;
  options.system_roots = false;
  options.pins = {identity().fingerprint()};
  shake_hands(options, "other.test");
  EXPECT_TRUE(client && server) << client_error.describe();
}

TEST_F(TlsStream, RefusesWhatIsNotPinned) {
  ClientTlsOptions options;
  options.pins = {Fingerprint{}};
  shake_hands(options);
  expect_refused("fingerprint mismatch");
}

TEST_F(TlsStream, NoProtocolInCommonIsAVersionError) {
  shake_hands(trusting(identity()), "relay.test", {"h2"});
  // A server without our protocol is not refused for it: it may know no ALPN at all.
  EXPECT_TRUE(client) << client_error.describe();
  EXPECT_EQ(client->alpn(), "");
}

TEST_F(TlsStream, WhatIsNotTlsIsToldOf) {
  Bytes text = Bytes::copy("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(pair.server->poll_write(kio::Waiter::none(), text));
  const Opened opened =
      world.run(Stream::connect(std::move(pair.client), *ClientTls::create(trusting(identity())),
                                "relay.test", std::vector<std::string>()));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::tls) << opened.error().describe();
}

TEST_F(TlsStream, AServerThatHangsUpIsToldOf) {
  pair.server.reset();
  const Opened opened =
      world.run(Stream::connect(std::move(pair.client), *ClientTls::create(trusting(identity())),
                                "relay.test", std::vector<std::string>()));
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().code == Code::tls || opened.error().code == Code::closed)
      << opened.error().describe();
}

TEST_F(TlsStream, BytesChangedOnTheWayEndIt) {
  shake_hands(trusting(identity()));
  ASSERT_TRUE(client && server);
  // A record that nobody with the keys has made.
  sim::BytePair other(world);
  kio::Spawned<Opened> accepting;
  {
    ServerTlsOptions shown;
    shown.identities = {identity()};
    accepting = world.spawn(Stream::accept(
        std::move(other.server), *ServerTls::create(std::move(shown)), std::vector<std::string>()));
  }
  Bytes garbage = Bytes::copy(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  ASSERT_TRUE(other.client->poll_write(kio::Waiter::none(), garbage));
  world.run_for(1s);
  const auto accepted = accepting.poll_join(kio::Waiter::none());
  ASSERT_TRUE(accepted);
  ASSERT_FALSE(*accepted);
  EXPECT_EQ(accepted->error().code, Code::tls);
}

TEST_F(TlsStream, LongTextsPassAWindowThatIsSmall) {
  pair = sim::BytePair(world, {.delay = 1ms, .window_bytes = 3000, .piece_bytes = 700});
  shake_hands(trusting(identity()));
  ASSERT_TRUE(client && server) << client_error.describe();
  const std::string text(200'000, 'x');
  kio::Spawned<Result<void>> writing = world.spawn(write_all(*client, text));
  EXPECT_TRUE(world.run(read_some(*server, text.size())) == text);
}

}  // namespace
}  // namespace moq::transport::tls

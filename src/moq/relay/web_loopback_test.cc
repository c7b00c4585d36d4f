// Clients that reach the relay by WebSocket, on the machine's sockets: because their URL says so,
// or because QUIC does not get through.
#include <gtest/gtest.h>

#include "moq/io/udp_network.h"
#include "moq/native/client.h"
#include "moq/relay/web.h"

namespace moq::relay::test {
namespace {

const transport::quic::Identity& identity() {
  static const transport::quic::Identity kIdentity = [] {
    transport::quic::GenerateOptions options;
    options.names = {"127.0.0.1", "localhost"};
    return *transport::quic::Identity::generate(options);
  }();
  return kIdentity;
}

transport::SocketAddress any_port() { return *transport::SocketAddress::parse("127.0.0.1:0"); }

class WebMachine : public testing::Test {
 protected:
  WebMachine() {
    config.listen = any_port();
    config.identities = {identity()};
    config.grants.publish = {*Pattern::parse("**")};
    config.grants.subscribe = {*Pattern::parse("**")};
    config.versions.assign(net::session_versions().begin(), net::session_versions().end());
    relay = *Relay::create(environment, config);
    serving = loop->spawn(relay->run());
    http = *Web::create(environment, *relay, Web::Kind::http, any_port());
    https = *Web::create(environment, *relay, Web::Kind::https, any_port());
    options.tls.pins = {identity().fingerprint()};
    options.tls_configured = true;
  }
  [[nodiscard]] native::Client client() const {
    return *native::Client::create(environment, options);
  }
  static native::Url url(const std::string& scheme, const transport::SocketAddress& address,
                         const std::string& path = "/") {
    return *native::Url::parse(scheme + "://" + address.to_string() + path);
  }
  Result<native::Established> connect(const native::Client& by, native::Url to,
                                      net::SessionOptions session = {}) {
    return loop->run(by.connect(std::move(to), std::move(session)));
  }
  /// The carrier by which a client gets there, or why it does not.
  std::string carrier(native::Url to) {
    const auto established = connect(client(), std::move(to));
    if (!established) return established.error().describe();
    EXPECT_EQ(established->session.version(), net::Version::lite_06);
    return std::string(established->session.carrier());
  }
  /// Publishes by one session and reads by another; what came.
  std::string carry(const native::Url& from, const native::Url& to);

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  native::Environment environment{*loop, resolver, random};
  Config config;
  std::unique_ptr<Relay> relay;
  kio::Spawned<Error> serving;
  std::unique_ptr<Web> http;
  std::unique_ptr<Web> https;
  native::ClientOptions options;
};

kio::Task<std::string> read_frames(net::origin::Producer& origin, std::size_t count) {
  auto announced = origin.consume().announced_exactly(net::Path::of("a"));
  std::optional<net::broadcast::Consumer> broadcast;
  while (!broadcast) {
    auto update = co_await announced.next();
    broadcast = std::move(update.broadcast);
  }
  auto track = broadcast->subscribe("t", {});
  std::string text;
  for (std::size_t i = 0; i < count;) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return "no group";
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame) co_return frame.error().describe();
      if (!*frame) break;
      text += (*frame)->second.text();
      ++i;
    }
  }
  co_return text;
}

std::string WebMachine::carry(const native::Url& from, const native::Url& to) {
  net::origin::Producer publisher(1);
  net::origin::Producer subscriber(2);
  net::broadcast::Producer broadcast;
  auto track = *broadcast.create_track("t");
  const auto announcement = *publisher.announce(net::Path::of("a"), broadcast.consume());
  const native::Client by = client();
  net::SessionOptions out;
  out.publish = publisher.consume();
  const auto near = connect(by, from, std::move(out));
  net::SessionOptions in;
  in.subscribe = subscriber.clone();
  const auto far = connect(by, to, std::move(in));
  if (!near || !far) return (near ? far : near).error().describe();
  auto group = track.append_group();
  const std::string payload(100'000, 'x');  // More than a record, a window of TLS, a message.
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(group->write_frame(0, Bytes::copy(payload)));
  std::move(*group).finish();
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += payload;
  const std::string got = loop->run(read_frames(subscriber, 20));
  return got == expected ? "all" : got.substr(0, 200);
}

TEST_F(WebMachine, WebSocketInTheClearAndOverTls) {
  EXPECT_EQ(carrier(url("ws", http->address())), "websocket");
  EXPECT_EQ(carrier(url("wss", https->address())), "websocket");
}

TEST_F(WebMachine, FramesPassBetweenWebSocketAndQuic) {
  const auto ws = url("ws", http->address());
  const auto wss = url("wss", https->address());
  const auto quic = url("moqt", relay->address());
  EXPECT_EQ(carry(ws, quic), "all");
  EXPECT_EQ(carry(quic, wss), "all");
  EXPECT_EQ(carry(wss, ws), "all");
}

TEST_F(WebMachine, HttpsFallsBackWhereNobodyListensOnUdp) {
  EXPECT_EQ(carrier(url("https", https->address())), "websocket");
}

TEST_F(WebMachine, HttpsFallsBackWhereUdpIsSwallowed) {
  // One that takes packets and never answers.
  io::UdpNetwork network(*loop, {});
  const auto socket = network.bind(https->address());
  ASSERT_TRUE(socket) << socket.error().describe();
  EXPECT_EQ(carrier(url("https", https->address())), "websocket");
}

TEST_F(WebMachine, QuicWinsWhereItGetsThrough) {
  // The relay's UDP port, and beside it TCP.
  const auto beside = Web::create(environment, *relay, Web::Kind::https, relay->address());
  if (!beside) GTEST_SKIP() << "the TCP port of that number is taken";
  options.websocket_delay = 10s;
  EXPECT_EQ(carrier(url("https", relay->address())), "webtransport");
}

TEST_F(WebMachine, HttpTakesTheHashOrElseAWebSocketInTheClear) {
  options.tls.pins.clear();
  options.tls_configured = false;
  options.tls.system_roots = false;
  options.tls.roots_pem = identity().chain_pem();
  EXPECT_EQ(carrier(url("http", http->address())), "websocket");
}

TEST_F(WebMachine, WithoutTheFallbackItIsQuicOrNothing) {
  options.websocket = false;
  const auto refused = connect(client(), url("https", https->address()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused) << refused.error().describe();
  EXPECT_EQ(refused.error().text.find("WebSocket"), std::string::npos);
}

TEST_F(WebMachine, TheErrorNamesBothAttempts) {
  const auto closed = https->address();
  https.reset();
  const auto refused = connect(client(), url("https", closed));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
  EXPECT_NE(refused.error().text.find("QUIC: connection refused"), std::string::npos)
      << refused.error().text;
  EXPECT_NE(refused.error().text.find("WebSocket: connection refused"), std::string::npos)
      << refused.error().text;
}

TEST_F(WebMachine, ARefusalIsAStatus) {
  config.grants.publish = {*Pattern::parse("anon/**")};
  config.grants.subscribe.clear();
  serving.cancel();
  http.reset();
  https.reset();
  relay = *Relay::create(environment, config);
  serving = loop->spawn(relay->run());
  http = *Web::create(environment, *relay, Web::Kind::http, any_port());
  const auto refused = connect(client(), url("ws", http->address(), "/secret"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unauthorized);
  EXPECT_EQ(refused.error().wire, 401U);
}

TEST_F(WebMachine, AnUntrustedCertificateIsRefusedOverTcpToo) {
  options.tls.pins = {transport::quic::Fingerprint{}};
  const auto refused = connect(client(), url("wss", https->address()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::tls) << refused.error().describe();
}

TEST_F(WebMachine, ADrainSendsThemAway) {
  const native::Client by = client();  // Its sessions live no longer than it does.
  auto established = connect(by, url("ws", http->address()));
  ASSERT_TRUE(established) << established.error().describe();
  // The client may know before the relay has let it in.
  const auto let_in = [](io::Loop& on, const Relay& node) -> kio::Task<void> {
    while (node.sessions() == 0) co_await kio::sleep(on.clock(), 1ms);
  };
  loop->run(let_in(*loop, *relay));
  kio::Spawned<void> draining = loop->spawn(relay->drain(1min));
  const auto goaway = [](net::Session& session) -> kio::Task<std::string> {
    co_return co_await kio::wait(
        [&session](const kio::Waiter& waiter) { return session.poll_goaway(waiter); });
  };
  EXPECT_EQ(loop->run(goaway(established->session)), "");
}

}  // namespace
}  // namespace moq::relay::test

#include "moq/transport/websocket/handshake.h"

#include <gtest/gtest.h>

#include "moq/sim/byte_pair.h"
#include "moq/transport/websocket/internal/accept_key.h"

namespace moq::transport::websocket {
namespace {

// RFC 6455 §1.3.
TEST(AcceptKey, IsTheExampleOfTheRfc) {
  EXPECT_EQ(internal::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(internal::is_key("dGhlIHNhbXBsZSBub25jZQ=="));
  for (const char* key :
       {"", "x", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE2Nw=="}) {
    EXPECT_FALSE(internal::is_key(key)) << key;
  }
}

std::string request_text(std::string_view more = {}, std::string_view version = "13",
                         std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==") {
  return std::string("GET /room?jwt=x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n") +
         "Upgrade: WebSocket\r\nSec-WebSocket-Version: " + std::string(version) +
         "\r\nSec-WebSocket-Key: " + std::string(key) + "\r\n" + std::string(more) + "\r\n";
}

Result<UpgradeRequest> parse(const std::string& text) {
  return UpgradeRequest::parse(*http::Request::parse(text));
}

TEST(UpgradeRequest, IsWhatABrowserSends) {
  const auto request = parse(request_text(
      "Sec-WebSocket-Protocol: qmux-01.moq-lite-06, webtransport\r\nOrigin: https://a\r\n"
      "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->subprotocols,
            (std::vector<std::string>{"qmux-01.moq-lite-06", "webtransport", "chat"}));
  EXPECT_EQ(request->accept("qmux-01.moq-lite-06"),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: qmux-01.moq-lite-06\r\n\r\n");
  EXPECT_EQ(request->accept("").find("Protocol:"), std::string::npos);
}

TEST(UpgradeRequest, OtherRequestsAreNone) {
  EXPECT_EQ(parse(request_text({}, "8")).error().code, Code::unsupported);
  EXPECT_EQ(parse(request_text({}, "13", "short")).error().code, Code::decode);
  EXPECT_FALSE(asks_for_websocket(*http::Request::parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n")));
  EXPECT_FALSE(asks_for_websocket(*http::Request::parse("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n")));
  const std::string only = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_TRUE(asks_for_websocket(*http::Request::parse(only)));
  EXPECT_EQ(parse(only).error().code, Code::decode);
}

TEST(UpgradeRequest, LooksAtSoManyNames) {
  std::string names = "Sec-WebSocket-Protocol: a";
  for (int i = 0; i < 1000; ++i) names += ",a";
  EXPECT_EQ(parse(request_text(names + "\r\n"))->subprotocols.size(), kMaxSubprotocols);
}

/// A client that connects, and a server that answers as the test says.
class Connect : public testing::Test {
 protected:
  static constexpr std::string_view kOffered = "qmux-01.moq-lite-06";

  void start() {
    ConnectOptions options("relay.example:4443", "/room?jwt=x",
                           {std::string(kOffered), "webtransport"});
    options.user_agent = "agent/1";
    connecting = world.spawn(connect(world, world, std::move(pair.client), std::move(options)));
    world.run_for(20ms);
    for (;;) {
      const auto bytes = pair.server->poll_read(kio::Waiter::none(), 4096);
      if (!bytes) break;
      request += (*bytes)->text();
    }
  }
  [[nodiscard]] std::string key() const {
    return std::string(http::Request::parse(request)->fields.get("sec-websocket-key"));
  }
  void answer(const std::string& text) {
    Bytes bytes = Bytes::copy(text);
    ASSERT_TRUE(pair.server->poll_write(kio::Waiter::none(), bytes));
    world.run_for(20ms);
  }
  /// A good answer, with `more` lines.
  [[nodiscard]] std::string switching(const std::string& more) const {
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Accept: " +
           internal::accept_key(key()) + "\r\n" + more + "\r\n";
  }
  Result<Connected> result() {
    auto joined = connecting.poll_join(kio::Waiter::none());
    if (!joined) return fail(Code::internal, "it is not done");
    return *std::move(joined);
  }
  sim::World world;
  sim::BytePair pair{world};
  kio::Spawned<Result<Connected>> connecting;
  std::string request;
};

TEST_F(Connect, AsksAndIsAnswered) {
  start();
  const auto asked = http::Request::parse(request);
  ASSERT_TRUE(asked) << asked.error().describe();
  EXPECT_EQ(asked->target(), "/room?jwt=x");
  EXPECT_EQ(asked->fields.get("host"), "relay.example:4443");
  EXPECT_EQ(asked->fields.get("user-agent"), "agent/1");
  EXPECT_FALSE(asked->fields.has("sec-websocket-extensions"));
  const auto upgrade = UpgradeRequest::parse(*asked);
  ASSERT_TRUE(upgrade) << upgrade.error().describe();
  EXPECT_EQ(upgrade->subprotocols,
            (std::vector<std::string>{std::string(kOffered), "webtransport"}));

  // The first message comes in one piece with the answer.
  answer(upgrade->accept(kOffered) + "\x82\x05hello");
  auto connected = result();
  ASSERT_TRUE(connected) << connected.error().describe();
  EXPECT_EQ(connected->subprotocol.framing, qmux::Framing::qmux_01);
  EXPECT_EQ(connected->subprotocol.protocol, "moq-lite-06");
  const auto record = connected->pipe->poll_read(kio::Waiter::none());
  ASSERT_TRUE(record && *record && **record);
  EXPECT_EQ((**record)->text(), "hello");
}

TEST_F(Connect, NoSubprotocolIsTheOldestFraming) {
  start();
  answer(switching(""));
  const auto connected = result();
  ASSERT_TRUE(connected) << connected.error().describe();
  EXPECT_EQ(connected->subprotocol.framing, qmux::Framing::webtransport);
  EXPECT_EQ(connected->subprotocol.protocol, "");
}

TEST_F(Connect, TheStatusSaysWhyNot) {
  const struct {
    int status;
    Code code;
  } cases[] = {{401, Code::unauthorized}, {403, Code::forbidden},  {404, Code::not_found},
               {502, Code::application},  {400, Code::rejected},   {200, Code::rejected},
               {301, Code::rejected},     {503, Code::application}};
  for (const auto& [status, code] : cases) {
    request.clear();
    pair = sim::BytePair(world);
    start();
    answer("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n");
    const auto refused = result();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code);
    EXPECT_EQ(refused.error().wire, static_cast<std::uint64_t>(status));
  }
}

TEST_F(Connect, ABadAnswerIsABrokenRule) {
  const auto expect = [&](const std::function<std::string()>& text, Code code) {
    request.clear();
    pair = sim::BytePair(world);
    start();
    answer(text());
    const auto refused = result();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code) << refused.error().describe();
  };
  expect([&] { return switching("Sec-WebSocket-Protocol: chat\r\n"); }, Code::protocol_violation);
  expect([&] { return switching("Sec-WebSocket-Protocol: qmux-00\r\n"); },
         Code::protocol_violation);
  expect([&] { return switching("Sec-WebSocket-Extensions: permessage-deflate\r\n"); },
         Code::protocol_violation);
  expect(
      [] {
        return "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
      },
      Code::protocol_violation);
  expect([] { return "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"; },
         Code::protocol_violation);
  expect([] { return "SSH-2.0-server\r\n\r\n"; }, Code::decode);
  expect([] { return std::string(http::kMaxHeadBytes + 1, 'x'); }, Code::too_many);
}

TEST_F(Connect, AServerThatHangsUpIsToldOf) {
  start();
  pair.server.reset();
  world.run_for(20ms);
  EXPECT_EQ(result().error().code, Code::closed);
}

}  // namespace
}  // namespace moq::transport::websocket

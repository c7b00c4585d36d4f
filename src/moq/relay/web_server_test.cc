#include "moq/relay/web_server.h"

#include <gtest/gtest.h>

#include "moq/relay/test_bed_test.h"
#include "moq/sim/byte_pair.h"

namespace moq::relay::test {
namespace {

class WebServerTest : public testing::Test {
 protected:
  void start() {
    bed_.start_relay();
    server_.emplace(native::Environment(bed_.world, bed_.relay_host, bed_.resolver, bed_.world),
                    *bed_.relay);
  }
  /// What a client is answered that sends `text`, without what follows a 101.
  std::string ask(const std::string& text) {
    if (!server_) start();
    sim::BytePair pair(bed_.world);
    Bytes bytes = Bytes::copy(text);
    EXPECT_TRUE(pair.client->poll_write(kio::Waiter::none(), bytes));
    kio::Spawned<void> serving = bed_.world.spawn(server_->serve(std::move(pair.server)));
    bed_.world.run_for(1s);
    std::string answer;
    for (;;) {
      const auto got = pair.client->poll_read(kio::Waiter::none(), 4096);
      if (!got || !*got || (*got)->empty()) break;
      answer += (*got)->text();
    }
    return answer.substr(0, answer.find("\r\n\r\n") + 2);
  }
  std::string upgrade(const std::string& target, const std::string& subprotocols,
                      const std::string& version = "13") {
    std::string text = "GET " + target + " HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n";
    text += "Upgrade: websocket\r\nSec-WebSocket-Version: " + version + "\r\n";
    text += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    if (!subprotocols.empty()) text += "Sec-WebSocket-Protocol: " + subprotocols + "\r\n";
    return ask(text + "\r\n");
  }
  static int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
  }
  static std::string field(const std::string& answer, const std::string& name) {
    const std::size_t at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }

  Bed bed_;
  std::optional<WebServer> server_;
};

TEST_F(WebServerTest, AnyPathTakesAWebSocket) {
  for (const std::string target : {"/", "/room", "/room/a?x=1", "/health", "/fetch/a/b"}) {
    const std::string answer = upgrade(target, "qmux-01.moq-lite-06");
    EXPECT_EQ(status_of(answer), 101) << target;
    EXPECT_EQ(field(answer, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(field(answer, "Sec-WebSocket-Protocol"), "qmux-01.moq-lite-06");
  }
}

TEST_F(WebServerTest, APlainRequestGetsAPage) {
  EXPECT_EQ(status_of(ask("GET /health HTTP/1.1\r\nHost: relay\r\n\r\n")), 200);
  EXPECT_EQ(status_of(ask("GET /room HTTP/1.1\r\nHost: relay\r\nUpgrade: h2c\r\n\r\n")), 404);
}

TEST_F(WebServerTest, OursIsTheOrderOfSubprotocols) {
  const auto chosen = [&](const std::string& offered) {
    return field(upgrade("/", offered), "Sec-WebSocket-Protocol");
  };
  EXPECT_EQ(chosen("qmux-00.moq-lite-05, qmux-01.moq-lite-05, qmux-00.moq-lite-06"),
            "qmux-00.moq-lite-06");
  EXPECT_EQ(chosen("qmux-01.moq-lite-06, qmux-02.moq-lite-06"), "qmux-02.moq-lite-06");
  EXPECT_EQ(chosen("webtransport, qmux-00, qmux-01"), "qmux-01");
  EXPECT_EQ(chosen("webtransport"), "webtransport");
  EXPECT_EQ(chosen(""), "");
}

TEST_F(WebServerTest, NothingInCommonIsABadRequest) {
  EXPECT_EQ(status_of(upgrade("/", "chat, moq-lite-06")), 400);
  EXPECT_EQ(status_of(upgrade("/", "")), 101) << "who offers nothing speaks the oldest form";
}

TEST_F(WebServerTest, WhatIsNoGoodRequestIsTold) {
  const std::string old = upgrade("/", "", "8");
  EXPECT_EQ(status_of(old), 426);
  EXPECT_EQ(field(old, "Sec-WebSocket-Version"), "13");
  EXPECT_EQ(status_of(ask("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n")), 400);
  EXPECT_EQ(status_of(ask("GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n")), 400);
}

TEST_F(WebServerTest, WhoMayNotComeInIsTurnedAwayBeforeTheUpgrade) {
  bed_.config.grants.publish = {*Pattern::parse("anon/**")};
  bed_.config.grants.subscribe = {*Pattern::parse("open/**")};
  EXPECT_EQ(status_of(upgrade("/anon/a", "qmux-01.moq-lite-06")), 101);
  EXPECT_EQ(status_of(upgrade("/open", "qmux-01.moq-lite-06")), 101);
  EXPECT_EQ(status_of(upgrade("/", "qmux-01.moq-lite-06")), 101) << "what is below counts";
  const std::string refused = upgrade("/secret", "qmux-01.moq-lite-06");
  EXPECT_EQ(status_of(refused), 401);
  EXPECT_EQ(field(refused, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(status_of(upgrade("/anon?jwt=x", "qmux-01.moq-lite-06")), 401);
}

TEST_F(WebServerTest, ARelayThatDrainsTakesNobody) {
  start();
  kio::Spawned<void> draining = bed_.world.spawn(bed_.relay->drain(10s));
  bed_.world.run_for(1ms);
  EXPECT_EQ(status_of(upgrade("/", "qmux-01.moq-lite-06")), 503);
}

TEST_F(WebServerTest, AClientThatSaysNoMoreIsDropped) {
  start();
  sim::BytePair pair(bed_.world);
  Bytes bytes = Bytes::copy(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: qmux-01.moq-lite-06\r\n\r\n");
  ASSERT_TRUE(pair.client->poll_write(kio::Waiter::none(), bytes));
  kio::Spawned<void> serving = bed_.world.spawn(server_->serve(std::move(pair.server)));
  EXPECT_TRUE(bed_.world.run_until([&] { return serving.finished(); }, 11s));
  EXPECT_EQ(bed_.relay->sessions(), 0U);
}

}  // namespace
}  // namespace moq::relay::test

#include "moq/native/url.h"

#include <gtest/gtest.h>

#include "moq/native/client.h"

namespace moq::native {
namespace {

TEST(Url, TakesApartWhatPeopleWrite) {
  const auto url = Url::parse("https://relay.example:4443/room/a?jwt=abc#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (Url{Scheme::https, "relay.example", 4443, "/room/a", "jwt=abc"}));
  EXPECT_EQ(url->authority(), "relay.example:4443");
  EXPECT_EQ(url->request(), "/room/a?jwt=abc");
  EXPECT_EQ(url->to_string(), "https://relay.example:4443/room/a") << "a token stays out of logs";
  EXPECT_EQ(Url::parse("MOQT://[::1]:4443")->host, "::1");
  EXPECT_EQ(Url::parse("moqt://[::1]:4443")->authority(), "[::1]:4443");
  EXPECT_EQ(Url::parse("moql://h")->port, 443);
  EXPECT_EQ(Url::parse("https://Relay.Example/Room")->host, "relay.example");
  EXPECT_EQ(Url::parse("https://Relay.Example/Room")->path, "/Room");
}

TEST(Url, AQueryWithoutAPathIsOfTheRoot) {
  EXPECT_EQ(Url::parse("https://h?jwt=x")->request(), "/?jwt=x");
  EXPECT_EQ(Url::parse("moqt://h?jwt=x")->request(), "/?jwt=x");
  EXPECT_EQ(Url::parse("https://h")->request(), "");
}

TEST(Url, TheHashIsFetchedFromTheWebsPortUnlessOneIsGiven) {
  EXPECT_EQ(Url::parse("http://h/")->port, 443);
  EXPECT_EQ(Url::parse("http://h/")->web_port, 80);
  EXPECT_EQ(Url::parse("http://h:4443/")->web_port, 4443);
  EXPECT_EQ(Url::parse("http://h:443/")->web_port, 443);
}

TEST(Url, TcpNeedsItsPort) {
  const auto url = Url::parse("tcp://relay.example:443/room?jwt=x");
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (Url{Scheme::tcp, "relay.example", 443, "/room", "jwt=x"}));
  EXPECT_EQ(url->authority(), "relay.example:443");
  EXPECT_EQ(url->request(), "/room?jwt=x");
  EXPECT_EQ(Url::parse("tcp://[::1]:4443")->to_string(), "tcp://[::1]:4443");
}

TEST(Url, AUnixSocketsRequestIsInItsQuery) {
  const auto url =
      Url::parse("unix:///run/moq/a%20relay.sock?x=y&path=%2Froom%3Fjwt%3Da+b&path=/z");
  ASSERT_TRUE(url) << url.error().describe();
  EXPECT_EQ(url->scheme, Scheme::unix_socket);
  EXPECT_EQ(url->socket_path(), "/run/moq/a relay.sock");
  EXPECT_EQ(url->request(), "/room?jwt=a b");
  EXPECT_EQ(url->to_string(), "unix:///run/moq/a%20relay.sock") << "a token stays out of logs";
  EXPECT_EQ(Url::parse("unix:///s?path=/room")->request(), "/room");
  EXPECT_EQ(Url::parse("unix:///s")->request(), "");
  EXPECT_EQ(Url::parse("unix:///s?path")->request(), "");
}

TEST(Url, WebSocketHasTheWebsPorts) {
  EXPECT_EQ(*Url::parse("wss://h/a?b"), (Url{Scheme::wss, "h", 443, "/a", "b"}));
  EXPECT_EQ(*Url::parse("ws://h/a"), (Url{Scheme::ws, "h", 80, "/a", ""}));
  EXPECT_EQ(Url::parse("ws://h:80/")->authority(), "h");
  EXPECT_EQ(Url::parse("ws://h:443/")->authority(), "h:443");
  EXPECT_EQ(Url::parse("wss://h:80/")->authority(), "h:80");
  EXPECT_TRUE(Url::parse("ws://h")->websocket());
  EXPECT_FALSE(Url::parse("https://h")->websocket());
}

TEST(Url, TheSameServerTakesWebSocketsBeside) {
  const auto beside = [](const char* text) { return Url::parse(text)->as_websocket(); };
  EXPECT_EQ(beside("https://h/a?b"), *Url::parse("wss://h/a?b"));
  EXPECT_EQ(beside("https://h:4443/"), *Url::parse("wss://h:4443/"));
  EXPECT_EQ(beside("http://h/a"), *Url::parse("ws://h/a"));
  EXPECT_EQ(beside("http://h:4443/a"), *Url::parse("ws://h:4443/a"));
  EXPECT_EQ(beside("ws://h:1/a"), *Url::parse("ws://h:1/a"));
}

class BadUrl : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(BadUrl, SaysWhatIsWrong) {
  const auto url = Url::parse(GetParam().first);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, Code::bad_config);
  EXPECT_NE(url.error().text.find(GetParam().second), std::string::npos) << url.error().text;
}
INSTANTIATE_TEST_SUITE_P(
    All, BadUrl,
    testing::Values(std::pair("relay.example", "scheme"), std::pair("ftp://h/", "ftp"),
                    std::pair("https:///x", "host"), std::pair("https://h:0/", "port"),
                    std::pair("https://h:65536/", "port"), std::pair("https://h:x/", "port"),
                    std::pair("https://[::1/", "]"), std::pair("https://[::1]x/", "junk"),
                    std::pair("https://me@h/", "user"), std::pair("https://h /", "white space"),
                    std::pair("tcp://h/", "port"), std::pair("tcp://:1/", "host"),
                    std::pair("unix://h/s", "no host"), std::pair("unix://:1/s", "no host"),
                    std::pair("unix:///", "socket"), std::pair("unix://", "socket"),
                    std::pair("unix:///a%0", "socket"), std::pair("unix:///a%00b", "socket"),
                    std::pair("unix:///s?path=%zz", "escape"),
                    std::pair("unix:///s?path=%2", "escape"),
                    std::pair("unix:///s?path=%00", "escape"),
                    std::pair("unix:///s?path=room", "'/'")));

TEST(Redirect, StaysWithinThePolicy) {
  const Url from = *Url::parse("https://relay.example/");
  EXPECT_TRUE(check_redirect(from, "https://relay.example:1/", RedirectPolicy::same_host));
  EXPECT_FALSE(check_redirect(from, "https://other.example/", RedirectPolicy::same_host));
  EXPECT_TRUE(check_redirect(from, "https://other.example/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://relay.example/", RedirectPolicy::ignore));
  EXPECT_FALSE(check_redirect(from, "http://relay.example/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "ws://relay.example/", RedirectPolicy::follow));
  EXPECT_TRUE(check_redirect(from, "wss://relay.example/", RedirectPolicy::follow));
  EXPECT_TRUE(check_redirect(*Url::parse("ws://h/"), "http://h/", RedirectPolicy::same_host));
  EXPECT_FALSE(check_redirect(from, "https://127.0.0.1/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://localhost/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "nonsense", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://other.example/", RedirectPolicy::follow, true));
  EXPECT_TRUE(check_redirect(from, "https://relay.example:1/", RedirectPolicy::follow, true));
}

TEST(Redirect, NeverGoesToLessThanTheCarrierHad) {
  const auto allowed = [](const char* from, const char* to) {
    return check_redirect(*Url::parse(from), to, RedirectPolicy::follow).has_value();
  };
  EXPECT_TRUE(allowed("https://h.example/", "moqt://h.example/"));
  EXPECT_FALSE(allowed("https://h.example/", "tcp://h.example:1/"));
  EXPECT_FALSE(allowed("moqt://h.example/", "http://h.example/"));
  EXPECT_TRUE(allowed("tcp://h.example:1/", "https://h.example/"));
  EXPECT_TRUE(allowed("tcp://h.example:1/", "tcp://h.example:2/"));
  EXPECT_TRUE(allowed("http://h.example/", "tcp://h.example:2/"));
  EXPECT_FALSE(allowed("tcp://h.example:1/", "unix:///run/moq.sock"));
  EXPECT_FALSE(allowed("https://localhost/", "unix:///run/moq.sock"));
  EXPECT_TRUE(allowed("unix:///run/a.sock", "unix:///run/b.sock"));
  EXPECT_TRUE(allowed("unix:///run/a.sock", "https://localhost/"));
}

}  // namespace
}  // namespace moq::native

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
                    std::pair("https://me@h/", "user"), std::pair("https://h /", "white space")));

TEST(Redirect, StaysWithinThePolicy) {
  const Url from = *Url::parse("https://relay.example/");
  EXPECT_TRUE(check_redirect(from, "https://relay.example:1/", RedirectPolicy::same_host));
  EXPECT_FALSE(check_redirect(from, "https://other.example/", RedirectPolicy::same_host));
  EXPECT_TRUE(check_redirect(from, "https://other.example/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://relay.example/", RedirectPolicy::ignore));
  EXPECT_FALSE(check_redirect(from, "http://relay.example/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://127.0.0.1/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://localhost/", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "nonsense", RedirectPolicy::follow));
  EXPECT_FALSE(check_redirect(from, "https://other.example/", RedirectPolicy::follow, true));
  EXPECT_TRUE(check_redirect(from, "https://relay.example:1/", RedirectPolicy::follow, true));
}

}  // namespace
}  // namespace moq::native

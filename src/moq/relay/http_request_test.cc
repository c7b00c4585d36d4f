#include "moq/relay/http_request.h"

#include <gtest/gtest.h>

namespace moq::relay {
namespace {

std::string value_of(std::string_view query, std::string_view name) {
  HttpRequest request;
  request.query = query;
  const auto value = request.parameter(name);
  return !value ? "bad" : value->value_or("none");
}

TEST(HttpRequest, ReadsMethodPathQueryAndVersion) {
  const auto request = HttpRequest::parse("GET /a%2Fb/c?x=1&y HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/a%2Fb/c");
  EXPECT_EQ(request->query, "x=1&y");
  EXPECT_TRUE(request->http11);
  const auto old = HttpRequest::parse("HEAD / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->method, "HEAD");
  EXPECT_EQ(old->query, "");
  EXPECT_FALSE(old->http11);
}

TEST(HttpRequest, TakesATargetAsProxiesAreAsked) {
  EXPECT_EQ(HttpRequest::parse("GET http://h:1/a?b HTTP/1.1\r\n\r\n")->path, "/a");
  EXPECT_EQ(HttpRequest::parse("GET http://h HTTP/1.1\r\n\r\n")->path, "/");
}

TEST(HttpRequest, ABodyIsNobodysBusiness) {
  const auto request = HttpRequest::parse("POST /a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n");
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->method, "POST");
}

TEST(HttpRequest, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n", "GET relative HTTP/1.1\r\n\r\n", "G\x01T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    const auto request = HttpRequest::parse(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, Code::decode) << text;
  }
}

TEST(HttpRequest, FindsParameters) {
  EXPECT_EQ(value_of("group=7", "group"), "7");
  EXPECT_EQ(value_of("a=b&group=7&c", "group"), "7");
  EXPECT_EQ(value_of("group=1&group=2", "group"), "1");
  EXPECT_EQ(value_of("group=%37", "group"), "7");
  EXPECT_EQ(value_of("group=", "group"), "");
  EXPECT_EQ(value_of("group", "group"), "");
  EXPECT_EQ(value_of("subgroup=7", "group"), "none");
  EXPECT_EQ(value_of("&&=&", "group"), "none");
  EXPECT_EQ(value_of("", "group"), "none");
  EXPECT_EQ(value_of("group=%3", "group"), "bad");
}

TEST(PercentDecode, DecodesBytesAndRefusesHalfOnes) {
  EXPECT_EQ(percent_decode("a%20b%2fc%00"), (std::string("a b/c\0", 6)));
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  for (const std::string_view text : {"%", "%2", "a%2", "%g0", "%0g", "%-1", "100%"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

}  // namespace
}  // namespace moq::relay

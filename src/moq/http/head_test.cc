#include "moq/http/head.h"

#include <gtest/gtest.h>

namespace moq::http {
namespace {

std::string value_of(std::string_view query, std::string_view name) {
  Request request;
  request.query = query;
  const auto value = request.parameter(name);
  return !value ? "bad" : value->value_or("none");
}

TEST(Request, ReadsMethodPathQueryAndVersion) {
  const auto request = Request::parse("GET /a%2Fb/c?x=1&y HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/a%2Fb/c");
  EXPECT_EQ(request->query, "x=1&y");
  EXPECT_TRUE(request->http11);
  const auto old = Request::parse("HEAD / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->method, "HEAD");
  EXPECT_EQ(old->query, "");
  EXPECT_FALSE(old->http11);
}

TEST(Request, TakesATargetAsProxiesAreAsked) {
  EXPECT_EQ(Request::parse("GET http://h:1/a?b HTTP/1.1\r\n\r\n")->path, "/a");
  EXPECT_EQ(Request::parse("GET http://h HTTP/1.1\r\n\r\n")->path, "/");
}

TEST(Request, ABodyIsNobodysBusiness) {
  const auto request = Request::parse("POST /a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n");
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->method, "POST");
}

TEST(Request, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n", "GET relative HTTP/1.1\r\n\r\n", "G\x01T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    const auto request = Request::parse(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, Code::decode) << text;
  }
}

TEST(Request, FindsParameters) {
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

TEST(Fields, AreFoundWhateverTheirCase) {
  const auto request = Request::parse(
      "GET / HTTP/1.1\r\nHOST: h\r\nConnection: keep-alive,Upgrade\r\nX:  a , ,b\r\nx:c\r\n\r\n");
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->fields.get("host"), "h");
  EXPECT_EQ(request->fields.get("x"), "a , ,b");
  EXPECT_EQ(request->fields.get("y"), "");
  EXPECT_TRUE(request->fields.has("x"));
  EXPECT_FALSE(request->fields.has("y"));
  EXPECT_EQ(request->fields.list("x"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(request->fields.lists("connection", "upgrade"));
  EXPECT_FALSE(request->fields.lists("connection", "close"));
}

TEST(Response, ReadsStatusAndFields) {
  const auto response =
      Response::parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  ASSERT_TRUE(response) << response.error().describe();
  EXPECT_EQ(response->status, 101);
  EXPECT_EQ(response->fields.get("upgrade"), "websocket");
  EXPECT_EQ(Response::parse("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\n")->status, 401);
  for (const std::string_view text :
       {"", "\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc X\r\n\r\n", "SSH-2.0-x\r\n\r\n"}) {
    EXPECT_FALSE(Response::parse(text)) << text;
  }
}

TEST(HeadReader, FindsTheEndWhereverThePiecesEnd) {
  const std::string text = "GET / HTTP/1.1\r\nA: b\r\n\r\nrest";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    HeadReader reader;
    auto head = reader.push(Bytes::copy(text.substr(0, cut)));
    ASSERT_TRUE(head);
    std::string rest(reader.rest().text());
    if (!*head) {
      head = reader.push(Bytes::copy(text.substr(cut)));
      ASSERT_TRUE(head && *head) << cut;
      rest = reader.rest().text();
    } else {
      rest += text.substr(cut);
    }
    EXPECT_EQ(**head, text.substr(0, text.size() - 4));
    EXPECT_EQ(rest, "rest");
  }
}

TEST(HeadReader, SaysAtOnceThatTlsIsNoHttp) {
  HeadReader reader;
  const auto head = reader.push(Bytes::copy(std::string_view("\x16\x03\x01\x02", 4)));
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, Code::decode);
  EXPECT_NE(head.error().text.find("TLS"), std::string::npos);
}

TEST(HeadReader, AHeadHasALimit) {
  const std::string end = "\r\n\r\n";
  HeadReader longest;
  const auto head = longest.push(Bytes::copy(std::string(kMaxHeadBytes - 4, 'x') + end));
  ASSERT_TRUE(head && *head);
  HeadReader longer;
  EXPECT_EQ(longer.push(Bytes::copy(std::string(kMaxHeadBytes - 3, 'x') + end)).error().code,
            Code::too_many);
  HeadReader endless;
  ASSERT_TRUE(endless.push(Bytes::copy(std::string(kMaxHeadBytes, 'x'))));
  EXPECT_FALSE(endless.push(Bytes::copy("x")));
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
}  // namespace moq::http

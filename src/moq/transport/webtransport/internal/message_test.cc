#include "moq/transport/webtransport/internal/message.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

using Headers = std::vector<Header>;

const Headers kGoodRequest = {{":method", "CONNECT"},
                              {":scheme", "https"},
                              {":authority", "relay.example"},
                              {":path", "/room"},
                              {":protocol", "webtransport"}};

Headers with(Headers headers, std::string name, std::string value) {
  headers.push_back({std::move(name), std::move(value)});
  return headers;
}
Headers replaced(std::string_view name, std::string value) {
  Headers headers = kGoodRequest;
  std::ranges::find(headers, name, &Header::name)->value = std::move(value);
  return headers;
}
Headers without(std::string_view name) {
  Headers headers = kGoodRequest;
  std::erase_if(headers, [name](const Header& header) { return header.name == name; });
  return headers;
}
int status_of(const Headers& headers) {
  const auto request = parse_request(headers);
  return request ? 200 : request.error().status;
}

ConnectRequest vector_request() {
  ConnectRequest request;
  request.authority = "relay.example:4443";
  request.path = "/room?jwt=abc";
  request.protocols = {"moq-lite-06", "moq-lite-05"};
  return request;
}

TEST(Message, RequestIsTheVector) {
  const Bytes frame = encode_request(vector_request());
  EXPECT_EQ(frame.size(), 119u);
  EXPECT_EQ(frame, hex("01 40 74 00 00 cf d7"
                       "50 12 72 65 6c 61 79 2e 65 78 61 6d 70 6c 65 3a 34 34 34 33"
                       "51 0d 2f 72 6f 6f 6d 3f 6a 77 74 3d 61 62 63"
                       "27 02 3a 70 72 6f 74 6f 63 6f 6c 0c 77 65 62 74 72 61 6e 73 70 6f 72 74"
                       "27 0f 77 74 2d 61 76 61 69 6c 61 62 6c 65 2d 70 72 6f 74 6f 63 6f 6c 73"
                       "1c 22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22 2c 20"
                       "22 6d 6f 71 2d 6c 69 74 65 2d 30 35 22"));
}

TEST(Message, ResponseIsTheVector) {
  const Bytes frame = encode_response({.status = 200, .protocol = "moq-lite-06"});
  EXPECT_EQ(frame.size(), 71u);
  EXPECT_EQ(frame, hex("01 40 44 00 00 d9"
                       "27 15 73 65 63 2d 77 65 62 74 72 61 6e 73 70 6f 72 74 2d 68 74 74 70 33 2d"
                       "64 72 61 66 74 07 64 72 61 66 74 30 32"
                       "27 04 77 74 2d 70 72 6f 74 6f 63 6f 6c 0d"
                       "22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22"));
}

TEST(Message, RequestReadsBack) {
  ConnectRequest request = vector_request();
  request.origin = "https://page.example";
  request.user_agent = "test";
  const Bytes frame = encode_request(request);
  const auto headers = decode_headers(frame.slice(3).span());
  ASSERT_TRUE(headers);
  EXPECT_EQ(parse_request(*headers).value(), request);
}

TEST(Message, RequestWithoutProtocolsOffersNone) {
  EXPECT_EQ(status_of(kGoodRequest), 200);
  EXPECT_TRUE(parse_request(kGoodRequest)->protocols.empty());
}

TEST(Message, HeadersOfOneNameAreOneList) {
  const Headers headers = with(with(kGoodRequest, "wt-available-protocols", "\"a\""),
                               "wt-available-protocols", "\"b\"");
  EXPECT_EQ(parse_request(headers)->protocols, (std::vector<std::string>{"a", "b"}));
}

TEST(Message, OtherRequestsGetAStatus) {
  EXPECT_EQ(status_of(Headers{
                {":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}),
            405);
  EXPECT_EQ(status_of(replaced(":protocol", "websocket")), 501);
  EXPECT_EQ(status_of(without(":protocol")), 400);
  EXPECT_EQ(status_of(replaced(":scheme", "http")), 400);
}

TEST(Message, EveryPseudoHeaderIsRequired) {
  for (const char* name : {":method", ":scheme", ":authority", ":path", ":protocol"}) {
    EXPECT_EQ(status_of(without(name)), 400) << name;
    EXPECT_EQ(status_of(replaced(name, "")), std::string_view(name) == ":method"     ? 405
                                             : std::string_view(name) == ":protocol" ? 501
                                                                                     : 400)
        << name;
  }
}

TEST(Message, MalformedRequestsAreRefused) {
  const std::vector<Headers> bad = {{},
                                    with(kGoodRequest, ":path", "/twice"),
                                    with(kGoodRequest, ":unknown", "x"),
                                    with(kGoodRequest, ":status", "200"),
                                    with(with(kGoodRequest, "a", "b"), ":path", "/late"),
                                    with(kGoodRequest, "Upper", "x"),
                                    with(kGoodRequest, "", "x"),
                                    with(kGoodRequest, "na me", "x"),
                                    with(kGoodRequest, "a", "b\r\nc: d"),
                                    with(kGoodRequest, "a", std::string("b\0c", 3)),
                                    with(kGoodRequest, "connection", "close"),
                                    with(kGoodRequest, "transfer-encoding", "chunked"),
                                    replaced(":path", "room"),
                                    replaced(":path", "/a b"),
                                    replaced(":authority", "user@host"),
                                    replaced(":authority", "host/path")};
  for (const Headers& headers : bad) EXPECT_EQ(status_of(headers), 400);
}

TEST(Message, ProtocolsAreStrictlyAListOfStrings) {
  for (const char* bad : {"moq-lite-06", "\"a\", b", "(\"a\")", "\"a\","}) {
    EXPECT_EQ(status_of(with(kGoodRequest, "wt-available-protocols", bad)), 400) << bad;
  }
}

TEST(Message, OffersAsManyProtocolsAsTheLimit) {
  std::vector<std::string> many(kMaxProtocols, "p");
  std::string list;
  for (std::size_t i = 0; i < kMaxProtocols; ++i) list += i == 0 ? "\"p\"" : ", \"p\"";
  EXPECT_EQ(parse_request(with(kGoodRequest, "wt-available-protocols", list))->protocols, many);
  EXPECT_EQ(status_of(with(kGoodRequest, "wt-available-protocols", list + ", \"p\"")), 400);
}

TEST(Message, ResponsesSayTheirStatusAndProtocol) {
  EXPECT_EQ(parse_response(Headers{{":status", "200"}, {"wt-protocol", "\"a\""}}),
            (ConnectResponse{.status = 200, .protocol = "a"}));
  EXPECT_EQ(parse_response(Headers{{":status", "200"}}),
            (ConnectResponse{.status = 200, .protocol = ""}));
  EXPECT_EQ(parse_response(Headers{{":status", "103"}})->status, 103);
  // What a refusal says of protocols does not matter.
  EXPECT_EQ(parse_response(Headers{{":status", "404"}, {"wt-protocol", "?"}})->status, 404);
}

TEST(Message, MalformedResponsesAreErrors) {
  const std::vector<Headers> bad = {{},
                                    {{":status", ""}},
                                    {{":status", "20"}},
                                    {{":status", "2000"}},
                                    {{":status", "2o0"}},
                                    {{":status", "099"}},
                                    {{":status", "101"}},
                                    {{":status", "200"}, {":status", "200"}},
                                    {{":status", "200"}, {":path", "/"}},
                                    {{"a", "b"}, {":status", "200"}},
                                    {{":status", "200"}, {"wt-protocol", "unquoted"}}};
  for (const Headers& headers : bad) {
    const auto response = parse_response(headers);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, H3Code::message_error);
  }
}

}  // namespace
}  // namespace moq::transport::webtransport

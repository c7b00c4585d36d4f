#include "moq/transport/webtransport/internal/connect_stream.h"
#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

using Accept = RawPeerTest;
using sim::Side;

std::vector<std::uint8_t> headers_frame(const std::vector<Header>& headers) {
  return tlv(0x01, encode_headers(headers));
}
/// The status of the answer that `stream` carries, 0 if there is none.
int answered_status(RecvStream& stream) {
  ConnectStream reader;
  reader.push(read_now(stream).span());
  const auto event = reader.next();
  if (!event || !std::holds_alternative<std::vector<Header>>(*event)) return 0;
  const auto response = parse_response(std::get<std::vector<Header>>(*event));
  return response ? response->status : 0;
}

TEST_F(Accept, SendsSettingsWithoutWaiting) {
  start_server();
  EXPECT_EQ(written(Side::server, 3), encode_control_preface());
  EXPECT_EQ(wire->streams_opened(Side::server), 1u);
}

TEST_F(Accept, GivesTheRequest) {
  start_server();
  send_settings();
  ConnectRequest sent;
  sent.authority = "relay.example:4443";
  sent.path = "/room?jwt=abc";
  sent.protocols = {"moq-lite-06", "moq-lite-05"};
  sent.origin = "https://page.example";
  sent.user_agent = "test/1";
  peer->connect = peer->bidi(encode_request(sent).span());
  settle();
  const Result<Request> request = accepted_request();
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->authority(), "relay.example:4443");
  EXPECT_EQ(request->path(), "/room?jwt=abc");
  EXPECT_EQ(request->protocols(), sent.protocols);
  EXPECT_EQ(request->origin(), "https://page.example");
  EXPECT_EQ(request->user_agent(), "test/1");
  EXPECT_FALSE(request->peer().empty());
}

TEST_F(Accept, AnswersWithTheVector) {
  establish(Role::server);
  EXPECT_EQ(written(Side::server, 0),
            hex("01 40 44 00 00 d9"
                "27 15 73 65 63 2d 77 65 62 74 72 61 6e 73 70 6f 72 74 2d 68 74 74 70 33 2d"
                "64 72 61 66 74 07 64 72 61 66 74 30 32"
                "27 04 77 74 2d 70 72 6f 74 6f 63 6f 6c 0d"
                "22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22"));
  EXPECT_EQ(session->protocol(), "moq-lite-06");
  EXPECT_EQ(session->path(), "/room");
  EXPECT_EQ(session->carrier(), "webtransport");
}

TEST_F(Accept, TheClientsOrderOfProtocolsDecides) {
  start_server();
  send_settings();
  send_request();
  settle();
  Result<Request> request = accepted_request();
  ASSERT_TRUE(request);
  const std::vector<std::string> supported = {"moq-lite-03", "moq-lite-05", "moq-lite-06"};
  EXPECT_EQ(request->choose(supported), "moq-lite-06");
  EXPECT_EQ(request->choose(std::span(supported).first(2)), "moq-lite-05");
  EXPECT_EQ(request->choose(std::span(supported).first(1)), std::nullopt);
  const auto none = std::move(*request).respond(std::nullopt);
  EXPECT_EQ(none->protocol(), "");
}

TEST_F(Accept, WaitsForSettingsAndRequestInAnyOrder) {
  start_server();
  send_request();
  settle();
  EXPECT_FALSE(accepting.finished());
  send_settings();
  settle();
  EXPECT_TRUE(accepted_request());
}

TEST_F(Accept, StreamsMayComeBeforeTheAnswer) {
  start_server();
  send_settings();
  const auto early = peer->uni("40 54 00 68 69");
  send_request();
  settle();
  session = std::move(*accepted_request()).respond(std::nullopt);
  auto stream = session->poll_accept_uni(Waiter::none());
  ASSERT_TRUE(stream && *stream);
  EXPECT_EQ(read_now(***stream).text(), "hi");
}

TEST_F(Accept, RejectingTellsTheStatusAndCloses) {
  start_server();
  send_settings();
  send_request();
  settle();
  std::move(*accepted_request()).reject(403);
  settle(20ms);
  EXPECT_EQ(answered_status(*peer->connect.recv), 403);
  EXPECT_FALSE(peer->closed()) << "the client had no time to read the answer";
  settle(200ms);
  EXPECT_TRUE(peer->closed_with(H3Code::no_error));
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(Accept, DroppingTheRequestSaysTryAgainLater) {
  start_server();
  send_settings();
  send_request();
  settle();
  {
    const Result<Request> dropped = accepted_request();
  }
  settle();
  EXPECT_EQ(answered_status(*peer->connect.recv), 503);
}

TEST_F(Accept, OtherHttpRequestsGetAnErrorStatus) {
  const std::vector<Header> get = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  std::vector<Header> websocket = {{":method", "CONNECT"},
                                   {":scheme", "https"},
                                   {":authority", "a"},
                                   {":path", "/"},
                                   {":protocol", "websocket"}};
  std::vector<Header> malformed = get;
  malformed.push_back({"Upper", "case"});
  const std::vector<std::tuple<std::vector<Header>, int, Code>> cases = {
      {get, 405, Code::unsupported},
      {websocket, 501, Code::unsupported},
      {malformed, 400, Code::protocol_violation}};
  for (const auto& [headers, status, code] : cases) {
    start_server();
    // A client of plain HTTP/3 says nothing of WebTransport.
    peer->control = peer->uni("00 04 00");
    peer->connect = peer->bidi(headers_frame(headers));
    peer->connect.send->finish();
    settle();
    EXPECT_EQ(answered_status(*peer->connect.recv), status);
    EXPECT_EQ(our_error(Role::server).code, code) << status;
    EXPECT_TRUE(logged("status " + std::to_string(status)));
    settle(200ms);
    EXPECT_TRUE(peer->closed_with(H3Code::no_error)) << status;
  }
}

TEST_F(Accept, AClientWhoseSettingsLackWebTransportIsUnsupported) {
  start_server();
  peer->control = peer->uni("00 04 02 33 01");
  send_request();
  settle();
  EXPECT_EQ(our_error(Role::server).code, Code::unsupported);
  EXPECT_TRUE(peer->closed_with(H3Code::settings_error));
}

TEST_F(Accept, CancellingTheTaskClosesTheConnection) {
  start_server();
  accepting.cancel();
  settle();
  EXPECT_TRUE(peer->closed().has_value());
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(Accept, AClientThatLeavesMeanwhileGivesAnEndedSession) {
  start_server();
  send_settings();
  send_request();
  settle();
  Result<Request> request = accepted_request();
  peer->quic.reset();
  settle();
  session = std::move(*request).respond(std::nullopt);
  EXPECT_TRUE(session->poll_closed(Waiter::none()));
  EXPECT_FALSE(*session->poll_open_uni(Waiter::none()));
}

}  // namespace
}  // namespace moq::transport::webtransport

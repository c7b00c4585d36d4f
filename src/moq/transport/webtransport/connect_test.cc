#include "moq/transport/code_mapping.h"
#include "moq/transport/webtransport/internal/core.h"
#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

using Connect = RawPeerTest;
using sim::Side;

TEST_F(Connect, SendsSettingsFirstAndTheRequestOnceItHasTheirs) {
  start_client();
  // Client uni 2 is its first; bidi 0 is not open yet.
  EXPECT_EQ(written(Side::client, 2), encode_control_preface());
  EXPECT_EQ(wire->streams_opened(Side::client), 1u);

  send_settings();
  settle();
  EXPECT_EQ(wire->streams_opened(Side::client), 2u);
  EXPECT_EQ(written(Side::client, 0),
            hex("01 40 74 00 00 cf d7"
                "50 12 72 65 6c 61 79 2e 65 78 61 6d 70 6c 65 3a 34 34 34 33"
                "51 0d 2f 72 6f 6f 6d 3f 6a 77 74 3d 61 62 63"
                "27 02 3a 70 72 6f 74 6f 63 6f 6c 0c 77 65 62 74 72 61 6e 73 70 6f 72 74"
                "27 0f 77 74 2d 61 76 61 69 6c 61 62 6c 65 2d 70 72 6f 74 6f 63 6f 6c 73"
                "1c 22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22 2c 20"
                "22 6d 6f 71 2d 6c 69 74 65 2d 30 35 22"));
}

TEST_F(Connect, GivesTheSessionOfTheAnswer) {
  establish(Role::client);
  EXPECT_EQ(session->protocol(), "moq-lite-06");
  EXPECT_EQ(session->path(), "/room?jwt=abc");
  EXPECT_EQ(session->carrier(), "webtransport");
  EXPECT_FALSE(session->peer().empty());
}

TEST_F(Connect, TheQuicSessionIsUnderneath) {
  start_client();
  EXPECT_EQ(underlying(*peer->quic), nullptr);
  session.reset();
  establish(Role::client);
  ASSERT_TRUE(underlying(*session));
  EXPECT_EQ(underlying(*session)->carrier(), peer->quic->carrier());
}

TEST_F(Connect, TakesTheVectorsOfAServer) {
  start_client();
  peer->control = peer->uni("00 04 0d 08 01 33 01 c0 00 00 00 c6 71 70 6a 01");
  settle();
  take_connect();
  peer->connect.send->write(
      hex("01 40 44 00 00 d9"
          "27 15 73 65 63 2d 77 65 62 74 72 61 6e 73 70 6f 72 74 2d 68 74 74 70 33 2d"
          "64 72 61 66 74 07 64 72 61 66 74 30 32"
          "27 04 77 74 2d 70 72 6f 74 6f 63 6f 6c 0d"
          "22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22"));
  settle();
  EXPECT_EQ((*connected())->protocol(), "moq-lite-06");
}

TEST_F(Connect, NoProtocolInTheAnswerIsNone) {
  start_client();
  send_settings();
  settle();
  take_connect();
  send_response({.status = 200, .protocol = ""});
  settle();
  EXPECT_EQ((*connected())->protocol(), "");
}

TEST_F(Connect, AProtocolThatWasNotOfferedIsAnError) {
  start_client();
  send_settings();
  settle();
  take_connect();
  send_response({.status = 200, .protocol = "moq-lite-99"});
  settle();
  const Error error = our_error(Role::client);
  EXPECT_EQ(error.code, Code::protocol_violation);
  EXPECT_NE(error.text.find("moq-lite-99"), std::string::npos);
  EXPECT_TRUE(peer->closed_with(H3Code::message_error));
}

TEST_F(Connect, AStatusSaysWhyItFailed) {
  const std::vector<std::pair<int, Code>> statuses = {
      {401, Code::unauthorized}, {403, Code::forbidden},   {404, Code::not_found},
      {408, Code::application},  {429, Code::application}, {502, Code::application},
      {503, Code::application},  {504, Code::application}, {204, Code::rejected},
      {302, Code::rejected},     {500, Code::rejected}};
  for (const auto& [status, code] : statuses) {
    start_client();
    send_settings();
    settle();
    take_connect();
    send_response({.status = status, .protocol = {}});
    peer->connect.send->finish();
    settle();
    const Error error = our_error(Role::client);
    EXPECT_EQ(error.code, code) << status;
    EXPECT_EQ(error.wire, static_cast<std::uint64_t>(status));
    EXPECT_NE(error.text.find(std::to_string(status)), std::string::npos);
    EXPECT_TRUE(peer->closed_with(H3Code::no_error)) << status;
  }
}

TEST_F(Connect, InformationalAnswersComeBeforeTheRealOne) {
  start_client();
  send_settings();
  settle();
  take_connect();
  for (std::size_t i = 0; i < kMaxInformational; ++i)
    send_response({.status = 103, .protocol = {}});
  send_response({.status = 200, .protocol = "moq-lite-05"});
  settle();
  EXPECT_EQ((*connected())->protocol(), "moq-lite-05");
}

TEST_F(Connect, InformationalAnswersAreLimited) {
  start_client();
  send_settings();
  settle();
  take_connect();
  for (std::size_t i = 0; i <= kMaxInformational; ++i)
    send_response({.status = 103, .protocol = {}});
  settle();
  EXPECT_TRUE(peer->closed_with(H3Code::excessive_load));
}

TEST_F(Connect, AServerWithoutWebTransportIsUnsupported) {
  for (const char* settings : {"00 04 00", "00 04 02 33 01", "00 04 05 ab 60 37 42 01"}) {
    start_client();
    peer->control = peer->uni(settings);
    settle();
    EXPECT_EQ(our_error(Role::client).code, Code::unsupported) << settings;
    EXPECT_TRUE(peer->closed_with(H3Code::settings_error)) << settings;
  }
}

TEST_F(Connect, RefusesOptionsThatDoNotFitARequest) {
  const auto attempt = [&](std::string authority, std::string path, std::string protocol) {
    connect_quic();
    ConnectOptions options(std::move(authority), std::move(path), {std::move(protocol)});
    return world.run(connect(tasks, std::move(client_quic), std::move(options)));
  };
  for (const auto& result :
       {attempt("", "/", "p"), attempt("a b", "/", "p"), attempt("a/b", "/", "p"),
        attempt("a", "room", "p"), attempt("a", "/x\r\ny", "p"), attempt("a", "/", "p\n")}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::invalid_argument);
  }
}

TEST_F(Connect, AnEmptyPathIsTheRoot) {
  connect_quic();
  peer.emplace(std::move(server_quic));
  connecting =
      world.spawn(connect(tasks, std::move(client_quic), ConnectOptions("relay.example", "", {})));
  send_settings();
  settle();
  take_connect();
  send_response({.status = 200, .protocol = {}});
  settle();
  EXPECT_EQ((*connected())->path(), "/");
}

TEST_F(Connect, CancellingTheTaskClosesTheConnection) {
  start_client();
  connecting.cancel();
  settle();
  EXPECT_TRUE(peer->closed_with(H3Code::request_cancelled));
  EXPECT_EQ(tasks.size(), 0u);
}

TEST_F(Connect, TheEndOfTheConnectionEndsTheAttempt) {
  start_client();
  peer->quic->close(to_wire_code(7), "not now");
  settle();
  const Error error = our_error(Role::client);
  EXPECT_EQ(error.code, Code::closed);
  EXPECT_EQ(error.wire, 7u);
}

}  // namespace
}  // namespace moq::transport::webtransport

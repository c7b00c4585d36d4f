// What browsers send, recorded from their `new WebTransport("https://127.0.0.1:PORT/room?jwt=x")`.
#include <ostream>

#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

struct Browser {
  const char* name;
  std::string_view control;  ///< The control stream: its type, SETTINGS, frames of reserved types.
  std::string_view request;  ///< The CONNECT stream.
  std::string_view authority;
  std::vector<std::string> protocols;
  std::string_view user_agent;  ///< A part of it.
};

void PrintTo(const Browser& browser, std::ostream* out) { *out << browser.name; }

/// With `protocols: ["moq-lite-05"]`, of which Chromium makes a header of its own.
const Browser kChromium156 = {
    .name = "Chromium156",
    .control =
        "00 04 29 01 80 01 00 00 06 80 00 40 00 07 40 64 33 01 80 ff d2 77 01 ab 60 37 42 01"
        "c0 00 00 0c 19 bf f0 a6 c0 00 00 00 bf 87 27 ff c0 00 00 0b 41 89 42 83 02 2f a8",
    .request =
        "01 40 79 00 00 d7 cf 50 8b 08 9d 5c 0b 81 70 dc 69 d1 3a df 51 89 62 c3 9e 9f f3 a7 84 c1"
        "e7 2f 00 b9 5d 87 49 c8 7a 3f 89 f0 58 d3 60 ea 45 67 b1 3f 2f 0e 41 48 b7 82 c6 9b 07 52"
        "2b 3d 89 5a 74 a6 b6 56 92 c1 ca 90 0b 01 31 5f 4b 90 9d 29 ae e3 0c 04 4e ae 05 c0 b8 6e"
        "32 d3 2d b3 2f 09 f0 95 87 dc 66 a0 71 d0 55 ab b0 e9 39 0f 42 3f 8b fe 69 3f 65 a8 32 4a"
        "b0 1b fe 7f 00 2b c4 2a 30 eb 12 1a f1 d1 22 2d bb a0 dc c8 14 80 e3 07 92 4a b8 53 a0 04"
        "12 18 b9 0b 65 fb df 9f 42 c0 c6 53 3c 80 0b ce d3 ba 62",
    .authority = "127.0.0.1:47275",
    .protocols = {"moq-lite-05"},
    .user_agent = ""};

/// It does not know the option `protocols` yet.
const Browser kFirefox153 = {
    .name = "Firefox153",
    .control =
        "00 04 15 01 80 01 00 00 07 14 ab 60 37 42 01 80 ff d2 77 01 33 01 08 01"
        "d3 46 47 89 3f 2d 49 cb 01 17",
    .request =
        "01 41 0b 00 00 cf d7 50 8b 08 9d 5c 0b 81 70 dc 68 41 7d bf 51 89 62 c3 9e 9f f3 a7 84 c1"
        "e7 2f 00 b9 5d 87 49 c8 7a 3f 89 f0 58 d3 60 ea 45 67 b1 3f 5f 50 b5 d0 7f 66 a2 81 b0 da"
        "e0 53 fa fc 08 7e d4 ce 6a ad f2 a7 97 9c 89 c6 be d4 b3 bd c0 b6 ca e0 fe d4 c4 52 75 3b"
        "02 00 40 00 80 2a 61 35 85 94 fe 58 0b 6c ae 0f dd 5f 39 8b 2d 4b 70 dd f4 5a be fb 40 05"
        "df 5f 10 92 9b d9 ab fa 52 42 cb 40 d2 5f a5 23 b3 e9 4f 68 4c 9f 2f 0e 41 48 b7 82 c6 9b"
        "07 52 2b 3d 89 5a 74 a6 b6 56 92 c1 ca 90 0b 81 0f 5f 4b 90 9d 29 ae e3 0c 04 4e ae 05 c0"
        "b8 6e 34 d0 80 1f 2f 03 41 48 b4 a5 49 27 5a 42 a1 3f 89 f0 58 d3 60 ea 45 67 b1 3f 2f 03"
        "41 48 b4 a5 49 27 5a 93 c8 5f 85 a8 eb 10 f6 23 2f 03 41 48 b4 a5 49 27 59 06 49 7f 86 40"
        "e9 2a c8 32 4b 2e ae c3 1e c3 27 d7 83 b6 06 bf 2d ae c1 cd 48 ff 86 a8 eb 10 64 9c bf e7",
    .authority = "127.0.0.1:42195",
    .protocols = {},
    .user_agent = "Firefox/153.0"};

class BrowserTest : public RawPeerTest, public testing::WithParamInterface<Browser> {};

TEST_P(BrowserTest, ItsSettingsAndRequestAreAccepted) {
  start_server();
  peer->control = peer->uni(GetParam().control);
  const auto encoder = peer->uni("02");
  const auto decoder = peer->uni("03");
  peer->connect = peer->bidi(GetParam().request);
  settle();
  Result<Request> request = accepted_request();
  ASSERT_TRUE(request) << request.error().describe();
  EXPECT_EQ(request->path(), "/room?jwt=x");
  EXPECT_EQ(request->authority(), GetParam().authority);
  EXPECT_EQ(request->protocols(), GetParam().protocols);
  EXPECT_TRUE(request->origin().starts_with("http://127.0.0.1:")) << request->origin();
  EXPECT_NE(request->user_agent().find(GetParam().user_agent), std::string::npos)
      << request->user_agent();

  session = std::move(*request).respond(std::nullopt);
  const auto stream = peer->uni("40 54 00 68 69");
  settle();
  auto accepted = session->poll_accept_uni(Waiter::none());
  ASSERT_TRUE(accepted && *accepted);
  EXPECT_EQ(read_now(***accepted).text(), "hi");
  EXPECT_FALSE(peer->closed());
}

INSTANTIATE_TEST_SUITE_P(All, BrowserTest, testing::Values(kChromium156, kFirefox153),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace moq::transport::webtransport

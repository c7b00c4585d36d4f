// What a peer may send to break HTTP/3, and the code that each of it leads to.
#include "moq/transport/webtransport/internal/raw_peer_test.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::string_view kSettings = "00 04 0d 08 01 33 01 c0 00 00 00 c6 71 70 6a 01";

struct Attack {
  const char* name;
  std::string bytes;
  H3Code code;
  const char* logged;  ///< Part of the line that names the cause.
};
void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }
std::string name_of(const testing::TestParamInfo<Attack>& test) { return test.param.name; }

/// `count` bytes as hex.
std::string zeros(std::size_t count) { return std::string(2 * count, '0'); }

// --- The control stream, at both ends -----------------------------------------------------------

class HostileControl : public RawPeerTest, public testing::WithParamInterface<Attack> {};

TEST_P(HostileControl, EndsTheConnectionBeforeASession) {
  for (const Role role : {Role::client, Role::server}) {
    start(role);
    peer->control = peer->uni(GetParam().bytes);
    settle();
    EXPECT_TRUE(peer->closed_with(GetParam().code)) << std::hex << peer->closed_with();
    EXPECT_EQ(our_error(role).code, Code::protocol_violation);
    EXPECT_TRUE(logged(GetParam().logged));
    EXPECT_EQ(tasks.size(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Attacks, HostileControl,
    testing::Values(
        Attack{"data_first", "00 00 00", H3Code::missing_settings, "starts with frame 0x0"},
        Attack{"goaway_first", "00 07 01 00", H3Code::missing_settings, "starts with frame 0x7"},
        Attack{"second_settings", std::string(kSettings) + "04 00", H3Code::frame_unexpected,
               "SETTINGS came twice"},
        Attack{"headers", std::string(kSettings) + "01 00", H3Code::frame_unexpected,
               "frame 0x1 on the control stream"},
        Attack{"http2_frame", std::string(kSettings) + "06 00", H3Code::frame_unexpected,
               "frame 0x6 of HTTP/2"},
        Attack{"http2_setting", "00 04 02 02 00", H3Code::settings_error, "setting 0x2 of HTTP/2"},
        Attack{"setting_twice", "00 04 04 33 01 33 01", H3Code::settings_error, "comes twice"},
        Attack{"setting_not_boolean", "00 04 02 33 07", H3Code::settings_error, "is 7, not 0 or 1"},
        Attack{"settings_cut", "00 04 01 33", H3Code::frame_error, "cut off"},
        Attack{"settings_too_large", "00 04 80 01 00 01", H3Code::excessive_load, "claims 65537"},
        Attack{"length_2_62", "00 04 ff ff ff ff ff ff ff ff", H3Code::excessive_load,
               "claims 4611686018427387903"},
        Attack{"goaway_empty", std::string(kSettings) + "07 00", H3Code::frame_error,
               "not one integer"},
        Attack{"goaway_rising", std::string(kSettings) + "07 01 00 07 01 04", H3Code::id_error,
               "raises its id"},
        Attack{"cancel_push", std::string(kSettings) + "03 01 00", H3Code::id_error,
               "never promised"}),
    name_of);

class HostileControlStream : public RawPeerTest, public testing::WithParamInterface<Role> {};
INSTANTIATE_TEST_SUITE_P(Ends, HostileControlStream, testing::Values(Role::client, Role::server),
                         [](const auto& test) {
                           return test.param == Role::client ? "client" : "server";
                         });

TEST_P(HostileControlStream, MayNotEnd) {
  const auto whole = from_hex(kSettings);
  for (const bool reset : {false, true}) {
    for (std::size_t cut = 1; cut <= whole.size(); ++cut) {
      start(GetParam());
      peer->control = peer->uni(ByteSpan(whole).first(cut));
      settle();
      if (reset) {
        peer->control->reset(3);
      } else {
        peer->control->finish();
      }
      settle();
      EXPECT_TRUE(peer->closed_with(H3Code::closed_critical_stream)) << cut;
    }
  }
  EXPECT_TRUE(logged("closed its control stream"));
}

TEST_P(HostileControlStream, MayNotEndWithinASession) {
  establish(GetParam());
  peer->control->reset(0);
  settle();
  EXPECT_TRUE(peer->closed_with(H3Code::closed_critical_stream));
  EXPECT_EQ(our_error(GetParam()).code, Code::protocol_violation);
}

TEST_P(HostileControlStream, ComesOnce) {
  for (const char* second : {"00", "02", "03"}) {
    establish(GetParam());
    const auto first_qpack = peer->uni(second);
    const auto again = peer->uni(second);
    settle();
    EXPECT_TRUE(peer->closed_with(H3Code::stream_creation_error)) << second;
    session.reset();
  }
  EXPECT_TRUE(logged("a second control stream"));
  EXPECT_TRUE(logged("a second QPACK stream"));
}

TEST_P(HostileControlStream, PushIsRefused) {
  establish(GetParam());
  const auto push = peer->uni("01 00");
  settle();
  EXPECT_TRUE(peer->closed_with(GetParam() == Role::server ? H3Code::stream_creation_error
                                                           : H3Code::id_error));
}

TEST_P(HostileControlStream, MayCarryMuchThatIsUnknown) {
  establish(GetParam());
  for (int i = 0; i < 20; ++i) {
    peer->control->write(Bytes::copy(tlv(0x21, std::vector<std::uint8_t>(kMaxFrameBytes))));
    settle();
  }
  EXPECT_FALSE(peer->closed());
}

// --- The request --------------------------------------------------------------------------------

class HostileRequest : public RawPeerTest, public testing::WithParamInterface<Attack> {};

TEST_P(HostileRequest, EndsTheConnection) {
  start_server();
  send_settings();
  peer->connect = peer->bidi(GetParam().bytes);
  peer->connect.send->finish();
  settle();
  EXPECT_TRUE(peer->closed_with(GetParam().code)) << std::hex << peer->closed_with();
  EXPECT_EQ(our_error(Role::server).code, Code::protocol_violation);
  EXPECT_TRUE(logged(GetParam().logged));
  EXPECT_EQ(tasks.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Attacks, HostileRequest,
    testing::Values(
        Attack{"data_before_headers", "00 01 00", H3Code::frame_unexpected, "DATA before HEADERS"},
        Attack{"settings", "04 00", H3Code::frame_unexpected, "frame 0x4 on a request stream"},
        Attack{"goaway", "07 01 00", H3Code::frame_unexpected, "frame 0x7 on a request stream"},
        Attack{"push_promise", "05 01 00", H3Code::frame_unexpected, "on a request stream"},
        Attack{"http2_frame", "02 00", H3Code::frame_unexpected, "of HTTP/2"},
        Attack{"headers_empty", "01 00", H3Code::qpack_decompression_failed, "headers:"},
        Attack{"headers_lie", "01 03 00 00 ff", H3Code::qpack_decompression_failed, "headers:"},
        Attack{"headers_dynamic", "01 03 02 00 80", H3Code::qpack_decompression_failed, "headers:"},
        Attack{"headers_cut", "01 05 00 00", H3Code::frame_error, "ends within a frame"},
        Attack{"headers_length_2_62", "01 ff ff ff ff ff ff ff ff", H3Code::excessive_load,
               "claims 4611686018427387903"},
        Attack{"headers_too_long", "01 80 00 40 01" + zeros(16385), H3Code::excessive_load,
               "encoded headers exceed 16384"},
        Attack{"headers_bomb",
               "01 43 e8 00 00" +
                   [] {
                     std::string lines;
                     for (int i = 0; i < 998; ++i) lines += "c1";
                     return lines;
                   }(),
               H3Code::excessive_load, "decoded headers exceed 16384"},
        Attack{"only_unknown_frames", "21 01 00 3f 00", H3Code::request_incomplete,
               "ends before its headers"}),
    name_of);

TEST_F(RawPeerTest, ARequestThatIsResetEndsTheConnection) {
  start_server();
  send_settings();
  peer->connect = peer->bidi("01 05 00");
  settle();
  peer->connect.send->reset(1);
  settle();
  EXPECT_TRUE(peer->closed_with(H3Code::no_error));
  EXPECT_EQ(our_error(Role::server).code, Code::transport);
}

// --- The answer ---------------------------------------------------------------------------------

class HostileResponse : public RawPeerTest, public testing::WithParamInterface<Attack> {};

TEST_P(HostileResponse, EndsTheConnection) {
  start_client();
  send_settings();
  settle();
  take_connect();
  peer->connect.send->write(hex(GetParam().bytes));
  peer->connect.send->finish();
  settle();
  EXPECT_TRUE(peer->closed_with(GetParam().code)) << std::hex << peer->closed_with();
  EXPECT_EQ(our_error(Role::client).code, Code::protocol_violation);
  EXPECT_TRUE(logged(GetParam().logged));
}

INSTANTIATE_TEST_SUITE_P(
    Attacks, HostileResponse,
    testing::Values(
        Attack{"data_first", "00 00", H3Code::frame_unexpected, "DATA before HEADERS"},
        Attack{"no_status", "01 02 00 00", H3Code::message_error, "a bad or missing :status"},
        Attack{"path", "01 03 00 00 c1", H3Code::message_error, "unknown pseudo header"},
        Attack{"protocol_cut", "01 13 00 00 d9 27 04 77 74 2d 70 72 6f 74 6f 63 6f 6c 01 61",
               H3Code::frame_error, "ends within a frame"},
        Attack{"protocol_token", "01 12 00 00 d9 27 04 77 74 2d 70 72 6f 74 6f 63 6f 6c 01 61",
               H3Code::message_error, "wt-protocol is not a string"},
        Attack{"lies", "01 03 00 00 80", H3Code::qpack_decompression_failed, "headers:"},
        Attack{"nothing", "", H3Code::request_incomplete, "ends before its headers"}),
    name_of);

// --- The CONNECT stream within a session --------------------------------------------------------

class HostileCapsule : public RawPeerTest, public testing::WithParamInterface<Attack> {};

TEST_P(HostileCapsule, EndsTheConnection) {
  for (const Role role : {Role::client, Role::server}) {
    establish(role);
    peer->connect.send->write(hex(GetParam().bytes));
    peer->connect.send->finish();
    settle();
    EXPECT_TRUE(peer->closed_with(GetParam().code)) << std::hex << peer->closed_with();
    EXPECT_EQ(our_error(role).code, Code::protocol_violation);
    EXPECT_EQ(our_error(role).wire, std::nullopt);
    EXPECT_TRUE(logged(GetParam().logged));
    session.reset();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Attacks, HostileCapsule,
    testing::Values(
        Attack{"second_headers", "01 03 00 00 d9", H3Code::frame_unexpected, "within a session"},
        Attack{"settings", "04 00", H3Code::frame_unexpected, "on a request stream"},
        Attack{"frame_too_large", "00 80 01 00 01", H3Code::excessive_load, "frame 0x0 claims"},
        Attack{"capsule_too_large", "00 07 68 43 80 01 00 01 00", H3Code::excessive_load,
               "capsule 0x2843 claims 65537"},
        Attack{"capsule_2_62", "00 09 17 ff ff ff ff ff ff ff ff", H3Code::excessive_load,
               "capsule 0x17 claims"},
        Attack{"close_without_code", "00 05 68 43 02 00 00", H3Code::message_error,
               "without a whole code"},
        Attack{"frame_cut", "00 07 68 43", H3Code::frame_error, "ends within a frame"},
        Attack{"capsule_cut", "00 03 68 43 04", H3Code::message_error, "ends within a capsule"}),
    name_of);

TEST_F(RawPeerTest, ACloseCutAtEveryByteEndsTheSessionCleanlyOrAsAnError) {
  const auto close = from_hex("00 0e 68 43 0b 00 00 00 02 64 72 6f 70 70 65 64");
  for (const bool reset : {false, true}) {
    for (std::size_t cut = 0; cut < close.size(); ++cut) {
      establish(Role::server);
      peer->connect.send->write(Bytes::copy(ByteSpan(close).first(cut)));
      settle();
      if (reset) {
        peer->connect.send->reset(1);
      } else {
        peer->connect.send->finish();
      }
      settle();
      const Error error = our_error(Role::server);
      EXPECT_EQ(error.code, reset      ? Code::transport
                            : cut == 0 ? Code::closed
                                       : Code::protocol_violation)
          << cut;
      EXPECT_TRUE(peer->closed());
      session.reset();
    }
  }
}

TEST_F(RawPeerTest, OpeningAndResettingInARowLeavesTheSessionWhole) {
  establish(Role::server);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    auto stream = peer->uni(i % 3 == 0 ? "40 54 00" : i % 3 == 1 ? "40" : "21");
    if (i % 2 == 0) settle(1ms);
    stream->reset(i);
    while (auto accepted = session->poll_accept_uni(Waiter::none())) ASSERT_TRUE(*accepted);
  }
  settle();
  const auto last = peer->uni("40 54 00 6f 6b");
  settle();
  std::string text;
  while (auto accepted = session->poll_accept_uni(Waiter::none())) {
    text = read_now(***accepted).text();
  }
  EXPECT_EQ(text, "ok");
}

}  // namespace
}  // namespace moq::transport::webtransport

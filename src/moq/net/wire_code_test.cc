#include "moq/net/wire_code.h"

#include <gtest/gtest.h>

#include <utility>

namespace moq::net {
namespace {

constexpr std::uint64_t kMaxUint32 = 0xffffffff;
using Row = std::pair<std::uint32_t, Code>;

/// moq-lite.md §10.2.
constexpr Row kStreamTable[] = {
    {0x0, Code::internal},
    {0x1, Code::cancelled},
    {0x2, Code::timeout},
    {0x3, Code::closed},
    {0x4, Code::going_away},
    {0x5, Code::too_far_behind},
    {0x12, Code::malformed_track},
    {0x31, Code::control_timeout},
    {0x32, Code::group_too_large},
    {0x33, Code::not_found},
    {0x34, Code::old},
    {0x35, Code::evicted},
    {0x36, Code::unroutable},
    {0x37, Code::wrong_size},
    {0x38, Code::frame_too_large},
    {0x39, Code::timestamp_mismatch},
};
/// moq-lite.md §10.1. 0x10 is only ever received, or sent by its name.
constexpr Row kSessionTable[] = {
    {0x0, Code::closed},
    {0x1, Code::internal},
    {0x2, Code::unauthorized},
    {0x3, Code::protocol_violation},
    {0x6, Code::key_value_formatting},
    {0x11, Code::control_timeout},
    {0x15, Code::version},
};

TEST(WireCode, StreamCodesGoBothWays) {
  for (const auto& [code, cause] : kStreamTable) {
    EXPECT_EQ(to_code(Error(cause), Scope::stream), code);
    EXPECT_EQ(from_code(code, Scope::stream).code, cause) << code;
    EXPECT_EQ(from_code(code, Scope::stream).wire, code);
  }
}

TEST(WireCode, SessionCodesGoBothWays) {
  for (const auto& [code, cause] : kSessionTable) {
    EXPECT_EQ(to_code(Error(cause), Scope::session), code);
    EXPECT_EQ(from_code(code, Scope::session).code, cause) << code;
  }
  EXPECT_EQ(from_code(0x10, Scope::session).code, Code::going_away);
  EXPECT_EQ(goaway_timeout("late").code, Code::going_away);
  EXPECT_EQ(to_code(goaway_timeout("late"), Scope::session), 0x10U);
  EXPECT_EQ(to_code(goaway_timeout("late"), Scope::stream), 0x4U);
}

TEST(WireCode, CausesWithoutACodeOfTheirOwn) {
  EXPECT_EQ(to_code(Error(Code::decode), Scope::stream), 0x12U);
  EXPECT_EQ(to_code(Error(Code::duplicate), Scope::stream), 0x0U);
  EXPECT_EQ(to_code(Error(Code::unauthorized), Scope::stream), 0x3U);
  EXPECT_EQ(to_code(Error(Code::protocol_violation), Scope::stream), 0x3U);
  EXPECT_EQ(to_code(Error(Code::decode), Scope::session), 0x3U);
  EXPECT_EQ(to_code(Error(Code::cancelled), Scope::session), 0x0U);
  EXPECT_EQ(to_code(Error(Code::going_away), Scope::session), 0x0U);
  EXPECT_EQ(to_code(Error(Code::transport), Scope::session), 0x1U);
}

TEST(WireCode, NoCauseIsSentAsAReservedOrUndefinedCode) {
  for (int i = 0; i <= std::to_underlying(Code::application); ++i) {
    const auto cause = static_cast<Code>(i);
    EXPECT_NE(from_code(to_code(Error(cause), Scope::stream), Scope::stream).code,
              Code::application)
        << to_string(cause);
    EXPECT_NE(from_code(to_code(Error(cause), Scope::session), Scope::session).code,
              Code::application)
        << to_string(cause);
  }
}

TEST(WireCode, ApplicationCodesPassThrough) {
  const Error refused = application_error(404, "no");
  for (const Scope scope : {Scope::session, Scope::stream}) {
    EXPECT_EQ(to_code(refused, scope), 468U);
    EXPECT_EQ(application_code(from_code(468, scope)), 404U);
    EXPECT_EQ(application_code(from_code(64, scope)), 0U);
    // Undefined ones below are nobody's, and are not sent on.
    EXPECT_EQ(from_code(0x20, scope).code, Code::application);
    EXPECT_EQ(application_code(from_code(0x20, scope)), std::nullopt);
    EXPECT_LE(to_code(from_code(0x20, scope), scope), 1U);
    EXPECT_EQ(to_code(from_code(kMaxUint32 + 1, scope), scope), kMaxUint32);
  }
}

TEST(WireCode, ReadsWhatTheTransportReports) {
  const Error reset = from_transport(Error(Code::application, "reset", 0x34), Scope::stream);
  EXPECT_EQ(reset.code, Code::old);
  EXPECT_EQ(reset.text, "reset");
  EXPECT_EQ(from_transport(Error(Code::closed, "bye", 2), Scope::session).code, Code::unauthorized);
  EXPECT_EQ(from_transport(Error(Code::timeout, "idle"), Scope::session).code, Code::timeout);
  EXPECT_EQ(from_transport(Error(Code::closed), Scope::stream).code, Code::closed);
}

}  // namespace
}  // namespace moq::net

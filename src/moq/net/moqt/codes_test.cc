#include "moq/net/moqt/codes.h"

#include <gtest/gtest.h>

#include <utility>

#include "moq/net/moqt/test_support.h"
#include "moq/net/wire_code.h"
#include "moq/transport/code_mapping.h"

namespace moq::net::moqt {
namespace {

TEST(RequestCode, NumbersOfDraft14DependOnTheRequest) {
  struct Case {
    std::uint64_t wire;
    RequestKind kind;
    RequestCode code;
  };
  for (const Case& c : {Case{0, RequestKind::publish, RequestCode::internal},
                        Case{3, RequestKind::fetch, RequestCode::not_supported},
                        Case{4, RequestKind::subscribe, RequestCode::does_not_exist},
                        Case{4, RequestKind::track_status, RequestCode::does_not_exist},
                        Case{4, RequestKind::fetch, RequestCode::does_not_exist},
                        Case{4, RequestKind::publish, RequestCode::uninterested},
                        Case{4, RequestKind::publish_namespace, RequestCode::uninterested},
                        Case{4, RequestKind::subscribe_namespace, RequestCode::does_not_exist},
                        Case{5, RequestKind::subscribe, RequestCode::invalid_range},
                        Case{5, RequestKind::subscribe_namespace, RequestCode::prefix_overlap},
                        Case{7, RequestKind::fetch, RequestCode::invalid_joining_request},
                        Case{9, RequestKind::fetch, RequestCode::malformed_track},
                        Case{0x10, RequestKind::subscribe, RequestCode::malformed_token},
                        Case{0x12, RequestKind::subscribe, RequestCode::expired_token}}) {
    EXPECT_EQ(request_code_from_wire(c.wire, c.kind, Draft::d14), c.code) << c.wire;
    EXPECT_EQ(request_code_to_wire(c.code, c.kind, Draft::d14), c.wire) << c.wire;
  }
  EXPECT_EQ(request_code_from_wire(6, RequestKind::fetch, Draft::d14), RequestCode::does_not_exist);
  EXPECT_EQ(request_code_from_wire(6, RequestKind::publish, Draft::d14), RequestCode::internal);
  EXPECT_EQ(request_code_from_wire(70, RequestKind::publish, Draft::d14), RequestCode{70});
  // What the table of a request lacks.
  EXPECT_EQ(request_code_to_wire(RequestCode::going_away, RequestKind::publish, Draft::d14), 0U);
  EXPECT_EQ(request_code_to_wire(RequestCode::redirect, RequestKind::fetch, Draft::d14), 3U);
  EXPECT_EQ(request_code_to_wire(RequestCode::malformed_track, RequestKind::subscribe, Draft::d14),
            4U);
  EXPECT_EQ(request_code_to_wire(RequestCode::malformed_track, RequestKind::publish, Draft::d14),
            0U);
  EXPECT_EQ(request_code_to_wire(RequestCode{70}, RequestKind::fetch, Draft::d14), 70U);
}

TEST(RequestCode, LaterDraftsHaveTheNumbersThatTheyHave) {
  const auto wire = [](RequestCode code, int draft) {
    return request_code_to_wire(code, RequestKind::subscribe, static_cast<Draft>(draft));
  };
  EXPECT_EQ(wire(RequestCode::does_not_exist, 15), 0x10U);
  EXPECT_EQ(wire(RequestCode::going_away, 16), 0U);
  EXPECT_EQ(wire(RequestCode::going_away, 17), 6U);
  EXPECT_EQ(wire(RequestCode::excessive_load, 16), 0U);
  EXPECT_EQ(wire(RequestCode::excessive_load, 22), 9U);
  EXPECT_EQ(wire(RequestCode::duplicate_subscription, 18), 0x19U);
  EXPECT_EQ(wire(RequestCode::duplicate_subscription, 19), 0U);
  EXPECT_EQ(wire(RequestCode::redirect, 17), 3U);
  EXPECT_EQ(wire(RequestCode::redirect, 18), 0x34U);
  EXPECT_EQ(wire(RequestCode::invalid_joining_request, 20), 3U);
  EXPECT_EQ(wire(RequestCode::invalid_filter, 18), 3U);
  EXPECT_EQ(wire(RequestCode::invalid_filter, 19), 0x36U);
  EXPECT_EQ(wire(RequestCode{100}, 18), 100U);
}

TEST(RequestCode, HasACauseAndBack) {
  for (const Code code :
       {Code::unauthorized, Code::timeout, Code::unsupported, Code::going_away, Code::too_many,
        Code::not_found, Code::malformed_track, Code::duplicate, Code::rejected, Code::internal}) {
    const RequestCode request = to_request_code(Error(code));
    const Error back = from_request_code(request, "why");
    EXPECT_EQ(back.code, code);
    EXPECT_EQ(back.text, "why");
    EXPECT_EQ(back.wire, std::to_underlying(request));
  }
  // The application's own.
  EXPECT_EQ(to_request_code(application_error(3)), RequestCode{67});
  EXPECT_EQ(application_code(from_request_code(RequestCode{67}, "")), 3U);
}

TEST(DoneCode, TwoNumbersChangedPlaces) {
  for (const Draft draft : kDrafts) {
    const bool old = draft <= Draft::d17;
    EXPECT_EQ(done_code_to_wire(DoneCode::too_far_behind, draft), old ? 6U : 5U);
    EXPECT_EQ(done_code_to_wire(DoneCode::expired, draft), old ? 5U : 6U);
    EXPECT_EQ(done_code_from_wire(5, draft), old ? DoneCode::expired : DoneCode::too_far_behind);
    EXPECT_EQ(done_code_from_wire(6, draft), old ? DoneCode::too_far_behind : DoneCode::expired);
    EXPECT_EQ(done_code_to_wire(DoneCode::track_ended, draft), 2U);
    EXPECT_EQ(done_code_to_wire(DoneCode::malformed_track, draft),
              draft <= Draft::d15 ? 7U : 0x12U);
    EXPECT_EQ(done_code_to_wire(DoneCode::update_failed, draft), draft == Draft::d14 ? 0U : 8U);
    EXPECT_EQ(done_code_to_wire(DoneCode::excessive_load, draft),
              old && draft < Draft::d17 ? 0U : 9U);
    EXPECT_EQ(done_code_to_wire(DoneCode::subscription_ended, draft),
              draft <= Draft::d19 ? 3U : 2U);
  }
  EXPECT_EQ(done_code_from_wire(7, Draft::d15), DoneCode::malformed_track);
}

TEST(DoneCode, OnlyAnEndIsNoError) {
  EXPECT_EQ(from_done_code(DoneCode::track_ended, ""), std::nullopt);
  EXPECT_EQ(from_done_code(DoneCode::subscription_ended, ""), std::nullopt);
  EXPECT_EQ(from_done_code(DoneCode::internal, "why"), Error(Code::internal, "why", 0));
  EXPECT_EQ(from_done_code(DoneCode::too_far_behind, ""), Error(Code::too_far_behind, "", 5));
  EXPECT_EQ(from_done_code(DoneCode{99}, "")->code, Code::application);
  for (const Code code : {Code::unauthorized, Code::going_away, Code::too_far_behind, Code::timeout,
                          Code::too_many, Code::malformed_track, Code::internal}) {
    EXPECT_EQ(from_done_code(to_done_code(Error(code)), "")->code, code);
  }
}

TEST(CloseCode, GoesOutAsItWasMeant) {
  for (const CloseCode code :
       {CloseCode::no_error, CloseCode::internal, CloseCode::protocol_violation,
        CloseCode::invalid_request_id, CloseCode::duplicate_track_alias,
        CloseCode::key_value_formatting, CloseCode::too_many_requests, CloseCode::invalid_path,
        CloseCode::goaway_timeout, CloseCode::data_stream_timeout, CloseCode::token_cache_overflow,
        CloseCode::expired_token}) {
    EXPECT_EQ(to_close_code(close_error(code, "why"), Draft::d18), std::to_underlying(code));
    const Error heard = from_close_code(std::to_underlying(code), "why");
    EXPECT_EQ(heard, close_error(code, "why"));
  }
}

TEST(CloseCode, OfOtherErrorsIsTheirCause) {
  EXPECT_EQ(to_close_code(Error(Code::decode), Draft::d18), 3U);
  EXPECT_EQ(to_close_code(Error(Code::internal), Draft::d18), 1U);
  EXPECT_EQ(to_close_code(Error(Code::closed), Draft::d18), 0U);
  EXPECT_EQ(to_close_code(application_error(3), Draft::d18), 67U);
  // The code of a stream is not one of a session.
  EXPECT_EQ(to_close_code(from_reset_code(5, Draft::d18), Draft::d18), 1U);
  EXPECT_EQ(to_close_code(Error(Code::version), Draft::d19), 0x15U);
  EXPECT_EQ(to_close_code(Error(Code::version), Draft::d20), 3U);
  EXPECT_EQ(to_close_code(close_error(CloseCode::too_many_updates, ""), Draft::d18), 3U);
  EXPECT_EQ(to_close_code(close_error(CloseCode::too_many_updates, ""), Draft::d19), 0x1bU);
}

TEST(ResetCode, EachDraftHasItsNumbers) {
  const auto code = [](Code cause, int draft) {
    return to_reset_code(Error(cause), static_cast<Draft>(draft));
  };
  EXPECT_EQ(code(Code::cancelled, 14), 1U);
  EXPECT_EQ(code(Code::timeout, 14), 2U);
  EXPECT_EQ(code(Code::going_away, 17), 1U);
  EXPECT_EQ(code(Code::going_away, 18), 4U);
  EXPECT_EQ(code(Code::too_far_behind, 16), 2U);
  EXPECT_EQ(code(Code::too_far_behind, 17), 5U);
  EXPECT_EQ(code(Code::malformed_track, 15), 0U);
  EXPECT_EQ(code(Code::malformed_track, 16), 0x12U);
  EXPECT_EQ(code(Code::too_many, 16), 0U);
  EXPECT_EQ(code(Code::too_many, 17), 9U);
  EXPECT_EQ(to_reset_code(application_error(3), Draft::d18), 67U);
}

TEST(ResetCode, IsReadMappedOrNot) {
  for (const Draft draft : kDrafts) {
    EXPECT_EQ(from_reset_code(1, draft).code, Code::cancelled);
    EXPECT_EQ(from_reset_code(1, draft).wire, 1U);
    EXPECT_EQ(from_reset_code(0x52e4a40fa8dc, draft), from_reset_code(1, draft));
    EXPECT_EQ(from_reset_code(transport::to_wire_code(0x12), draft).code, Code::malformed_track);
    EXPECT_EQ(from_reset_code(UINT64_MAX, draft).code, Code::application);
  }
  EXPECT_EQ(from_reset_code(4, Draft::d17).code, Code::not_found);
  EXPECT_EQ(from_reset_code(4, Draft::d18).code, Code::going_away);
}

TEST(ResetCode, OnlyACodeOfThePeerIsRead) {
  const Error reset(Code::application, "reset", 1);
  EXPECT_EQ(from_stream_error(reset, Draft::d18).code, Code::cancelled);
  const Error lost(Code::timeout, "idle");
  EXPECT_EQ(from_stream_error(lost, Draft::d18), lost);
}

}  // namespace
}  // namespace moq::net::moqt

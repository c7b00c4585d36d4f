// Every function that takes a handle, with handles that are none: one line a function.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#define MOQ_NO_DEPRECATED
#include "moq/base/testing_paths.h"
#include "moq/capi/codec_rows_test_support.h"
#include "moq/capi/live_handles_test_support.h"
#include "moq/capi/media_rows_test_support.h"
#include "moq/capi/task_kinds_test_support.h"

namespace moq::capi {
namespace {

constexpr moq_video_config kVideo{.name = "v",
                                  .name_len = 1,
                                  .codec = "vp8",
                                  .codec_len = 3,
                                  .description = nullptr,
                                  .description_len = 0,
                                  .coded_width = nullptr,
                                  .coded_height = nullptr,
                                  .container = {}};
constexpr moq_audio_config kAudio{.name = "a",
                                  .name_len = 1,
                                  .codec = "opus",
                                  .codec_len = 4,
                                  .description = nullptr,
                                  .description_len = 0,
                                  .sample_rate = 48'000,
                                  .channel_count = 2,
                                  .container = {}};
constexpr moq_video_properties kProperties{};
constexpr moq_json_snapshot_config kSnapshot{};
constexpr moq_json_stream_config kStream{};
constexpr moq_binary_config kBinary{};
constexpr std::string_view kUrl = "moqt://127.0.0.1:1/";

/// Places for results; nothing may be written there.
std::uint64_t out64 = 1;
std::uint32_t out32 = 1;
bool out_bool = true;
moq_announced out_announced{};
moq_video_config out_video{};
moq_audio_config out_audio{};
moq_video_properties out_properties{};
moq_section out_section{};
moq_string out_text{};
moq_frame out_frame{};
moq_datagram out_datagram{};
moq_json_value out_json{};

/// `h` stands for a handle of the family; all else is good.
const std::vector<CallRow> kRows = {
    MOQ_CALL_ROW(client, moq_client_close(h)),
    MOQ_CALL_ROW(client, moq_client_set_versions(h, nullptr, 0)),
    MOQ_CALL_ROW(client, moq_client_set_backend(h, nullptr, 0)),
    MOQ_CALL_ROW(client, moq_client_set_bind(h, "[::]:0", 6)),
    MOQ_CALL_ROW(client, moq_client_set_connect_timeout(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_failover_delay(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_resolution_delay(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_websocket_delay(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_websocket_enabled(h, true)),
    MOQ_CALL_ROW(client, moq_client_set_tls_disable_verify(h, true)),
    MOQ_CALL_ROW(client, moq_client_set_tls_system_roots(h, true)),
    MOQ_CALL_ROW(client, moq_client_set_tls_roots(h, nullptr, 0)),
    MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, nullptr, 0)),
    MOQ_CALL_ROW(client, moq_client_set_tls_host_name(h, "a", 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_cert(h, "a", 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_key(h, "a", 1)),
    MOQ_CALL_ROW(client, moq_client_set_backoff_initial(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_backoff_multiplier(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_backoff_max(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_backoff_timeout(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_quic_max_streams(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_quic_idle_timeout(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_quic_keep_alive(h, 1)),
    MOQ_CALL_ROW(client, moq_client_set_quic_gso(h, true)),
    MOQ_CALL_ROW(client, moq_client_set_quic_mtu_discovery(h, true)),
    MOQ_CALL_ROW(client, moq_client_set_quic_congestion_control(h, "loss", 4)),
    MOQ_CALL_ROW(client, moq_client_set_quic_qlog(h, nullptr, 0)),
    MOQ_CALL_ROW(client, moq_client_get_connect_timeout(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_failover_delay(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_resolution_delay(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_backoff_initial(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_backoff_multiplier(h, &out32)),
    MOQ_CALL_ROW(client, moq_client_get_backoff_max(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_backoff_timeout(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_quic_max_streams(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_quic_idle_timeout(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_quic_keep_alive(h, &out64)),
    MOQ_CALL_ROW(client, moq_client_get_websocket_enabled(h, &out_bool)),
    MOQ_CALL_ROW(client, moq_client_get_websocket_delay(h, &out64)),

    MOQ_CALL_ROW(session, moq_session_close(h)),

    MOQ_CALL_ROW(origin, moq_origin_close(h)),
    MOQ_CALL_ROW(origin, moq_origin_publish(h, "p", 1)),
    MOQ_CALL_ROW(origin, moq_origin_create_broadcast(h, "p", 1)),
    MOQ_CALL_ROW(origin, moq_origin_announced(h, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume_announced(h, "p", 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_announced_broadcast(h, "p", 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_request(h, "p", 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume(h, "p", 1)),
    MOQ_CALL_ROW(announcement, moq_origin_announced_info(h, &out_announced)),
    MOQ_CALL_ROW(announcement, moq_origin_announced_free(h)),
    MOQ_CALL_ROW(listener, moq_origin_announced_close(h)),
    MOQ_CALL_ROW(listener, moq_origin_announced_cancel(h)),
    MOQ_CALL_ROW(wait, moq_origin_consume_announced_close(h)),
    MOQ_CALL_ROW(wait, moq_origin_announced_broadcast_cancel(h)),
    MOQ_CALL_ROW(wait, moq_origin_request_close(h)),
    MOQ_CALL_ROW(wait, moq_origin_request_cancel(h)),

    MOQ_CALL_ROW(broadcast, moq_publish_set_announce(h, true)),
    MOQ_CALL_ROW(broadcast, moq_publish_announce(h, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_unannounce(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_finish(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_close(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_properties(h, &kProperties)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideo)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudio)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_remove(h, "v", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_remove(h, "a", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", 1, "1", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section_remove(h, "s", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_track(h, "t", 1, nullptr)),

    MOQ_CALL_ROW(track, moq_publish_track_group(h)),
    MOQ_CALL_ROW(track, moq_publish_track_group_at(h, 100)),
    MOQ_CALL_ROW(track, moq_publish_track_frame(h, bytes("x"), 1, 0)),
    MOQ_CALL_ROW(track, moq_publish_track_datagram(h, bytes("x"), 1, 0, &out64)),
    MOQ_CALL_ROW(track, moq_publish_track_finish(h)),
    MOQ_CALL_ROW(track, moq_publish_track_close(h)),
    MOQ_CALL_ROW(track, moq_publish_track_finish_at(h, 100)),
    MOQ_CALL_ROW(track, moq_publish_track_abort(h, 1)),
    MOQ_CALL_ROW(group, moq_publish_group_frame(h, bytes("x"), 1, 0)),
    MOQ_CALL_ROW(group, moq_publish_group_finish(h)),
    MOQ_CALL_ROW(group, moq_publish_group_close(h)),
    MOQ_CALL_ROW(group, moq_publish_group_abort(h, 1)),

    MOQ_CALL_ROW(consumer, moq_consume_close(h)),
    MOQ_CALL_ROW(consumer, moq_consume_catalog(h, never, nullptr)),
    MOQ_CALL_ROW(catalog_task, moq_consume_catalog_close(h)),
    MOQ_CALL_ROW(catalog_task, moq_consume_catalog_cancel(h)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_free(h)),
    MOQ_CALL_ROW(catalog, moq_consume_video_config(h, 0, &out_video)),
    MOQ_CALL_ROW(catalog, moq_consume_video_stalled(h, 0, &out_bool)),
    MOQ_CALL_ROW(catalog, moq_consume_video_properties(h, &out_properties)),
    MOQ_CALL_ROW(catalog, moq_consume_audio_config(h, 0, &out_audio)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section_count(h)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section_at(h, 0, &out_section)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section(h, "s", 1, &out_text)),
    MOQ_CALL_ROW(catalog, moq_consume_video(h, 0, 0, never, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_video_ordered(h, 0, 0, never, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_audio(h, 0, 0, never, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_audio_ordered(h, 0, 0, never, nullptr)),
    MOQ_CALL_ROW(media_task, moq_consume_video_close(h)),
    MOQ_CALL_ROW(media_task, moq_consume_video_cancel(h)),
    MOQ_CALL_ROW(media_task, moq_consume_audio_close(h)),
    MOQ_CALL_ROW(media_task, moq_consume_audio_cancel(h)),
    MOQ_CALL_ROW(media_frame, moq_consume_frame(h, &out_frame)),
    MOQ_CALL_ROW(media_frame, moq_consume_frame_free(h)),
    MOQ_CALL_ROW(media_frame, moq_consume_frame_close(h)),
    MOQ_CALL_ROW(consumer, moq_consume_track(h, "t", 1, nullptr, never, nullptr)),
    MOQ_CALL_ROW(track_task, moq_consume_track_update(h, nullptr)),
    MOQ_CALL_ROW(raw_frame, moq_consume_track_frame(h, &out_frame)),
    MOQ_CALL_ROW(raw_frame, moq_consume_track_frame_free(h)),
    MOQ_CALL_ROW(raw_frame, moq_consume_track_frame_close(h)),
    MOQ_CALL_ROW(track_task, moq_consume_track_close(h)),
    MOQ_CALL_ROW(track_task, moq_consume_track_cancel(h)),
    MOQ_CALL_ROW(consumer, moq_consume_datagrams(h, "t", 1, never, nullptr)),
    MOQ_CALL_ROW(datagram, moq_consume_datagram(h, &out_datagram)),
    MOQ_CALL_ROW(datagram, moq_consume_datagram_free(h)),
    MOQ_CALL_ROW(datagram_task, moq_consume_datagrams_close(h)),
    MOQ_CALL_ROW(datagram_task, moq_consume_datagrams_cancel(h)),

    MOQ_CALL_ROW(broadcast, moq_publish_json_snapshot(h, "j", 1, &kSnapshot)),
    MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_update(h, "2", 1)),
    MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_finish(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_stream(h, "j", 1, &kStream)),
    MOQ_CALL_ROW(json_stream, moq_publish_json_stream_append(h, "2", 1)),
    MOQ_CALL_ROW(json_stream, moq_publish_json_stream_finish(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, "b", 1, &kBinary)),
    MOQ_CALL_ROW(binary_snapshot, moq_publish_binary_snapshot_update(h, bytes("x"), 1)),
    MOQ_CALL_ROW(binary_snapshot, moq_publish_binary_snapshot_finish(h)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_stream(h, "b", 1, &kBinary)),
    MOQ_CALL_ROW(binary_stream, moq_publish_binary_stream_append(h, bytes("x"), 1)),
    MOQ_CALL_ROW(binary_stream, moq_publish_binary_stream_finish(h)),
    MOQ_CALL_ROW(consumer, moq_consume_json_snapshot(h, "j", 1, &kSnapshot, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_stream(h, "j", 1, &kStream, never, nullptr)),
    MOQ_CALL_ROW(json_value, moq_consume_json_value(h, &out_json)),
    MOQ_CALL_ROW(json_value, moq_consume_json_value_free(h)),
    MOQ_CALL_ROW(json_task, moq_consume_json_close(h)),
    MOQ_CALL_ROW(json_task, moq_consume_json_cancel(h)),
};

/// Where 0 stands for none: the same but for that.
const std::vector<CallRow> kOptionalRows = {
    MOQ_CALL_ROW(client, moq_client_connect(kUrl.data(), kUrl.size(), h, 0, 0, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_client_connect(kUrl.data(), kUrl.size(), 0, h, 0, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_client_connect(kUrl.data(), kUrl.size(), 0, 0, h, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_session_connect(kUrl.data(), kUrl.size(), h, 0, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_session_connect(kUrl.data(), kUrl.size(), 0, h, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_session_request_accept(kUnknown, h, 0, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_session_request_accept(kUnknown, 0, h, never, nullptr)),
};

std::vector<CallRow> all_rows() {
  std::vector<CallRow> out = kRows;
  out.insert(out.end(), media_rows().begin(), media_rows().end());
  out.insert(out.end(), codec_rows().begin(), codec_rows().end());
  out.insert(out.end(), kOptionalRows.begin(), kOptionalRows.end());
  return out;
}

TEST(Handles, ZeroAndErrorCodesAreNoHandles) {
  for (const CallRow& row : kRows) EXPECT_EQ(row.call(0), MOQ_ERROR_INVALID_ID) << row.text;
  for (const CallRow& row : all_rows()) {
    for (const std::uint32_t bad : {0x8000'0000U, 0xffff'fffaU, 0xffff'ffffU}) {
      EXPECT_EQ(row.call(bad), MOQ_ERROR_INVALID_ID) << row.text << " with " << bad;
    }
  }
}

TEST(Handles, AreUnknownBeforeTheyAreGivenAndAfterTheyWereReleased) {
  const std::uint32_t released = made(moq_origin_create());
  EXPECT_EQ(moq_origin_close(released), 0);
  for (const CallRow& row : all_rows()) {
    for (const std::uint32_t handle : {released, kUnknown, 0x7fff'ffffU}) {
      EXPECT_EQ(row.call(handle), unknown_code(row.family)) << row.text;
      EXPECT_NE(moq_error(), nullptr);
    }
  }
}

TEST(Handles, OfAnotherFamilyAreUnknownAndStayUnharmed) {
  const LiveHandles live;
  for (const CallRow& row : all_rows()) {
    for (const auto& [family, handle] : live.all()) {
      if (family == row.family) continue;
      EXPECT_EQ(row.call(handle), unknown_code(row.family))
          << row.text << " with a handle of family " << int(family);
    }
  }
}

TEST(Handles, LeaveTheirOutputsAloneWhenTheyAreUnknown) {
  out64 = 0x5a5a'5a5a'5a5a'5a5a;
  out32 = 0x5a5a'5a5a;
  out_bool = true;
  for (const CallRow& row : all_rows()) row.call(kUnknown);
  EXPECT_EQ(out64, 0x5a5a'5a5a'5a5a'5a5aU);
  EXPECT_EQ(out32, 0x5a5a'5a5aU);
  EXPECT_TRUE(out_bool);
  EXPECT_EQ(out_announced.path, nullptr);
  EXPECT_EQ(out_video.name, nullptr);
  EXPECT_EQ(out_audio.name, nullptr);
  EXPECT_EQ(out_section.name, nullptr);
  EXPECT_EQ(out_text.data, nullptr);
  EXPECT_EQ(out_frame.payload, nullptr);
  EXPECT_EQ(out_datagram.payload, nullptr);
  EXPECT_EQ(out_json.json, nullptr);
}

TEST(Handles, ASecondReleaseFails) {
  for (int round = 0; round < 2; ++round) {
    std::map<Family, std::uint32_t> old;
    {
      const LiveHandles live;
      old = live.all();
    }
    for (const auto& [family, handle] : old) {
      EXPECT_EQ(LiveHandles::release(family, handle), unknown_code(family)) << int(family);
    }
  }
}

/// Makes, uses and ends something of each kind; waits for nothing.
void use_the_library() {
  const std::uint32_t origin = made(moq_origin_create());
  const std::uint32_t broadcast = made(moq_origin_publish(origin, "inner", 5));
  const std::uint32_t track = made(moq_publish_track(broadcast, "t", 1, nullptr));
  const std::uint32_t group = made(moq_publish_track_group(track));
  const std::uint32_t consumer = made(moq_origin_consume(origin, "inner", 5));
  const std::uint32_t reader = made(moq_consume_track(consumer, "t", 1, nullptr, nullptr, nullptr));
  const std::uint32_t listener = made(moq_origin_announced(origin, nullptr, nullptr));
  const std::uint32_t session =
      made(moq_session_connect(kUrl.data(), kUrl.size(), origin, 0, nullptr, nullptr));
  EXPECT_EQ(moq_publish_video_config(broadcast, &kVideo), 0);
  EXPECT_EQ(moq_publish_group_frame(group, bytes("x"), 1, 0), 0);
  EXPECT_EQ(moq_session_close(session), 0);
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(moq_consume_track_close(reader), 0);
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(moq_publish_group_finish(group), 0);
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(moq_publish_finish(broadcast), 0);
  EXPECT_EQ(moq_origin_close(origin), 0);
}

/// Calls everything whenever it is called, so takes each lock that there is.
struct CallsAll {
  const TaskKind* kind = nullptr;
  Recorder codes;

  static void callback(void* self, std::int32_t code) {
    auto* state = static_cast<CallsAll*>(self);
    for (const CallRow& row : all_rows()) EXPECT_LT(row.call(kUnknown), 0);
    use_the_library();
    if (code > 0) {
      EXPECT_EQ(state->kind->free(static_cast<std::uint32_t>(code)), 0);
    }
    Recorder::callback(&state->codes, code);
  }
};

TEST(Handles, EachFunctionMayBeCalledFromEachCallback) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    CallsAll state;
    state.kind = &kind;
    const std::uint32_t task = made(kind.start(room, CallsAll::callback, &state));
    kind.produce(room);
    EXPECT_GT(state.codes.next().value_or(0), 0);
    EXPECT_EQ(kind.close(task), 0);
    EXPECT_EQ(state.codes.terminal(), 0);
  }
  CallsAll state;
  const std::string odd = "odd://127.0.0.1/";
  made(moq_session_connect(odd.data(), odd.size(), 0, 0, CallsAll::callback, &state));
  EXPECT_EQ(state.codes.next(), MOQ_ERROR_CONNECT);
}

/// Functions that take no handle, and those whose families have their own tests.
const std::set<std::string> kElsewhere = {
    "moq_log_level",      "moq_error",         "moq_error_protocol", "moq_versions",
    "moq_server_listen",  "moq_backends",      "moq_client_create",  "moq_client_defaults",
    "moq_qlog_supported", "moq_origin_create", "moq_publish_create"};

TEST(Handles, EachFunctionOfTheHeaderHasItsLine) {
  std::ifstream in(test_source_dir() + "/src/moq/capi/moq.h");
  const std::string header{std::istreambuf_iterator<char>(in), {}};
  std::set<std::string> listed = kElsewhere;
  for (const CallRow& row : all_rows()) {
    const std::string_view text = row.text;
    listed.emplace(text.substr(0, text.find('(')));
  }
  std::set<std::string> declared;
  const std::regex declaration(R"((moq_\w+)\()");
  for (std::sregex_iterator at(header.begin(), header.end(), declaration), end; at != end; ++at) {
    declared.insert((*at)[1]);
  }
  EXPECT_GT(declared.size(), 200U);
  for (const std::string& name : declared) {
    EXPECT_TRUE(listed.contains(name)) << "no line for " << name;
  }
}

}  // namespace
}  // namespace moq::capi

#pragma once

#include <vector>

#include "moq/capi/live_handles_test_support.h"

namespace moq::capi {

inline moq_audio_init opus_init(const char* label = nullptr, std::uintptr_t label_len = 0) {
  moq_audio_init out{};
  out.format = MOQ_AUDIO_FORMAT_OPUS;
  out.init = bytes(kOpusHead);
  out.init_len = kOpusHead.size();
  out.label = label;
  out.label_len = label_len;
  return out;
}

inline const moq_audio_init kOpusInit = opus_init();
inline const moq_audio_init kOpusBadLabel = opus_init("\xff", 1);
inline constexpr moq_audio_init kOpusNullInit{
    .format = MOQ_AUDIO_FORMAT_OPUS, .init = nullptr, .init_len = 19};
inline constexpr moq_audio_init kOddAudio{.format = 4};
inline constexpr moq_video_init kVp8Init{.format = MOQ_VIDEO_FORMAT_VP8};
inline constexpr moq_video_init kOddVideo{.format = 7};
inline constexpr moq_video_init kVp8NullInit{
    .format = MOQ_VIDEO_FORMAT_VP8, .init = nullptr, .init_len = 1};
inline constexpr moq_container_init kFmp4Init{.format = MOQ_CONTAINER_FORMAT_FMP4};
inline constexpr moq_container_init kOddContainer{.format = 4};
inline constexpr moq_container_init kFmp4NullInit{
    .format = MOQ_CONTAINER_FORMAT_FMP4, .init = nullptr, .init_len = 1};

inline moq_string out_name{};
inline std::uint64_t out_count = 0;
inline std::uint8_t out_byte = 0;
inline bool out_flag = false;
inline moq_connection_stats out_stats{};
inline moq_connection_snapshot out_snapshot{};

/// The functions of media tracks, requests, servers and statistics, as in
/// handle_calls_loopback_test.cc.
inline const std::vector<CallRow>& media_rows() {
  static const std::vector<CallRow> kRows = {
      MOQ_CALL_ROW(broadcast, moq_publish_media(h, "vp8", 3, nullptr, 0)),
      MOQ_CALL_ROW(broadcast, moq_publish_media_ordered(h, "vp8", 3, nullptr, 0)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio(h, &kOpusInit)),
      MOQ_CALL_ROW(broadcast, moq_publish_video(h, &kVp8Init)),
      MOQ_CALL_ROW(media, moq_publish_media_frame(h, bytes("x"), 1, 0)),
      MOQ_CALL_ROW(media, moq_publish_media_finish(h)),
      MOQ_CALL_ROW(media, moq_publish_media_close(h)),
      MOQ_CALL_ROW(media, moq_publish_media_cut(h)),
      MOQ_CALL_ROW(media, moq_publish_media_seek(h, 100)),
      MOQ_CALL_ROW(media, moq_publish_media_flush(h, 1)),
      MOQ_CALL_ROW(media, moq_publish_media_discontinuity(h)),
      MOQ_CALL_ROW(media, moq_publish_media_demand(h, never, nullptr)),
      MOQ_CALL_ROW(track, moq_publish_track_demand(h, never, nullptr)),
      MOQ_CALL_ROW(demand_task, moq_publish_demand_cancel(h)),
      MOQ_CALL_ROW(broadcast, moq_publish_container(h, &kFmp4Init)),
      MOQ_CALL_ROW(container, moq_publish_container_write(h, bytes("x"), 1)),
      MOQ_CALL_ROW(container, moq_publish_container_cut(h)),
      MOQ_CALL_ROW(container, moq_publish_container_seek(h, 100)),
      MOQ_CALL_ROW(container, moq_publish_container_finish(h)),
      MOQ_CALL_ROW(broadcast, moq_publish_dynamic(h, never, nullptr)),
      MOQ_CALL_ROW(track, moq_publish_track_dynamic(h, never, nullptr)),
      MOQ_CALL_ROW(dynamic_task, moq_publish_dynamic_cancel(h)),
      MOQ_CALL_ROW(track_request, moq_track_request_name(h, &out_name)),
      MOQ_CALL_ROW(track_request, moq_track_request_dynamic(h, never, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_accept(h, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_audio(h, &kOpusInit)),
      MOQ_CALL_ROW(track_request, moq_track_request_video(h, &kVp8Init)),
      MOQ_CALL_ROW(track_request, moq_track_request_abort(h, 1)),
      MOQ_CALL_ROW(track_request, moq_track_request_free(h)),
      MOQ_CALL_ROW(group_request, moq_group_request_sequence(h, &out_count)),
      MOQ_CALL_ROW(group_request, moq_group_request_priority(h, &out_byte)),
      MOQ_CALL_ROW(group_request, moq_group_request_frame_start(h, &out_count)),
      MOQ_CALL_ROW(group_request, moq_group_request_accept(h)),
      MOQ_CALL_ROW(group_request, moq_group_request_abort(h, 1)),
      MOQ_CALL_ROW(group_request, moq_group_request_free(h)),
      MOQ_CALL_ROW(server, moq_server_addr(h, &out_name)),
      MOQ_CALL_ROW(server, moq_server_fingerprints(h, &out_name, 1)),
      MOQ_CALL_ROW(server, moq_server_close(h)),
      MOQ_CALL_ROW(session_request, moq_session_request_path(h, &out_name)),
      MOQ_CALL_ROW(session_request, moq_session_request_query(h, &out_name)),
      MOQ_CALL_ROW(session_request, moq_session_request_accept(h, 0, 0, never, nullptr)),
      MOQ_CALL_ROW(session_request, moq_session_request_reject(h, 401)),
      MOQ_CALL_ROW(session_request, moq_session_request_free(h)),
      MOQ_CALL_ROW(session, moq_session_stats(h, &out_stats)),
      MOQ_CALL_ROW(session, moq_session_snapshot(h, &out_snapshot)),
      MOQ_CALL_ROW(session, moq_session_bandwidth(h)),
      MOQ_CALL_ROW(bandwidth, moq_bandwidth_close(h)),
      MOQ_CALL_ROW(track, moq_bandwidth_reserve(kUnknown, h, 1)),
      MOQ_CALL_ROW(reservation, moq_reservation_grant(h, &out_count, &out_flag)),
      MOQ_CALL_ROW(reservation, moq_reservation_update(h, 1)),
      MOQ_CALL_ROW(reservation, moq_reservation_close(h)),
  };
  return kRows;
}

/// NULL in each pointer of theirs.
inline const std::vector<CallRow>& media_null_rows() {
  static const std::vector<CallRow> kRows = {
      MOQ_CALL_ROW(broadcast, moq_publish_media(h, nullptr, 1, nullptr, 0)),
      MOQ_CALL_ROW(broadcast, moq_publish_media(h, "vp8", 3, nullptr, 1)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio(h, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio(h, &kOpusNullInit)),
      MOQ_CALL_ROW(broadcast, moq_publish_video(h, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_video(h, &kVp8NullInit)),
      MOQ_CALL_ROW(media, moq_publish_media_frame(h, nullptr, 1, 0)),
      MOQ_CALL_ROW(media, moq_publish_media_demand(h, nullptr, nullptr)),
      MOQ_CALL_ROW(track, moq_publish_track_demand(h, nullptr, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_container(h, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_container(h, &kFmp4NullInit)),
      MOQ_CALL_ROW(container, moq_publish_container_write(h, nullptr, 1)),
      MOQ_CALL_ROW(broadcast, moq_publish_dynamic(h, nullptr, nullptr)),
      MOQ_CALL_ROW(track, moq_publish_track_dynamic(h, nullptr, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_name(h, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_dynamic(h, nullptr, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_audio(h, nullptr)),
      MOQ_CALL_ROW(track_request, moq_track_request_video(h, nullptr)),
      MOQ_CALL_ROW(group_request, moq_group_request_sequence(h, nullptr)),
      MOQ_CALL_ROW(group_request, moq_group_request_priority(h, nullptr)),
      MOQ_CALL_ROW(group_request, moq_group_request_frame_start(h, nullptr)),
      MOQ_CALL_ROW(server, moq_server_addr(h, nullptr)),
      MOQ_CALL_ROW(server, moq_server_fingerprints(h, nullptr, 1)),
      MOQ_CALL_ROW(session_request, moq_session_request_path(h, nullptr)),
      MOQ_CALL_ROW(session_request, moq_session_request_query(h, nullptr)),
      MOQ_CALL_ROW(session_request, moq_session_request_accept(h, 0, 0, nullptr, nullptr)),
      MOQ_CALL_ROW(session, moq_session_stats(h, nullptr)),
      MOQ_CALL_ROW(session, moq_session_snapshot(h, nullptr)),
      MOQ_CALL_ROW(reservation, moq_reservation_grant(h, nullptr, &out_flag)),
      MOQ_CALL_ROW(reservation, moq_reservation_grant(h, &out_count, nullptr)),
  };
  return kRows;
}

}  // namespace moq::capi

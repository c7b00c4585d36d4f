#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "moq/capi/calls_test_support.h"
#include "moq/capi/recorder_test_support.h"

namespace moq::capi {

/// Families of handles, contract section 1.
enum class Family : std::uint8_t {
  client,
  session,
  origin,
  listener,
  announcement,
  wait,
  broadcast,
  track,
  group,
  consumer,
  catalog_task,
  catalog,
  media_task,
  media_frame,
  track_task,
  raw_frame,
  datagram_task,
  datagram,
  json_snapshot,
  json_stream,
  json_task,
  json_value,
  binary_snapshot,
  binary_stream,
  media,
  demand_task,
  dynamic_task,
  track_request,
  server,
  bandwidth,
  reservation,
  // None of these is live: they need more than a call, or libmoq-av.
  container,
  group_request,
  session_request,
  audio_encoder,
  audio_decoder,
  pcm_frame,
  video_encoder,
  video_decoder,
  picture,
};

/// What a call says to a handle that is not of `family`.
inline std::int32_t unknown_code(Family family) {
  static const std::map<Family, std::int32_t> kCodes = {
      {Family::client, MOQ_ERROR_CLIENT_NOT_FOUND},
      {Family::session, MOQ_ERROR_SESSION_NOT_FOUND},
      {Family::origin, MOQ_ERROR_ORIGIN_NOT_FOUND},
      {Family::listener, MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND},
      {Family::announcement, MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND},
      {Family::wait, MOQ_ERROR_NOT_FOUND},
      {Family::broadcast, MOQ_ERROR_BROADCAST_NOT_FOUND},
      {Family::track, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::group, MOQ_ERROR_GROUP_NOT_FOUND},
      {Family::consumer, MOQ_ERROR_BROADCAST_NOT_FOUND},
      {Family::catalog_task, MOQ_ERROR_CATALOG_NOT_FOUND},
      {Family::catalog, MOQ_ERROR_CATALOG_NOT_FOUND},
      {Family::media_task, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::media_frame, MOQ_ERROR_FRAME_NOT_FOUND},
      {Family::track_task, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::raw_frame, MOQ_ERROR_FRAME_NOT_FOUND},
      {Family::datagram_task, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::datagram, MOQ_ERROR_FRAME_NOT_FOUND},
      {Family::json_snapshot, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::json_stream, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::json_task, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::json_value, MOQ_ERROR_FRAME_NOT_FOUND},
      {Family::binary_snapshot, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::binary_stream, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::media, MOQ_ERROR_MEDIA_NOT_FOUND},
      {Family::demand_task, MOQ_ERROR_NOT_FOUND},
      {Family::dynamic_task, MOQ_ERROR_NOT_FOUND},
      {Family::track_request, MOQ_ERROR_NOT_FOUND},
      {Family::server, MOQ_ERROR_NOT_FOUND},
      {Family::bandwidth, MOQ_ERROR_NOT_FOUND},
      {Family::reservation, MOQ_ERROR_NOT_FOUND},
      {Family::container, MOQ_ERROR_MEDIA_NOT_FOUND},
      {Family::group_request, MOQ_ERROR_NOT_FOUND},
      {Family::session_request, MOQ_ERROR_NOT_FOUND},
      {Family::audio_encoder, MOQ_ERROR_MEDIA_NOT_FOUND},
      {Family::audio_decoder, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::pcm_frame, MOQ_ERROR_FRAME_NOT_FOUND},
      {Family::video_encoder, MOQ_ERROR_MEDIA_NOT_FOUND},
      {Family::video_decoder, MOQ_ERROR_TRACK_NOT_FOUND},
      {Family::picture, MOQ_ERROR_FRAME_NOT_FOUND},
  };
  return kCodes.at(family);
}

/// A call with `h` in the place of a handle of `family`.
struct CallRow {
  const char* text;
  Family family;
  std::int32_t (*call)(std::uint32_t h);
};

#define MOQ_CALL_ROW(family, call)                                              \
  CallRow {                                                                     \
    #call, Family::family, [](std::uint32_t h) -> std::int32_t { return call; } \
  }

/// One live handle of each family that can have one, around the broadcast "room" of one origin.
class LiveHandles {
 public:
  LiveHandles() {
    make_publisher();
    make_consumers();
    make_media();
    make_datagram();
    make_data();
    make_requests();
    make_server();
    make_session();
  }
  LiveHandles(const LiveHandles&) = delete;
  LiveHandles& operator=(const LiveHandles&) = delete;
  ~LiveHandles() {
    // Who reads goes before who writes, whose end is that of the readers.
    for (const auto& [family, recorder] : recorders_) {
      EXPECT_EQ(release(family, handles_.at(family)), 0) << "family " << int(family);
    }
    for (const auto& [family, handle] : handles_) {
      if (recorders_.contains(family)) continue;
      EXPECT_EQ(release(family, handle), 0) << "family " << int(family);
    }
    EXPECT_EQ(moq_publish_track_finish(video_), 0);
    // The memory that the callbacks use is ours until their last one.
    for (const auto& [family, recorder] : recorders_) {
      EXPECT_EQ(recorder->terminal(), 0) << recorder->error();
      EXPECT_FALSE(recorder->told_too_much());
    }
  }

  /// Of a family that has none: one that is unknown.
  [[nodiscard]] std::uint32_t operator[](Family family) const {
    const auto found = handles_.find(family);
    return found == handles_.end() ? kUnknown : found->second;
  }
  [[nodiscard]] const std::map<Family, std::uint32_t>& all() const { return handles_; }

  /// Closes or frees a handle of `family`.
  static std::int32_t release(Family family, std::uint32_t handle) {
    static const std::map<Family, std::int32_t (*)(std::uint32_t)> kCalls = {
        {Family::client, moq_client_close},
        {Family::session, moq_session_close},
        {Family::origin, moq_origin_close},
        {Family::listener, moq_origin_announced_close},
        {Family::announcement, moq_origin_announced_free},
        {Family::wait, moq_origin_request_close},
        {Family::broadcast, moq_publish_finish},
        {Family::track, moq_publish_track_finish},
        {Family::group, moq_publish_group_finish},
        {Family::consumer, moq_consume_close},
        {Family::catalog_task, moq_consume_catalog_close},
        {Family::catalog, moq_consume_catalog_free},
        {Family::media_task, moq_consume_video_close},
        {Family::media_frame, moq_consume_frame_free},
        {Family::track_task, moq_consume_track_close},
        {Family::raw_frame, moq_consume_track_frame_free},
        {Family::datagram_task, moq_consume_datagrams_close},
        {Family::datagram, moq_consume_datagram_free},
        {Family::json_snapshot, moq_publish_json_snapshot_finish},
        {Family::json_stream, moq_publish_json_stream_finish},
        {Family::json_task, moq_consume_json_close},
        {Family::json_value, moq_consume_json_value_free},
        {Family::binary_snapshot, moq_publish_binary_snapshot_finish},
        {Family::binary_stream, moq_publish_binary_stream_finish},
        {Family::media, moq_publish_media_finish},
        {Family::demand_task, moq_publish_demand_cancel},
        {Family::dynamic_task, moq_publish_dynamic_cancel},
        {Family::track_request, moq_track_request_free},
        {Family::server, moq_server_close},
        {Family::bandwidth, moq_bandwidth_close},
        {Family::reservation, moq_reservation_close},
    };
    return kCalls.at(family)(handle);
  }

 private:
  /// Starts a task that reports to a recorder of its own.
  template <typename Start>
  Recorder& start(Family family, Start&& start_it) {
    auto& recorder = recorders_[family];
    recorder = std::make_unique<Recorder>();
    handles_[family] = made(start_it(recorder.get()));
    return *recorder;
  }

  void make_publisher() {
    handles_[Family::client] = made(moq_client_create());
    const std::uint32_t origin = handles_[Family::origin] = made(moq_origin_create());
    Recorder& listener = start(Family::listener, [&](Recorder* recorder) {
      return moq_origin_announced(origin, Recorder::callback, recorder);
    });
    const std::uint32_t room = handles_[Family::broadcast] =
        made(moq_origin_publish(origin, "room", 4));
    handles_[Family::announcement] = made(listener.next().value_or(0));
    handles_[Family::track] = made(moq_publish_track(room, "chat", 4, nullptr));
    handles_[Family::group] = made(moq_publish_track_group(handles_[Family::track]));
    start(Family::wait, [&](Recorder* recorder) {
      return moq_origin_consume_announced(origin, "nowhere", 7, Recorder::callback, recorder);
    });
  }

  void make_consumers() {
    Recorder found;
    made(moq_origin_request(handles_[Family::origin], "room", 4, Recorder::callback, &found));
    const std::uint32_t room = handles_[Family::consumer] = made(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
    Recorder& frames = start(Family::track_task, [&](Recorder* recorder) {
      return moq_consume_track(room, "chat", 4, nullptr, Recorder::callback, recorder);
    });
    EXPECT_EQ(moq_publish_group_frame(handles_[Family::group], bytes("hello"), 5, 1), 0);
    handles_[Family::raw_frame] = made(frames.next().value_or(0));
  }

  /// A rendition in the legacy container, on a raw track.
  void make_media() {
    const std::uint32_t room = handles_[Family::broadcast];
    moq_video_config config{};
    config.name = "v";
    config.name_len = 1;
    config.codec = "vp8";
    config.codec_len = 3;
    EXPECT_EQ(moq_publish_video_config(room, &config), 0);
    Recorder& catalogs = start(Family::catalog_task, [&](Recorder* recorder) {
      return moq_consume_catalog(handles_[Family::consumer], Recorder::callback, recorder);
    });
    const std::uint32_t catalog = handles_[Family::catalog] = made(catalogs.next().value_or(0));
    video_ = made(moq_publish_track(room, "v", 1, nullptr));
    Recorder& frames = start(Family::media_task, [&](Recorder* recorder) {
      return moq_consume_video(catalog, 0, 1'000, Recorder::callback, recorder);
    });
    // A varint with the timestamp, then the picture.
    EXPECT_EQ(moq_publish_track_frame(video_, bytes("\x07picture"), 8, 7), 0);
    handles_[Family::media_frame] = made(frames.next().value_or(0));
  }

  void make_datagram() {
    Recorder& datagrams = start(Family::datagram_task, [&](Recorder* recorder) {
      return moq_consume_datagrams(handles_[Family::consumer], "chat", 4, Recorder::callback,
                                   recorder);
    });
    EXPECT_EQ(moq_publish_track_datagram(handles_[Family::track], bytes("ping"), 4, 1, nullptr), 0);
    handles_[Family::datagram] = made(datagrams.next().value_or(0));
  }

  void make_data() {
    const std::uint32_t room = handles_[Family::broadcast];
    const moq_json_snapshot_config plain{};
    const moq_json_stream_config stream{};
    const moq_binary_config binary{};
    const std::uint32_t json = handles_[Family::json_snapshot] =
        made(moq_publish_json_snapshot(room, "state", 5, &plain));
    handles_[Family::json_stream] = made(moq_publish_json_stream(room, "log", 3, &stream));
    handles_[Family::binary_snapshot] =
        made(moq_publish_binary_snapshot(room, "picture", 7, &binary));
    handles_[Family::binary_stream] = made(moq_publish_binary_stream(room, "bytes", 5, &binary));
    EXPECT_EQ(moq_publish_json_snapshot_update(json, "1", 1), 0);
    Recorder& values = start(Family::json_task, [&](Recorder* recorder) {
      return moq_consume_json_snapshot(handles_[Family::consumer], "state", 5, &plain,
                                       Recorder::callback, recorder);
    });
    handles_[Family::json_value] = made(values.next().value_or(0));
  }

  void make_requests() {
    const std::uint32_t room = handles_[Family::broadcast];
    handles_[Family::media] =
        made(moq_publish_media(room, "opus", 4, bytes(kOpusHead), kOpusHead.size()));
    start(Family::demand_task, [&](Recorder* recorder) {
      return moq_publish_track_demand(handles_[Family::track], Recorder::callback, recorder);
    });
    Recorder& requests = start(Family::dynamic_task, [&](Recorder* recorder) {
      return moq_publish_dynamic(room, Recorder::callback, recorder);
    });
    // Ends by itself, with the request.
    made(moq_consume_track(handles_[Family::consumer], "asked", 5, nullptr, nullptr, nullptr));
    handles_[Family::track_request] = made(requests.next().value_or(0));
  }

  void make_server() {
    const moq_string name{.data = "localhost", .len = 9};
    const std::string_view any = "127.0.0.1:0";
    moq_server_config config{};
    config.bind = any.data();
    config.bind_len = any.size();
    config.tls_generate = &name;
    config.tls_generate_len = 1;
    start(Family::server, [&](Recorder* recorder) {
      return moq_server_listen(&config, Recorder::callback, recorder);
    });
  }

  /// Of a relay that never comes.
  void make_session() {
    EXPECT_EQ(moq_client_set_backoff_timeout(handles_[Family::client], 0), 0);
    const std::string url = "moqt://127.0.0.1:1/";
    start(Family::session, [&](Recorder* recorder) {
      return moq_client_connect(url.data(), url.size(), handles_[Family::client], 0, 0,
                                Recorder::callback, recorder);
    });
    handles_[Family::bandwidth] = made(moq_session_bandwidth(handles_[Family::session]));
    handles_[Family::reservation] =
        made(moq_bandwidth_reserve(handles_[Family::bandwidth], handles_[Family::track], 1));
  }

  std::map<Family, std::uint32_t> handles_;
  std::map<Family, std::unique_ptr<Recorder>> recorders_;
  std::uint32_t video_ = 0;
};

}  // namespace moq::capi

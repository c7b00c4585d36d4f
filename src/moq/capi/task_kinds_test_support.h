#pragma once

#include <string>
#include <vector>

#include "moq/capi/calls_test_support.h"
#include "moq/capi/recorder_test_support.h"

namespace moq::capi {

/// A broadcast of one process with something of each kind to read, from both sides.
class BusyRoom {
 public:
  BusyRoom()
      : origin(made(moq_origin_create())),
        broadcast(made(moq_origin_publish(origin, "room", 4))),
        track(made(moq_publish_track(broadcast, "chat", 4, nullptr))),
        video(made(moq_publish_track(broadcast, "v", 1, nullptr))) {
    moq_video_config config{};
    config.name = "v";
    config.name_len = 1;
    config.codec = "vp8";
    config.codec_len = 3;
    EXPECT_EQ(moq_publish_video_config(broadcast, &config), 0);
    Recorder found;
    made(moq_origin_consume_announced(origin, "room", 4, Recorder::callback, &found));
    consumer = made(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
    Recorder catalogs;
    const std::uint32_t task = made(moq_consume_catalog(consumer, Recorder::callback, &catalogs));
    catalog = made(catalogs.next().value_or(0));
    EXPECT_EQ(moq_consume_catalog_close(task), 0);
    EXPECT_EQ(catalogs.terminal(), 0);
  }
  BusyRoom(const BusyRoom&) = delete;
  BusyRoom& operator=(const BusyRoom&) = delete;
  ~BusyRoom() {
    EXPECT_EQ(moq_consume_catalog_free(catalog), 0);
    EXPECT_EQ(moq_consume_close(consumer), 0);
    EXPECT_EQ(moq_publish_track_finish(video), 0);
    EXPECT_EQ(moq_publish_track_finish(track), 0);
    EXPECT_EQ(moq_publish_finish(broadcast), 0);
    for (const std::uint32_t each : others_) EXPECT_EQ(moq_publish_finish(each), 0);
    EXPECT_EQ(moq_origin_close(origin), 0);
  }

  void publish_another() {
    const std::string path = "other" + std::to_string(others_.size());
    others_.push_back(made(moq_origin_publish(origin, path.data(), path.size())));
  }
  void change_catalog() {
    const std::string value = std::to_string(++changes_);
    EXPECT_EQ(moq_publish_catalog_section(broadcast, "n", 1, value.data(), value.size()), 0);
  }

  std::uint32_t origin;
  std::uint32_t broadcast;
  std::uint32_t track;
  std::uint32_t video;
  std::uint32_t consumer = 0;
  std::uint32_t catalog = 0;

 private:
  std::vector<std::uint32_t> others_;
  int changes_ = 0;
};

/// A kind of task that tells any number of values.
struct TaskKind {
  const char* name;
  std::int32_t unknown;  ///< What closing says of a task that is over.
  std::int32_t (*start)(const BusyRoom&, moq_status_callback, void* user_data);
  std::int32_t (*close)(std::uint32_t task);
  void (*produce)(BusyRoom&);  ///< One more value.
  std::int32_t (*free)(std::uint32_t value);
};

inline const std::vector<TaskKind>& task_kinds() {
  static const std::vector<TaskKind> kKinds = {
      {"listener", MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND,
       [](const BusyRoom& room, moq_status_callback callback, void* user_data) {
         return moq_origin_announced(room.origin, callback, user_data);
       },
       moq_origin_announced_close, [](BusyRoom& room) { room.publish_another(); },
       moq_origin_announced_free},
      {"catalog", MOQ_ERROR_CATALOG_NOT_FOUND,
       [](const BusyRoom& room, moq_status_callback callback, void* user_data) {
         return moq_consume_catalog(room.consumer, callback, user_data);
       },
       moq_consume_catalog_close, [](BusyRoom& room) { room.change_catalog(); },
       moq_consume_catalog_free},
      {"video", MOQ_ERROR_TRACK_NOT_FOUND,
       [](const BusyRoom& room, moq_status_callback callback, void* user_data) {
         return moq_consume_video(room.catalog, 0, 10'000, callback, user_data);
       },
       moq_consume_video_close,
       [](BusyRoom& room) {
         EXPECT_EQ(moq_publish_track_frame(room.video, bytes("\x07picture"), 8, 7), 0);
       },
       moq_consume_frame_free},
      {"track", MOQ_ERROR_TRACK_NOT_FOUND,
       [](const BusyRoom& room, moq_status_callback callback, void* user_data) {
         moq_subscription all{};
         all.latency_max_ms = 10'000;
         return moq_consume_track(room.consumer, "chat", 4, &all, callback, user_data);
       },
       moq_consume_track_close,
       [](BusyRoom& room) {
         EXPECT_EQ(moq_publish_track_frame(room.track, bytes("hello"), 5, 0), 0);
       },
       moq_consume_track_frame_free},
      {"datagrams", MOQ_ERROR_TRACK_NOT_FOUND,
       [](const BusyRoom& room, moq_status_callback callback, void* user_data) {
         return moq_consume_datagrams(room.consumer, "chat", 4, callback, user_data);
       },
       moq_consume_datagrams_close,
       [](BusyRoom& room) {
         EXPECT_EQ(moq_publish_track_datagram(room.track, bytes("ping"), 4, 0, nullptr), 0);
       },
       moq_consume_datagram_free},
  };
  return kKinds;
}

}  // namespace moq::capi

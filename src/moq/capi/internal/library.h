#pragma once

#include <memory>
#include <mutex>

#include "moq/capi/internal/call.h"
#include "moq/capi/internal/runtime.h"
#include "moq/capi/internal/table.h"

namespace moq::av {
struct Pcm;
struct Picture;
}  // namespace moq::av

namespace moq::net {
class Bandwidth;
class Reservation;
}  // namespace moq::net

namespace moq::capi {

class BinaryTrack;
class JsonSnapshot;
class JsonStream;
class ServerTask;
class SessionRequest;
class SessionTask;
class Task;
class TrackTask;
struct Announcement;
struct AudioEncoder;
struct Broadcast;
struct BroadcastConsumer;
struct CatalogSnapshot;
struct ClientConfig;
struct ContainerImport;
struct Datagram;
struct Group;
struct GroupRequest;
struct JsonValue;
struct Media;
struct MediaFrame;
struct Origin;
struct RawFrame;
struct Track;
struct TrackRequest;
struct VideoEncoder;

/// The families of handles. Each kind of object is one, and so is each kind of task that has a
/// callback; section 1 of the contract says which share one.
struct Tables {
  HandleNumbers numbers;

  Table<ClientConfig> clients{numbers, MOQ_ERROR_CLIENT_NOT_FOUND, "client configuration"};
  Table<SessionTask> sessions{numbers, MOQ_ERROR_SESSION_NOT_FOUND, "session"};
  Table<ServerTask> servers{numbers, MOQ_ERROR_NOT_FOUND, "server"};
  Table<SessionRequest> session_requests{numbers, MOQ_ERROR_NOT_FOUND, "session request"};
  Table<net::Bandwidth> bandwidths{numbers, MOQ_ERROR_NOT_FOUND, "bandwidth allocator"};
  Table<net::Reservation> reservations{numbers, MOQ_ERROR_NOT_FOUND, "reservation"};

  Table<Origin> origins{numbers, MOQ_ERROR_ORIGIN_NOT_FOUND, "origin"};
  Table<Task> listeners{numbers, MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND, "listener"};
  Table<Announcement> announcements{numbers, MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND, "announcement"};
  Table<Task> waits{numbers, MOQ_ERROR_NOT_FOUND, "wait or request"};

  Table<Broadcast> broadcasts{numbers, MOQ_ERROR_BROADCAST_NOT_FOUND, "broadcast"};
  Table<Media> media{numbers, MOQ_ERROR_MEDIA_NOT_FOUND, "media track"};
  Table<ContainerImport> containers{numbers, MOQ_ERROR_MEDIA_NOT_FOUND, "container"};
  Table<Track> tracks{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "track"};
  Table<Group> groups{numbers, MOQ_ERROR_GROUP_NOT_FOUND, "group"};

  Table<JsonSnapshot> json_snapshots{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "JSON snapshot track"};
  Table<JsonStream> json_streams{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "JSON stream track"};
  Table<BinaryTrack> binary_snapshots{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "binary snapshot track"};
  Table<BinaryTrack> binary_streams{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "binary stream track"};

  Table<Task> demand_tasks{numbers, MOQ_ERROR_NOT_FOUND, "demand watcher"};
  Table<Task> dynamic_tasks{numbers, MOQ_ERROR_NOT_FOUND, "handler of requests"};
  Table<TrackRequest> track_requests{numbers, MOQ_ERROR_NOT_FOUND, "track request"};
  Table<GroupRequest> group_requests{numbers, MOQ_ERROR_NOT_FOUND, "group request"};

  Table<BroadcastConsumer> consumers{numbers, MOQ_ERROR_BROADCAST_NOT_FOUND, "broadcast consumer"};
  Table<Task> catalog_tasks{numbers, MOQ_ERROR_CATALOG_NOT_FOUND, "catalog subscription"};
  Table<CatalogSnapshot> catalogs{numbers, MOQ_ERROR_CATALOG_NOT_FOUND, "catalog snapshot"};
  Table<Task> media_tasks{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "media subscription"};
  Table<MediaFrame> media_frames{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "media frame"};
  Table<TrackTask> track_tasks{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "track subscription"};
  Table<RawFrame> raw_frames{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "raw frame"};
  Table<Task> datagram_tasks{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "datagram subscription"};
  Table<Datagram> datagrams{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "datagram"};
  Table<Task> json_tasks{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "JSON subscription"};
  Table<JsonValue> json_values{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "JSON value"};

  Table<AudioEncoder> audio_encoders{numbers, MOQ_ERROR_MEDIA_NOT_FOUND, "audio encoder"};
  Table<Task> audio_decoders{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "audio decoder"};
  Table<av::Pcm> pcm_frames{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "decoded audio frame"};
  Table<VideoEncoder> video_encoders{numbers, MOQ_ERROR_MEDIA_NOT_FOUND, "video encoder"};
  Table<Task> video_decoders{numbers, MOQ_ERROR_TRACK_NOT_FOUND, "video decoder"};
  Table<av::Picture> pictures{numbers, MOQ_ERROR_FRAME_NOT_FOUND, "decoded picture"};
};

/// What a process has of libmoq. It is the one global: C callers have nothing else to hold on to.
/// Never destroyed: threads may call until the very end of the process.
class Library {
 public:
  static Library& get();

  Tables tables;
  /// The library's thread, started with the first call that needs it; null, and a failure of
  /// `call`, if the system refuses.
  Runtime* runtime(Call& call);
  /// The time, for any thread.
  [[nodiscard]] kio::Clock& clock() { return clock_; }

 private:
  Library() = default;
  std::mutex mutex_;
  Runtime* runtime_ = nullptr;
  kio::PlainClock clock_;
};

inline Tables& tables() { return Library::get().tables; }

}  // namespace moq::capi

#pragma once

#include <map>
#include <memory>
#include <string>

#include "moq/net/moqt/internal/announce_feed.h"
#include "moq/net/moqt/internal/publisher.h"

namespace moq::net::moqt {

/// Publishes to the peer each track below a prefix, as one request of the peer asks for it: those
/// that are there, and those that come. What the peer gets already is left out, and so is what it
/// publishes itself. A track that there is no room for is named in PUBLISH_BLOCKED.
///
/// What was accepted goes on after this has gone, until the track or the peer ends it.
class TrackPusher {
 public:
  /// `request` is of `prefix`, and outlives this.
  TrackPusher(Publisher& publisher, IncomingRequest& request, const TrackNamespace& prefix,
              const Parameters& wanted);
  ~TrackPusher();
  TrackPusher(const TrackPusher&) = delete;
  TrackPusher& operator=(const TrackPusher&) = delete;

  /// Changes what is asked for of tracks that are not published yet; false if it cannot.
  bool update(const Parameters& wanted);

 private:
  kio::Task<void> follow_broadcasts();
  kio::Task<void> follow_tracks(Path path, broadcast::Consumer broadcast);
  void push(const Path& path, const broadcast::Consumer& broadcast,
            const broadcast::Tracks::Track& track);
  void tell_blocked(const Path& path, const std::string& track);

  Publisher& publisher_;
  Connection& connection_;
  IncomingRequest& request_;
  const std::size_t prefix_fields_;
  const std::shared_ptr<PushWish> wish_;
  AnnounceFeed feed_;
  std::map<Path, kio::Spawned<void>> broadcasts_;
  kio::Spawned<void> follower_;  // Last: it uses all of the above.
};

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "moq/kio/clock.h"
#include "moq/net/internal/following.h"
#include "moq/net/moqt/internal/connection.h"
#include "moq/net/moqt/internal/fetch_request.h"
#include "moq/net/moqt/internal/listed_names.h"
#include "moq/net/moqt/internal/pushed_track.h"

namespace moq::net::moqt {

class TrackFollower;

/// The subscriber half of a session: learns of the peer's broadcasts, puts them into our origin as
/// routes, and subscribes to the tracks that are asked of those routes.
class Subscriber {
 public:
  explicit Subscriber(Connection& connection);
  ~Subscriber();

  /// The session begins; the options are known, the peer's SETUP may not be.
  void start();
  /// The session is over, and so are its routes, unless they linger. No task of the session runs
  /// any more, and requests that are still held say nothing. May come twice.
  void stop();
  /// After GOAWAY of either side: all other routes are better now, and nothing new is asked of the
  /// peer.
  void drain();

  /// The whole life of a subgroup stream, after its type. Each runs as a task of the session.
  kio::Task<void> receive_subgroup(StreamReader reader, std::uint64_t type);
  /// The whole life of a fetch or fill stream, after its type.
  kio::Task<void> receive_fetch(StreamReader reader);
  /// One that is no padding.
  void receive_datagram(const Datagram& datagram);
  /// The whole life of a request of the peer.
  kio::Task<void> serve_publish_namespace(IncomingRequest request);
  /// The same. The namespace of the track counts as announced while the offer stands; the track
  /// rests until somebody reads it.
  kio::Task<void> serve_publish(IncomingRequest request);

  // For the followers of tracks.

  [[nodiscard]] Connection& connection() const { return connection_; }
  /// What comes under `alias` is for `follower` now. False if the peer uses it for another track.
  /// `pushed`: it told the alias in PUBLISH.
  [[nodiscard]] bool add_alias(std::uint64_t alias, TrackFollower& follower, bool pushed);
  void remove_alias(std::uint64_t alias);
  /// The peer's offer of a track, if nobody follows that yet; else null.
  [[nodiscard]] std::shared_ptr<PushedTrack> pushed(const Path& path, const std::string& name);
  /// A fetch stream of this request goes into `slot`.
  void expect_fetch(std::uint64_t request, std::shared_ptr<FetchSlot> slot);
  void forget_fetch(std::uint64_t request) { fetches_.erase(request); }

 private:
  struct Announced;
  using TrackKey = std::pair<Path, std::string>;
  struct EarlyDatagram {
    TimePoint when;
    Datagram datagram;
  };

  kio::Task<void> follow_namespaces();
  /// What the peer says to SUBSCRIBE_NAMESPACE, after its OK, until it ends that.
  kio::Task<Result<void>> read_namespaces(OutgoingRequest& request);
  Result<void> apply_namespace(const TrackNamespace& suffix, bool live);
  kio::Task<void> settle_after(Duration delay);
  void settle();

  /// The path of a namespace that may be announced to us. Fails for one that is reserved or no
  /// path.
  [[nodiscard]] Result<Path> path_of(const TrackNamespace& name) const;
  /// One more source tells of `path`: an entry of the list, or a PUBLISH_NAMESPACE.
  Result<void> announce(const Path& path);
  /// One tells of it no more.
  void unannounce(const Path& path);
  /// Why an offer of the peer is refused; none = it is not.
  [[nodiscard]] std::optional<RequestError> refusal_of(const Publish& offer) const;
  [[nodiscard]] Route route() const;
  kio::Task<void> serve_route(Announced& announced);

  Connection& connection_;
  std::map<Path, std::unique_ptr<Announced>> announced_;
  ListedNames listed_;  ///< Those of SUBSCRIBE_NAMESPACE.
  std::map<TrackKey, std::shared_ptr<PushedTrack>> pushed_;
  std::set<std::uint64_t> pushed_aliases_;
  std::map<std::uint64_t, TrackFollower*> aliases_;
  std::map<std::uint64_t, std::shared_ptr<FetchSlot>> fetches_;
  std::size_t waiting_streams_ = 0;  ///< For an alias to be told.
  std::deque<EarlyDatagram> early_datagrams_;
  kio::WaiterList on_alias_;
  std::uint64_t turn_ = 0;  ///< Among the sessions of `Linger`.
  bool settled_ = false;
};

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/net/broadcast.h"
#include "moq/net/internal/send_order.h"
#include "moq/net/moqt/internal/connection.h"

namespace moq::net::moqt {

/// A subscription, as a FETCH may join it. The track and where it stood are known once `started`.
struct Joinable {
  std::optional<broadcast::Consumer> broadcast;
  std::string track;
  track::Info info;
  bool from_next_object = false;    ///< It began right after `edge`, so that a FETCH fits before.
  std::optional<track::Edge> edge;  ///< None = nothing was published yet.
  bool started = false;
  bool over = false;
  bool superseded = false;  ///< Of a PUBLISH: the peer asks by SUBSCRIBE.
  kio::WaiterList on_change;
};

/// What the peer has asked to be published, by SUBSCRIBE_TRACKS or, in 16 and 17, by
/// SUBSCRIBE_NAMESPACE.
struct PushWish {
  Parameters parameters;
  bool over = false;
  kio::WaiterList on_over;
};

/// A track to be published to the peer.
struct PushOffer {
  TrackNamespace track_namespace;
  std::shared_ptr<Joinable> joinable;  ///< Broadcast, track, info and edge are set.
  std::shared_ptr<PushWish> wish;
  std::optional<track::Watch> watch;

  [[nodiscard]] Publish message() const;
};

/// A part of a track to be sent on one stream.
struct RangeJob {
  broadcast::Consumer broadcast;
  std::string track;
  std::uint64_t request_id = 0;
  Location start;
  RangeEnd end;
  GroupOrder order = GroupOrder::ascending;
  std::uint8_t priority = 0;  ///< The subscriber's, as in the model.
  track::Info info;

  [[nodiscard]] std::uint64_t groups() const { return end.group - start.group + 1; }
};

/// The publisher half of a session: answers what the peer asks of our broadcasts, and announces
/// them. Each `serve` function is the whole life of one request.
class Publisher {
 public:
  explicit Publisher(Connection& connection) : connection_(connection) {}

  /// Announces our broadcasts by PUBLISH_NAMESPACE to a peer that expects it.
  void start();
  kio::Task<void> serve_subscribe(IncomingRequest request);
  kio::Task<void> serve_fetch(IncomingRequest request);
  kio::Task<void> serve_track_status(IncomingRequest request);
  kio::Task<void> serve_subscribe_namespace(IncomingRequest request);
  kio::Task<void> serve_subscribe_tracks(IncomingRequest request);

 private:
  friend class SubscriptionServer;
  friend class TrackPusher;

  /// The routes that lead through the peer.
  [[nodiscard]] Exclude exclude() const { return {0, connection_.source()}; }
  /// The broadcast of a namespace, unless our route to it leads through the peer.
  [[nodiscard]] Result<broadcast::Consumer> find(const TrackNamespace& name) const;

  kio::Task<void> announce();
  /// Offers `path` until the peer does not want it any more.
  kio::Task<void> offer(Path path);
  /// Whether the peer is to be told of `path` by PUBLISH_NAMESPACE.
  [[nodiscard]] bool is_offered(const Path& path) const;
  [[nodiscard]] bool is_wished(const Path& path) const;

  /// Waits for the broadcast of `request`, a Subscribe, as long as that says. Fails once the peer
  /// left.
  kio::Task<Result<void>> meet(IncomingRequest& request);
  /// Whether the peer gets `track` of `broadcast` already.
  [[nodiscard]] bool is_sent(const broadcast::Consumer& broadcast, const std::string& track) const;
  /// The peer asks for a track by SUBSCRIBE: what it gets of it by PUBLISH ends.
  void supersede(const broadcast::Consumer& broadcast, const std::string& track);
  kio::Task<void> push(PushOffer offer);
  /// Answers a request to be published what there is below `prefix`; whether it is accepted.
  bool accept_push_wish(IncomingRequest& request, const TrackNamespace& prefix,
                        const Parameters& wanted);
  /// The whole life of such a request that asks for nothing else.
  kio::Task<void> serve_push_wish(IncomingRequest& request, const TrackNamespace& prefix,
                                  const Parameters& wanted);

  kio::Task<void> answer_fetch(IncomingRequest& request);
  kio::Task<Result<RangeJob>> resolve(const Fetch& fetch);
  kio::Task<Result<RangeJob>> join(const JoiningFetch& joining);
  /// Writes objects to `stream`, which begins with its header, and ends it. `first` is the first
  /// group that is sent, if it is there already.
  kio::Task<Result<void>> send_range(const RangeJob& job, transport::SendStream& stream,
                                     std::optional<group::Consumer> first);

  Connection& connection_;
  std::map<std::uint64_t, std::shared_ptr<Joinable>> subscriptions_;
  kio::WaiterList on_subscription_;
  SendOrder order_;
  std::list<std::shared_ptr<Joinable>> pushes_;  ///< What is published to the peer, or offered.
  std::size_t push_wishes_ = 0;                  ///< Requests for that.
  std::size_t meetings_ = 0;                     ///< Subscriptions that wait.
  std::list<Path> wishes_;  ///< The prefixes that the peer has asked for by SUBSCRIBE_NAMESPACE.
  kio::WaiterList on_wish_;
  bool wished_ = false;   ///< There is one more.
  bool unasked_ = false;  ///< The peer is also told of what it did not ask for.
};

/// What a SUBSCRIBE_OK and its kin tell of a track.
TrackProperties track_properties(const track::Info& info);
/// The object before `edge`.
std::optional<Location> largest_of(const std::optional<track::Edge>& edge);
/// The properties of a frame.
ObjectProperties object_properties(const frame::Info& frame, const track::Info& track, Draft draft);

}  // namespace moq::net::moqt

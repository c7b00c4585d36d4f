#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "moq/net/broadcast.h"
#include "moq/net/internal/following.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/internal/connection.h"
#include "moq/net/lite/subscribe.h"

namespace moq::net::lite {

class Subscriber;

/// Serves one track of our origin from the peer: learns its properties, subscribes while somebody
/// reads, answers fetches. When it ends, however it ends, the track goes back to its broadcast with
/// its unfinished groups suspended, so that the next route goes on where this one stopped.
class TrackFollower {
 public:
  TrackFollower(Subscriber& subscriber, Path path, std::shared_ptr<Announcing> announcing);
  ~TrackFollower();
  TrackFollower(const TrackFollower&) = delete;
  TrackFollower& operator=(const TrackFollower&) = delete;

  /// Serves until the track is over, unused for a while, or better served by another route.
  kio::Task<void> run(broadcast::TrackRequest request);

  /// Takes in a group stream of our subscription, after its header.
  void accept_group(const GroupHeader& header, StreamReader reader);
  void receive_datagram(Datagram datagram);

 private:
  enum class Event : std::uint8_t {
    opened,
    demand,
    answer,
    first_group,
    settled,
    announced,
    timer,
    over
  };
  /// What `timer_` is set for.
  enum class Wait : std::uint8_t { nothing, unused, retry, late_groups, missing_groups };

  /// Waits until it is time to try again, or the request is unwanted.
  kio::Task<void> wait_to_retry(const broadcast::TrackRequest& request);
  kio::Task<Result<track::Info>> ask_info(const broadcast::TrackRequest& request);
  kio::Poll<Event> poll_event(const kio::Waiter& waiter);
  /// Each returns false when there is nothing left to do for the track.
  bool handle(Event event);
  bool on_demand();
  /// An update cannot bring back what was not asked for: ends the subscription, so that the next
  /// one begins at the lowest group that a reader misses. False if there is none.
  bool ask_for_missed();
  bool on_answer();
  bool on_first_group();
  bool on_subscription_over(const Error& error);
  bool on_timer();
  bool finish_track();

  void subscribe();
  void unsubscribe(std::uint32_t code = static_cast<std::uint32_t>(StreamCode::cancelled));
  void arm(Wait what, Duration delay);
  [[nodiscard]] bool should_subscribe() const;
  [[nodiscard]] SubscribeRange wanted() const;
  [[nodiscard]] bool session_over() const;

  /// The peer begins with `group`, maybe above what it was asked for.
  void begin_from(std::uint64_t group);
  /// Fetches the groups below `limit` down to `first` that the peer left out although they are not
  /// too old: a relay may have been asked for less before, by others.
  kio::Task<void> fetch_left_out(std::uint64_t first, std::uint64_t limit);
  kio::Task<Result<void>> fetch_into_track(std::uint64_t group);
  /// Ready once `group` is too old for all readers, or the track is over.
  kio::Poll<kio::Unit> poll_unwanted(const kio::Waiter& waiter, std::uint64_t group) const;

  kio::Task<void> receive_group(GroupHeader header, StreamReader reader);
  /// Takes in what `reader` has of a group; fails if that is not all of it.
  kio::Task<Result<void>> take_group(GroupHeader header, StreamReader& reader,
                                     std::optional<FrameHeader> first_frame);
  kio::Task<Result<void>> read_frames(StreamReader& reader, group::Producer& group,
                                      std::optional<FrameHeader> first_frame);
  kio::Task<void> serve_fetches(track::Producer track);
  kio::Task<Result<Bidi>> open_fetch(std::uint64_t group, std::uint8_t priority);
  kio::Task<void> answer_fetch(track::GroupRequest request);
  void abort_track(const Error& error);
  [[nodiscard]] std::uint64_t arrival_timestamp() const;

  Subscriber& subscriber_;
  Connection& connection_;
  const Path path_;
  std::string name_;
  const std::shared_ptr<Announcing> announcing_;
  std::uint64_t announced_ = 0;  ///< How often it had been when the peer was asked last.
  std::optional<track::Producer> track_;
  bool resumed_ = false;  ///< Another route served it before.
  bool known_ = false;    ///< The peer has had it.

  std::optional<track::Subscription> demand_;
  std::optional<Bidi> stream_;  ///< SUBSCRIBE, while subscribed.
  std::optional<Bidi> opened_;  ///< A stream to subscribe on.
  std::uint64_t id_ = 0;
  SubscribeRange asked_;  ///< In SUBSCRIBE,
  SubscribeRange sent_;   ///< and in the updates since.
  std::optional<Result<std::optional<SubscribeAnswer>>> answer_;
  std::optional<std::uint64_t> end_;  ///< SUBSCRIBE_END came.
  /// Of the subscription's first group, where the peer does not tell with which it begins.
  enum class FirstGroup : std::uint8_t { awaited, came, known } first_group_ = FirstGroup::known;
  std::uint64_t first_sequence_ = 0;  ///< Its number, once it came.
  FollowRetry retry_;
  Wait waiting_ = Wait::nothing;
  kio::Timer timer_;
  kio::WaiterList on_change_;  ///< Of `track_` and `first_group_`, by the tasks below.
  kio::TaskGroup fetches_;
  kio::TaskGroup groups_;  // Last: its tasks use all of the above.
};

}  // namespace moq::net::lite

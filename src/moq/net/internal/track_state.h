#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "moq/kio/waiter.h"
#include "moq/net/internal/group_state.h"
#include "moq/net/internal/sequence_set.h"
#include "moq/net/track.h"

namespace moq::net::broadcast {
struct State;
}

namespace moq::net::track {

/// A fetch that its askers share. Guarded by the track's mutex.
struct FetchState {
  std::uint64_t sequence = 0;
  std::uint8_t priority = 0;
  std::size_t askers = 0;
  std::optional<Result<group::Consumer>> answer;
  kio::WaiterList on_change;  // The answer, and the askers' number.
};

/// Lock order: a broadcast's mutex, then a track's, then a group's, then a cache's.
struct State : std::enable_shared_from_this<State> {
  /// `cache` is what the track shares with others; may be null.
  static std::shared_ptr<State> create(std::string name, const std::shared_ptr<Cache>& cache);
  State(std::string track_name, const std::shared_ptr<Cache>& cache)
      : name(std::move(track_name)), tally(std::make_shared<Tally>(cache)) {}

  const std::string name;
  const std::shared_ptr<Tally> tally;

  mutable std::mutex mutex;
  std::optional<Info> info;
  struct Cached {
    std::shared_ptr<group::State> group;
    std::uint64_t arrival = 0;  ///< Its place in the order of arrival.
  };
  std::map<std::uint64_t, Cached> by_sequence;
  /// The same groups in order of arrival, for cursors.
  std::map<std::uint64_t, std::shared_ptr<group::State>> arrivals;
  std::uint64_t next_arrival = 0;
  SequenceSet seen{kMaxSeenRanges};
  std::uint64_t next_sequence = 0;  ///< After the newest group or datagram.
  std::optional<std::uint64_t> newest;
  std::optional<std::uint64_t> asked_from;     ///< What the source was asked for, if by number,
  Duration asked_age{};                        ///< and how old groups may be there.
  std::optional<std::uint64_t> expected_from;  ///< The source sends all groups from here on,
  std::optional<std::uint64_t> gone_below;     ///< and, once told, no younger one below here,
  SequenceSet dropped{kMaxDroppedRanges};      ///< and none of these,
  Duration dropped_age{};                      ///< for who wants none older than this.
  std::optional<std::uint64_t> end;            ///< Exclusive.
  /// How far the track had come when its source was asked, if that said so.
  std::optional<Edge> told;
  bool finished = false;
  std::optional<Error> aborted;

  std::deque<Datagram> datagrams;
  std::uint64_t first_datagram = 0;

  std::map<std::uint64_t, Subscription> subscriptions;
  std::uint64_t next_subscription = 0;
  std::uint64_t demand_version = 1;

  std::map<std::uint64_t, std::shared_ptr<FetchState>> fetches;
  std::deque<std::shared_ptr<FetchState>> fetch_requests;
  std::size_t fetch_handlers = 0;

  std::size_t info_requests = 0;
  std::size_t producers = 0;
  bool requested = false;   ///< A `TrackRequest` for it is out.
  bool served = false;      ///< A producer writes it, or did until its end.
  bool revoked = false;     ///< A better route waits for it.
  std::uint64_t route = 0;  ///< The route that serves it, for routed broadcasts.
  bool queued = false;      ///< Among its home's requests; guarded by the home's mutex.
  /// Where it goes when given back; null if its writer is the only one there can be. Set before
  /// others see the track. The home names its tracks weakly, except while they wait among its
  /// requests, which takes a reader: the last one takes them off.
  std::shared_ptr<broadcast::State> home;
  /// The broadcast whose own writer made it, which keeps it once it is finished.
  std::weak_ptr<broadcast::State> keeper;

  kio::WaiterList on_group;     // Groups, info, end, abort.
  kio::WaiterList on_datagram;  // Datagrams, end, abort.
  /// Who waits for a group to be stale: by the live edge at which it will be, or, where that is not
  /// known, for the next group to begin. The tally is told of each.
  std::map<std::uint64_t, kio::WaiterList> on_edge;
  kio::WaiterList on_begin;
  kio::WaiterList on_demand;  // Subscriptions, fetch requests, revocation, abort.
  kio::WaiterList on_served;

  [[nodiscard]] bool over() const { return finished || aborted.has_value(); }
  [[nodiscard]] bool used() const {
    return !subscriptions.empty() || !fetches.empty() || info_requests > 0;
  }
  [[nodiscard]] std::optional<Subscription> demand() const;
  /// Whether a subscriber with `max_age` no longer wants `sequence`. draft-lcurley-moq-lite, group
  /// expiry: presentation time alone, and never the newest group.
  [[nodiscard]] bool stale(std::uint64_t sequence, Duration max_age) const;
  /// The timestamp of the newest frame from which on it is; none = not before another group begins.
  [[nodiscard]] std::optional<std::uint64_t> stale_from(std::uint64_t sequence,
                                                        Duration max_age) const;
  /// Ready once it is stale.
  kio::Poll<kio::Unit> poll_stale(const kio::Waiter& waiter, std::uint64_t sequence,
                                  Duration max_age);
  /// The newest cached group that has a frame.
  [[nodiscard]] std::optional<Edge> edge() const;
  /// That, or what the source told, whichever is farther.
  [[nodiscard]] std::optional<Edge> farthest() const;
  /// From `timestamp` to the newest frame; none before there is one.
  [[nodiscard]] std::optional<Duration> lag(std::uint64_t timestamp) const;
  /// The lowest group that is wanted and has not come whole; else the one after the newest.
  [[nodiscard]] std::optional<std::uint64_t> resume_point() const;
  /// The lowest group from `from` on that has not come, and that the source has not told is gone
  /// for who wants groups of `max_age`.
  [[nodiscard]] std::uint64_t next_missing(std::uint64_t from, Duration max_age) const;
  /// The same if it is below `limit` and not stale for `max_age`.
  [[nodiscard]] std::optional<std::uint64_t> missing(std::uint64_t from, std::uint64_t limit,
                                                     Duration max_age) const;
  /// The lowest group that a reader asked for by its number, but that the source was not asked for.
  [[nodiscard]] std::optional<std::uint64_t> missed_point() const;
  /// Lets go of the suspended groups from `first` on that are below `limit`.
  void drop_suspended(std::uint64_t first, std::uint64_t limit, const Error& error,
                      group::Remains& remains);
  /// What a former source told of its groups binds the next one to nothing.
  void forget_what_is_gone() {
    gone_below.reset();
    dropped.clear();
    told.reset();
  }
  /// Caches a new group.
  std::shared_ptr<group::State> add(std::uint64_t sequence);
  /// Lets go of groups beyond the cache's age and limits.
  void evict(group::Remains& remains);
  /// Ends the track with `error`.
  void abort(const Error& error, group::Remains& remains);
  kio::WaiterList take_all_waiters();
  /// Those of `on_begin` and `on_edge`.
  kio::WaiterList take_stale_waiters();

  // The following lock the mutex themselves.

  void abort(const Error& error);
  /// Wakes those whose groups may be stale by now.
  void wake_stale();
  /// Evicts after a group grew.
  void shrink();
  /// Lets go of a group of this track, unless it is the newest and that is to be spared.
  void drop(group::State& group, bool spare_newest);
  /// After a reader went: takes the track off its home's requests if nobody wants it any more.
  void release_interest();

 private:
  using Groups = std::map<std::uint64_t, Cached>;
  Groups::iterator forget(Groups::iterator at, const Error& error, group::Remains& remains);
  [[nodiscard]] bool older(std::uint64_t superseded_at, Duration max_age) const;
};

/// Asks for one group of `state`, cached or not.
Fetch fetch(const std::shared_ptr<State>& state, std::uint64_t sequence, std::uint8_t priority);

}  // namespace moq::net::track

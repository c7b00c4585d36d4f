#pragma once

#include <atomic>
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
  std::optional<Result<std::shared_ptr<group::State>>> answer;
  kio::WaiterList on_change;  // The answer, and the askers' number.
};

/// Lock order: a broadcast's mutex, then a track's, then a group's.
struct State : std::enable_shared_from_this<State> {
  explicit State(std::string track_name) : name(std::move(track_name)) {}

  const std::string name;
  const std::shared_ptr<std::atomic<std::uint64_t>> cached_bytes =
      std::make_shared<std::atomic<std::uint64_t>>(0);

  mutable std::mutex mutex;
  std::optional<Info> info;
  /// The groups in order of arrival, for cursors; null once evicted. `first_arrival` is the index
  /// of the front over the track's life.
  std::deque<std::shared_ptr<group::State>> arrivals;
  std::uint64_t first_arrival = 0;
  std::map<std::uint64_t, std::shared_ptr<group::State>> by_sequence;
  SequenceSet seen{kMaxSeenRanges};
  std::uint64_t next_sequence = 0;  ///< After the newest group or datagram.
  std::optional<std::uint64_t> newest;
  std::optional<std::uint64_t> end;  ///< Exclusive.
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
  bool served = false;      ///< A producer writes it, or did until its end.
  bool revoked = false;     ///< A better route waits for it.
  std::uint64_t route = 0;  ///< The route that serves it, for routed broadcasts.
  bool queued = false;      ///< Among its home's requests; guarded by the home's mutex.
  /// Where it goes when given back; null if its writer is the only one there can be. Set once. The
  /// home names its tracks weakly, except while they wait among its requests.
  std::shared_ptr<broadcast::State> home;

  kio::WaiterList on_group;     // Groups, info, end, abort.
  kio::WaiterList on_datagram;  // Datagrams, end, abort.
  kio::WaiterList on_demand;    // Subscriptions, fetch requests, revocation, abort.
  kio::WaiterList on_served;

  [[nodiscard]] bool over() const { return finished || aborted.has_value(); }
  [[nodiscard]] bool used() const {
    return !subscriptions.empty() || !fetches.empty() || info_requests > 0;
  }
  [[nodiscard]] std::optional<Subscription> demand() const;
  /// Whether a subscriber with `max_age` no longer wants `sequence`.
  [[nodiscard]] bool stale(std::uint64_t sequence, Duration max_age) const;
  /// Takes out groups beyond the cache's age and limits; to be aborted after the lock.
  std::vector<std::shared_ptr<group::State>> evict();
  void forget(std::uint64_t sequence);
  kio::WaiterList take_all_waiters();
  /// Ends the track with `error` (no lock held).
  void abort(const Error& error);
  /// After a reader went: takes the track off its home's requests if nobody wants it any more.
  void release_interest();
};

/// Asks for one group of `state`, cached or not.
Fetch fetch(const std::shared_ptr<State>& state, std::uint64_t sequence, std::uint8_t priority);

}  // namespace moq::net::track

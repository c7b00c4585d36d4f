#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "moq/kio/waiter.h"
#include "moq/net/broadcast.h"
#include "moq/net/internal/track_state.h"

namespace moq::net::broadcast {

/// What a track is given back from.
enum class Given : std::uint8_t { request, producer };

/// One for each broadcast that a peer announces, read or not: so lists, which hold nothing while
/// they are empty, and no deques.
struct State : std::enable_shared_from_this<State> {
  mutable std::mutex mutex;
  /// Routed: the front that an origin keeps for a path. Its tracks outlive the routes that serve
  /// them; unserved ones wait. Else the broadcast is served by its own producer.
  bool routed = false;
  /// Tracks with a producer or readers, and the latest finished ones. A track nobody holds is
  /// dropped.
  std::map<std::string, std::weak_ptr<track::State>> tracks;
  /// What its own producer made and finished, for late readers; none once it is closed.
  std::list<std::shared_ptr<track::State>> finished;
  std::size_t sweep_at = 64;     ///< Names at which the next sweep is due.
  std::shared_ptr<Cache> cache;  ///< Shared with other broadcasts, for those of an origin.
  /// Tracks that wait for a route or a dynamic handler, in order of asking.
  std::list<std::shared_ptr<track::State>> requests;
  std::size_t handlers = 0;
  std::uint64_t current_route = 0;  ///< Which route gets the requests; 0 = none.
  std::size_t producers = 0;
  std::size_t consumers = 0;
  std::optional<Error> closed;

  kio::WaiterList on_request;
  kio::WaiterList on_change;  // Closing, consumers.
  kio::WaiterList on_track;   // Tracks that begin to be written, closing.

  /// Queues `track` for whoever serves next (the mutex is held).
  kio::WaiterList queue_locked(std::shared_ptr<track::State> track);
  /// The track of that name, made if need be. Register the interest, then `ask()`.
  std::shared_ptr<track::State> find_or_create(std::string_view name);
  /// Queues a track that nobody serves for whoever can; one that cannot be had is aborted.
  void ask(const std::shared_ptr<track::State>& track);
  /// Keeps a track that is finished.
  void keep(std::shared_ptr<track::State> track);
  /// Ends the broadcast: no new tracks. Waiting requests fail with `error`.
  void close(const Error& error);
  /// Why nobody can be asked for `track`, if so (the mutex is held).
  [[nodiscard]] std::optional<Error> refusal_locked(const track::State& track) const;
  /// Takes back a track that is no longer served, or that was requested and not answered: whoever
  /// serves next gets it.
  void take_back(const std::shared_ptr<track::State>& track, Given what);
  /// Points requests to `route`; tracks served by another are told to move. Returns whom to wake.
  [[nodiscard]] kio::WaiterList set_route(std::uint64_t route);
  /// Tells the tracks that are served by a route other than `route` to move (the mutex is held).
  void revoke_locked(std::uint64_t route, kio::WaiterList& woken);
  /// Drops names of tracks that nobody holds, once they may be half of all (the mutex is held).
  void sweep_locked();
};

/// The next request for `route` (0: for a broadcast's own dynamic handlers).
kio::Poll<Result<TrackRequest>> poll_request(const std::shared_ptr<State>& state,
                                             std::uint64_t route, const kio::Waiter& waiter);

}  // namespace moq::net::broadcast

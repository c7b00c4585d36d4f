#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "moq/kio/waiter.h"
#include "moq/net/internal/broadcast_state.h"
#include "moq/net/origin.h"

namespace moq::net::origin {

/// One way to a broadcast: of this process if `local` is set, else through a session.
struct RouteEntry {
  std::uint64_t id = 0;  ///< Rises with age: the newest has the highest.
  Route route;
  std::shared_ptr<broadcast::State> local;
  kio::WaiterList on_request;  ///< For a remote one: its front may have changed.
};

/// All that is known of one path.
struct Entry {
  std::vector<RouteEntry> routes;
  /// What readers of remote routes hold, kept while a route is there or somebody reads.
  std::shared_ptr<broadcast::State> front;
  std::weak_ptr<broadcast::State> idle_front;
  std::optional<std::uint64_t> front_origin;
  std::uint64_t version = 0;  ///< Of its last change, out of `State::next_version`.

  [[nodiscard]] RouteEntry* find(std::uint64_t id);
  /// The best route that does not pass `exclude_hop`; null if there is none.
  [[nodiscard]] const RouteEntry* best(std::uint64_t exclude_hop = 0) const;
};

/// A watcher. Guarded by the origin's mutex.
struct Listener {
  Path prefix;  ///< Whole, from the origin's root.
  bool exact = false;
  Path root;
  Filter filter;
  std::uint64_t exclude_hop = 0;

  struct Reported {
    std::uint64_t version = 0;
    Route route;
    std::shared_ptr<broadcast::State> broadcast;  ///< Which one, for telling restarts.
  };
  std::set<Path> dirty;
  std::map<Path, Reported> reported;
  kio::WaiterList on_dirty;

  [[nodiscard]] bool wants(const Path& path) const;
};

/// Lock order: an origin's mutex, then a broadcast's. Wakes under the origin's mutex only queue
/// tasks, so they are harmless there.
struct State : std::enable_shared_from_this<State> {
  explicit State(std::uint64_t own_hop) : hop(own_hop) {}

  const std::uint64_t hop;
  mutable std::mutex mutex;
  std::map<Path, Entry> entries;
  std::set<std::shared_ptr<Listener>> listeners;
  std::uint64_t next_id = 1;
  std::uint64_t next_version = 1;
  std::size_t removals = 0;

  Result<std::uint64_t> add(const Path& path, RouteEntry entry);
  void update(const Path& path, std::uint64_t id, const Route& route);
  void remove(const Path& path, std::uint64_t id);
  /// After any change of `path`: moves the front to the best route and marks the watchers.
  kio::WaiterList settle_locked(const Path& path, Entry& entry);
  /// Drops entries of paths that nobody routes to or reads, every so many removals.
  void sweep_locked();
  /// What readers of `route` get.
  static std::shared_ptr<broadcast::State> served_by(const Entry& entry, const RouteEntry& route);
};

}  // namespace moq::net::origin

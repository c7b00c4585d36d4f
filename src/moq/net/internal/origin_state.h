#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "moq/kio/waiter.h"
#include "moq/net/internal/broadcast_state.h"
#include "moq/net/origin.h"

namespace moq::net::origin {

/// One way to a broadcast: of this process if `local` is set, else through a session.
struct RouteEntry {
  std::uint64_t id = 0;  ///< Rises with age: the newest has the highest.
  Route route;
  std::uint64_t source = 0;  ///< Who told of a remote one; 0 = unknown.
  bool lingering = false;    ///< Nobody serves it for now.
  bool listed = true;        ///< Watchers are told of it.
  std::shared_ptr<broadcast::State> local;
  kio::WaiterList on_request;  ///< For a remote one: its front may have changed.

  [[nodiscard]] bool is_of(const Exclude& exclude) const {
    return route.passes(exclude.hop) || (exclude.source != 0 && source == exclude.source);
  }
};

/// Which routes are looked at.
enum class Seen : std::uint8_t { listed, all };

/// All that is known of one path.
struct Entry {
  std::vector<RouteEntry> routes;
  /// What readers of remote routes hold, kept while a route is there or somebody reads.
  std::shared_ptr<broadcast::State> front;
  std::weak_ptr<broadcast::State> idle_front;
  std::optional<std::uint64_t> front_origin;

  [[nodiscard]] RouteEntry* find(std::uint64_t id);
  struct Best {
    const RouteEntry* route = nullptr;  ///< Null if there is none.
    std::shared_ptr<broadcast::State> broadcast;
  };
  /// The best route that is none of `exclude`, and what its readers get. All remote routes share
  /// the front, which follows the best of them: for a moment, while hops withdraw their routes,
  /// that may be one of `exclude`.
  [[nodiscard]] Best best(const Exclude& exclude, Seen seen) const;
};

/// A watcher. Guarded by the origin's mutex.
struct Listener {
  Path prefix;  ///< Whole, from the origin's root.
  bool exact = false;
  Path root;
  Filter filter;
  Exclude exclude;

  struct Reported {
    Route route;
    std::shared_ptr<broadcast::State> broadcast;  ///< Which one, for telling restarts.
  };
  std::map<Path, Reported> reported;
  kio::WaiterList on_dirty;

  [[nodiscard]] bool wants(const Path& path) const;
  /// Notes that `path` may differ from what was reported.
  void mark(const Path& path);
  void unmark(const Path& path);
  /// Takes out the path that is marked for longest, so that none starves behind a busy one.
  std::optional<Path> next_marked();
  [[nodiscard]] std::size_t marked() const { return dirty_.size(); }
  /// What there is to report of `path`, and notes that it was; without its broadcast's handle.
  std::optional<Update> report(const Path& path, const Entry::Best& best);

 private:
  std::map<Path, std::uint64_t> dirty_;  ///< With their places in `queue_`.
  std::map<std::uint64_t, Path> queue_;
  std::uint64_t next_place_ = 0;
};

/// What is to be done about a change once the origin's mutex is free.
struct Settled {
  kio::WaiterList woken;
  std::vector<std::pair<std::shared_ptr<broadcast::State>, Error>> closing;
  void finish();
};

/// Lock order: an origin's mutex, then a broadcast's.
struct State : std::enable_shared_from_this<State> {
  explicit State(std::uint64_t own_hop) : hop(own_hop) {}
  /// Ends what readers still wait for: no route can come any more.
  ~State();

  const std::uint64_t hop;
  /// Shared by the tracks of all fronts.
  const std::shared_ptr<Cache> cache = std::make_shared<Cache>(kMaxOriginBytes);
  mutable std::mutex mutex;
  std::map<Path, Entry> entries;
  std::set<std::shared_ptr<Listener>> listeners;
  std::uint64_t next_id = 1;
  std::size_t removals = 0;

  Result<std::uint64_t> add(const Path& path, RouteEntry entry);
  void update(const Path& path, std::uint64_t id, const Route& route);
  void linger(const Path& path, std::uint64_t id);
  void set_listed(const Path& path, std::uint64_t id, bool listed);
  void remove(const Path& path, std::uint64_t id);
  /// After any change of `path`: moves the front to the best route and marks the watchers.
  void settle_locked(const Path& path, Entry& entry, Settled& out);
  /// Drops entries of paths that nobody routes to or reads, every so many removals.
  void sweep_locked();

 private:
  /// Runs `edit`, which says whether it changed the route.
  template <typename Edit>
  void change(const Path& path, std::uint64_t id, Edit&& edit);
  /// Points the front to the best remote route; makes or replaces it if need be.
  void settle_front_locked(Entry& entry, Settled& out);
};

}  // namespace moq::net::origin

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "moq/net/broadcast.h"
#include "moq/net/path.h"

namespace moq::net {

/// How a broadcast is reached. draft-lcurley-moq-lite, ANNOUNCE.
struct Route {
  /// Ids of the hops, the broadcast's own origin first, our neighbour last; 0 = unknown. Without
  /// ourselves; empty for a broadcast of this process.
  std::vector<std::uint64_t> hops;
  std::uint64_t warm_cost = 0;  ///< Price as things are cached now.
  std::uint64_t cold_cost = 0;  ///< Price if nothing were cached.
  bool operator==(const Route&) const = default;

  /// Who numbers the groups: routes with one origin continue each other. None if it is unknown, as
  /// with peers before lite 04.
  [[nodiscard]] std::optional<std::uint64_t> origin_id() const;
  [[nodiscard]] bool passes(std::uint64_t hop) const;
};

/// Costs at their maximum: any other route is better. For a session that drains.
inline constexpr std::uint64_t kMaxCost = kMaxVarint;

/// Routes that a peer is not told of, and not served from: those through itself.
struct Exclude {
  std::uint64_t hop = 0;     ///< Its hop, anywhere in a chain; 0 = unknown.
  std::uint64_t source = 0;  ///< The `source` of the routes that it announced itself; 0 = none.

  Exclude() = default;
  Exclude(std::uint64_t its_hop, std::uint64_t its_source = 0) : hop(its_hop), source(its_source) {}
};

namespace origin {

struct State;
struct Listener;
class Consumer;

/// Keeps a broadcast announced. Dropping it ends the announcement, not the broadcast.
class Announcement {
 public:
  Announcement(std::shared_ptr<State> state, Path path, std::uint64_t id);
  Announcement(Announcement&&) noexcept = default;
  Announcement& operator=(Announcement&& other) noexcept;
  ~Announcement();
  [[nodiscard]] const Path& path() const { return path_; }
  void update(const Route& route);
  /// Unlisted, nobody is told of it, and who was sees it end; whoever knows the path still finds
  /// it, peers too. Listed at the start.
  void set_listed(bool listed);

 private:
  void release();
  std::shared_ptr<State> state_;
  Path path_;
  std::uint64_t id_ = 0;
};

/// A way to a broadcast of somebody else: a session adds one for each announcement it receives, and
/// serves the tracks that are asked of it while it is the best. Dropping it removes the route; the
/// tracks it served must have been given back.
class RemoteRoute {
 public:
  RemoteRoute(std::shared_ptr<State> state, Path path, std::uint64_t id);
  RemoteRoute(RemoteRoute&&) noexcept = default;
  RemoteRoute& operator=(RemoteRoute&& other) noexcept;
  ~RemoteRoute();
  [[nodiscard]] const Path& path() const { return path_; }
  void update(const Route& route);
  /// Nobody serves it for now: worse than any route that is served, and its watchers are not told.
  /// `update` ends that.
  void linger();
  /// The next track that somebody wants over this route.
  kio::Poll<broadcast::TrackRequest> poll_requested_track(const kio::Waiter& waiter);
  auto requested_track() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_requested_track(waiter); });
  }

 private:
  void release();
  std::shared_ptr<State> state_;
  Path path_;
  std::uint64_t id_ = 0;
};

/// A change of what is announced.
struct Update {
  Path path;                   ///< Whole, from the consumer's root.
  std::optional<Route> route;  ///< None: the broadcast is gone.
  /// Set with `route`. The same as in the last update of the path if only the route changed;
  /// another if the broadcast itself started over.
  std::optional<broadcast::Consumer> broadcast;
  bool restarted = false;  ///< Was announced before, as another broadcast.
};

/// Watches the listed announcements below a prefix: first all there are, then each change.
/// Level-triggered: what comes and goes between two polls is not reported, and each path is
/// reported at its latest, the one that changed first before others.
class Announced {
 public:
  Announced(std::shared_ptr<State> state, std::shared_ptr<Listener> listener);
  Announced(Announced&&) noexcept = default;
  Announced& operator=(Announced&& other) noexcept;
  ~Announced();
  kio::Poll<Update> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  void release();
  std::shared_ptr<State> state_;
  std::shared_ptr<Listener> listener_;
};

/// Which paths a handle may touch; empty = all. Called under the origin's lock, from any thread: it
/// must depend on the path alone and call nothing of the origin.
using Filter = std::function<bool(const Path&)>;

/// Publishes broadcasts into an origin: a set of broadcasts by path that outlives every connection.
/// Handles of one origin share it and may be used from any thread, one at a time each.
class Producer {
 public:
  /// A new origin. `hop` is our id on routes, unique among relays and publishers; below 2^53.
  explicit Producer(std::uint64_t hop);
  Producer(std::shared_ptr<State> state, Path root, Filter filter);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&&) noexcept = default;
  [[nodiscard]] Producer clone() const { return {state_, root_, filter_}; }
  /// The same origin, seen from below `root`, and within `filter` of paths below it.
  [[nodiscard]] Result<Producer> scope(const Path& root, Filter filter = {}) const;

  [[nodiscard]] std::uint64_t hop() const;
  /// What the tracks of remote routes may cache together, `kMaxOriginBytes` unless told. The oldest
  /// groups go first; the newest of each track is spared, up to twice the limit.
  void set_cache_limit(std::uint64_t size_bytes);
  /// Announces a broadcast of this process. The newest announcement of a path wins. Fails with
  /// `unauthorized` outside the scope, `invalid_argument` for a path with wildcards, `too_many`
  /// beyond `kMaxRoutes` for the path.
  Result<Announcement> announce(const Path& path, const broadcast::Consumer& broadcast,
                                const Route& route = {});
  /// Adds a way to a broadcast of somebody else. `source` names who told of it, for `Exclude`: any
  /// number that no other source of this origin has meanwhile. Errors as for `announce`.
  Result<RemoteRoute> add_route(const Path& path, const Route& route, std::uint64_t source = 0);
  [[nodiscard]] Consumer consume() const;

 private:
  [[nodiscard]] Result<Path> resolve(const Path& path) const;
  std::shared_ptr<State> state_;
  Path root_;
  Filter filter_;
};

/// Finds broadcasts in an origin.
class Consumer {
 public:
  Consumer(std::shared_ptr<State> state, Path root, Filter filter);
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&&) noexcept = default;
  [[nodiscard]] Consumer clone() const { return {state_, root_, filter_}; }
  [[nodiscard]] Result<Consumer> scope(const Path& root, Filter filter = {}) const;

  [[nodiscard]] std::uint64_t hop() const;
  /// Watches all broadcasts below `prefix`, leaving out the routes of `exclude`.
  [[nodiscard]] Announced announced(const Path& prefix = {}, const Exclude& exclude = {}) const;
  /// Watches the broadcast at exactly `path`: waits for it, and sees it restart.
  [[nodiscard]] Announced announced_exactly(const Path& path) const;
  /// The broadcast at `path`, listed or not, if it has a route now other than those of `exclude`.
  [[nodiscard]] std::optional<broadcast::Consumer> find(const Path& path,
                                                        const Exclude& exclude = {}) const;
  /// Whether `route`, one of those to `path`, is of `exclude`.
  [[nodiscard]] bool is_of(const Path& path, std::uint64_t route, const Exclude& exclude) const;

 private:
  [[nodiscard]] Announced listen(const Path& path, bool exact, const Exclude& exclude) const;
  std::shared_ptr<State> state_;
  Path root_;
  Filter filter_;
};

}  // namespace origin
}  // namespace moq::net

#include "moq/net/internal/origin_state.h"

#include <algorithm>
#include <tuple>

namespace moq::net {

std::optional<std::uint64_t> Route::origin_id() const {
  if (hops.empty() || hops.front() == 0) return std::nullopt;
  return hops.front();
}

bool Route::passes(std::uint64_t hop) const {
  return hop != 0 && std::ranges::find(hops, hop) != hops.end();
}

}  // namespace moq::net

namespace moq::net::origin {
namespace {

/// Sorts lower what is better. moq-lite, choosing among routes: known chains first, then cost, then
/// broadcasts of this process, then fewer hops, then the newest.
auto rank(const RouteEntry& entry) {
  const bool unknown = std::ranges::find(entry.route.hops, 0U) != entry.route.hops.end();
  return std::tuple(unknown, entry.route.warm_cost, entry.route.cold_cost, entry.local == nullptr,
                    entry.route.hops.size(), ~entry.id);
}

bool same_origin(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  return !a || !b || *a == *b;
}

}  // namespace

RouteEntry* Entry::find(std::uint64_t id) {
  const auto at = std::ranges::find(routes, id, &RouteEntry::id);
  return at == routes.end() ? nullptr : &*at;
}

const RouteEntry* Entry::best(std::uint64_t exclude_hop) const {
  const RouteEntry* best = nullptr;
  for (const RouteEntry& entry : routes) {
    if (entry.route.passes(exclude_hop)) continue;
    if (!best || rank(entry) < rank(*best)) best = &entry;
  }
  return best;
}

bool Listener::wants(const Path& path) const {
  if (exact ? path != prefix : !path.has_prefix(prefix)) return false;
  if (!filter) return true;
  const std::optional<Path> below = path.strip_prefix(root);
  return below && filter(*below);
}

std::shared_ptr<broadcast::State> State::served_by(const Entry& entry, const RouteEntry& route) {
  return route.local ? route.local : entry.front;
}

kio::WaiterList State::settle_locked(const Path& path, Entry& entry) {
  kio::WaiterList woken;
  const RouteEntry* best = nullptr;  // Among the remote ones: they alone share the front.
  for (const RouteEntry& candidate : entry.routes) {
    if (!candidate.local && (!best || rank(candidate) < rank(*best))) best = &candidate;
  }
  if (!entry.front) entry.front = entry.idle_front.lock();
  if (best) {
    const std::optional<std::uint64_t> origin = best->route.origin_id();
    if (entry.front && !same_origin(entry.front_origin, origin)) {
      // The publisher started over: readers of the old numbering must not see the new groups.
      entry.front->close(Error(Code::restarted, "the broadcast started over"));
      entry.front = nullptr;
    }
    if (!entry.front) {
      entry.front = std::make_shared<broadcast::State>();
      entry.front->routed = true;
      entry.front_origin.reset();
    }
    if (origin) entry.front_origin = origin;
    entry.front->set_route(best->id);
    entry.idle_front = entry.front;
  } else if (entry.front) {
    // Readers keep it alive; a route that comes back finds it again.
    entry.front->set_route(0);
    entry.idle_front = std::exchange(entry.front, nullptr);
  }
  for (RouteEntry& route : entry.routes) woken.append(route.on_request.take());

  entry.version = next_version++;
  for (const auto& listener : listeners) {
    if (!listener->wants(path)) continue;
    listener->dirty.insert(path);
    woken.append(listener->on_dirty.take());
  }
  if (entry.routes.empty() && entry.idle_front.expired()) {
    // Keep nothing of paths that are over; watchers see them missing.
    entries.erase(path);
  }
  return woken;
}

Result<std::uint64_t> State::add(const Path& path, RouteEntry route) {
  kio::WaiterList woken;
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex);
    Entry& entry = entries[path];
    if (entry.routes.size() >= kMaxRoutes) {
      return fail(Code::too_many, "too many routes to '" + path.text() + "'");
    }
    id = route.id = next_id++;
    entry.routes.push_back(std::move(route));
    woken = settle_locked(path, entry);
  }
  woken.wake();
  return id;
}

void State::update(const Path& path, std::uint64_t id, const Route& route) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(mutex);
    Entry& entry = entries[path];
    RouteEntry* known = entry.find(id);
    if (!known || known->route == route) return;
    known->route = route;
    woken = settle_locked(path, entry);
  }
  woken.wake();
}

void State::remove(const Path& path, std::uint64_t id) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(mutex);
    Entry& entry = entries[path];
    std::erase_if(entry.routes, [id](const RouteEntry& route) { return route.id == id; });
    woken = settle_locked(path, entry);
    sweep_locked();
  }
  woken.wake();
}

void State::sweep_locked() {
  constexpr std::size_t kRemovalsPerSweep = 256;
  if (++removals % kRemovalsPerSweep != 0) return;
  std::erase_if(entries, [](const auto& entry) {
    return entry.second.routes.empty() && !entry.second.front && entry.second.idle_front.expired();
  });
}

}  // namespace moq::net::origin

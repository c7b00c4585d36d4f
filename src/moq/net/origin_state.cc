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
/// broadcasts of this process, then fewer hops, then the newest. What nobody serves comes last,
/// what is not listed before that.
auto rank(const RouteEntry& entry) {
  const bool unknown = std::ranges::find(entry.route.hops, 0U) != entry.route.hops.end();
  return std::tuple(entry.lingering, !entry.listed, unknown, entry.route.warm_cost,
                    entry.route.cold_cost, entry.local == nullptr, entry.route.hops.size(),
                    ~entry.id);
}

bool same_origin(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  return !a || !b || *a == *b;
}

}  // namespace

RouteEntry* Entry::find(std::uint64_t id) {
  const auto at = std::ranges::find(routes, id, &RouteEntry::id);
  return at == routes.end() ? nullptr : &*at;
}

Entry::Best Entry::best(const Exclude& exclude, Seen seen) const {
  const RouteEntry* best = nullptr;
  for (const RouteEntry& entry : routes) {
    if (entry.is_of(exclude) || (seen == Seen::listed && !entry.listed)) continue;
    // Of two publishers under one name, the front carries that of its best route alone.
    if (!entry.local && !same_origin(front_origin, entry.route.origin_id())) continue;
    if (!best || rank(entry) < rank(*best)) best = &entry;
  }
  if (!best) return {};
  return {best, best->local ? best->local : front};
}

bool Listener::wants(const Path& path) const {
  if (exact ? path != prefix : !path.has_prefix(prefix)) return false;
  if (!filter) return true;
  const std::optional<Path> below = path.strip_prefix(root);
  return below && filter(*below);
}

void Listener::mark(const Path& path) {
  const auto [at, fresh] = dirty_.emplace(path, next_place_);
  if (fresh) queue_.emplace_hint(queue_.end(), next_place_++, path);
}

void Listener::unmark(const Path& path) {
  const auto at = dirty_.find(path);
  if (at == dirty_.end()) return;
  queue_.erase(at->second);
  dirty_.erase(at);
}

std::optional<Path> Listener::next_marked() {
  if (queue_.empty()) return std::nullopt;
  Path path = queue_.begin()->second;
  unmark(path);
  return path;
}

std::optional<Update> Listener::report(const Path& path, const Entry::Best& best) {
  Update update{.path = *path.strip_prefix(root)};
  const auto before = reported.find(path);
  if (!best.route) {
    if (before == reported.end()) return std::nullopt;
    reported.erase(before);
    return update;
  }
  update.route = best.route->route;
  if (before == reported.end()) {
    reported.emplace(path, Reported{*update.route, best.broadcast});
    return update;
  }
  Reported& last = before->second;
  update.restarted = last.broadcast != best.broadcast;
  if (!update.restarted && last.route == *update.route) return std::nullopt;
  last = {*update.route, best.broadcast};
  return update;
}

void Settled::finish() {
  woken.wake();
  for (const auto& [broadcast, error] : closing) broadcast->close(error);
}

State::~State() {
  for (auto& [path, entry] : entries) {
    if (const auto front = entry.idle_front.lock()) {
      front->close(Error(Code::closed, "the origin is gone"));
    }
  }
}

void State::settle_front_locked(Entry& entry, Settled& out) {
  const RouteEntry* best = nullptr;
  for (const RouteEntry& candidate : entry.routes) {
    if (!candidate.local && (!best || rank(candidate) < rank(*best))) best = &candidate;
  }
  if (!entry.front) entry.front = entry.idle_front.lock();
  if (!best) {
    // Readers keep it alive; a route that comes back finds it again.
    if (entry.front) out.woken.append(entry.front->set_route(0));
    entry.front = nullptr;
    return;
  }
  const std::optional<std::uint64_t> origin = best->route.origin_id();
  if (entry.front && !same_origin(entry.front_origin, origin)) {
    // The publisher started over: readers of the old numbering must not see the new groups.
    out.closing.emplace_back(std::exchange(entry.front, nullptr),
                             Error(Code::restarted, "the broadcast started over"));
  }
  if (!entry.front) {
    entry.front = std::make_shared<broadcast::State>();
    entry.front->routed = true;
    entry.front->cache = cache;
    entry.front_origin.reset();
  }
  if (origin) entry.front_origin = origin;
  out.woken.append(entry.front->set_route(best->id));
  entry.idle_front = entry.front;
}

void State::settle_locked(const Path& path, Entry& entry, Settled& out) {
  settle_front_locked(entry, out);
  for (RouteEntry& route : entry.routes) out.woken.append(route.on_request.take());
  for (const auto& listener : listeners) {
    if (!listener->wants(path)) continue;
    if (entry.routes.empty() && !listener->reported.contains(path)) {
      listener->unmark(path);  // Came and went unseen.
      continue;
    }
    listener->mark(path);
    out.woken.append(listener->on_dirty.take());
  }
  // Keep nothing of paths that are over; watchers see them missing.
  if (entry.routes.empty() && entry.idle_front.expired()) entries.erase(path);
}

Result<std::uint64_t> State::add(const Path& path, RouteEntry route) {
  Settled settled;
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex);
    Entry& entry = entries[path];
    if (entry.routes.size() >= kMaxRoutes) {
      return fail(Code::too_many, "too many routes to '" + path.text() + "'");
    }
    id = route.id = next_id++;
    entry.routes.push_back(std::move(route));
    settle_locked(path, entry, settled);
  }
  settled.finish();
  return id;
}

template <typename Edit>
void State::change(const Path& path, std::uint64_t id, Edit&& edit) {
  Settled settled;
  {
    std::lock_guard lock(mutex);
    const auto at = entries.find(path);
    RouteEntry* known = at == entries.end() ? nullptr : at->second.find(id);
    MOQ_ASSERT(known);
    if (!edit(*known)) return;
    settle_locked(path, at->second, settled);
  }
  settled.finish();
}

void State::update(const Path& path, std::uint64_t id, const Route& route) {
  change(path, id, [&route](RouteEntry& entry) {
    const bool lingered = std::exchange(entry.lingering, false);
    if (entry.route == route) return lingered;
    entry.route = route;
    return true;
  });
}

void State::linger(const Path& path, std::uint64_t id) {
  change(path, id, [](RouteEntry& entry) { return !std::exchange(entry.lingering, true); });
}

void State::set_listed(const Path& path, std::uint64_t id, bool listed) {
  change(path, id,
         [listed](RouteEntry& entry) { return std::exchange(entry.listed, listed) != listed; });
}

void State::remove(const Path& path, std::uint64_t id) {
  Settled settled;
  RouteEntry removed;  // Freed after the lock.
  {
    std::lock_guard lock(mutex);
    const auto entry = entries.find(path);
    MOQ_ASSERT(entry != entries.end());
    auto& routes = entry->second.routes;
    const auto at = std::ranges::find(routes, id, &RouteEntry::id);
    MOQ_ASSERT(at != routes.end());
    removed = std::move(*at);
    routes.erase(at);
    settle_locked(path, entry->second, settled);
    sweep_locked();
  }
  settled.finish();
}

void State::sweep_locked() {
  constexpr std::size_t kRemovalsPerSweep = 256;
  if (++removals % kRemovalsPerSweep != 0) return;
  std::erase_if(entries, [](const auto& entry) {
    return entry.second.routes.empty() && !entry.second.front && entry.second.idle_front.expired();
  });
}

}  // namespace moq::net::origin

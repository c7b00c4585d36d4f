#include "moq/net/origin.h"

#include "moq/net/internal/origin_state.h"

namespace moq::net::origin {
namespace {

/// `path` below `root`, within what one path may hold.
Result<Path> join_checked(const Path& root, const Path& path) {
  auto joined = root.join(path);
  if (!joined) return std::unexpected(to_error(joined.error(), "path '" + path.text() + "'"));
  return *std::move(joined);
}

/// `inner` narrows `outer`, which sees the paths from further up.
Filter narrow(Filter outer, const Path& root, Filter inner) {
  if (!outer) return inner;
  return [outer = std::move(outer), root, inner = std::move(inner)](const Path& path) {
    const auto above = root.join(path);
    return above && outer(*above) && (!inner || inner(path));
  };
}

}  // namespace

Announcement::Announcement(std::shared_ptr<State> state, Path path, std::uint64_t id)
    : state_(std::move(state)), path_(std::move(path)), id_(id) {}

Announcement& Announcement::operator=(Announcement&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    path_ = std::move(other.path_);
    id_ = other.id_;
  }
  return *this;
}

Announcement::~Announcement() { release(); }

void Announcement::release() {
  if (const auto state = std::exchange(state_, nullptr)) state->remove(path_, id_);
}

void Announcement::update(const Route& route) { state_->update(path_, id_, route); }

RemoteRoute::RemoteRoute(std::shared_ptr<State> state, Path path, std::uint64_t id)
    : state_(std::move(state)), path_(std::move(path)), id_(id) {}

RemoteRoute& RemoteRoute::operator=(RemoteRoute&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    path_ = std::move(other.path_);
    id_ = other.id_;
  }
  return *this;
}

RemoteRoute::~RemoteRoute() { release(); }

void RemoteRoute::release() {
  if (const auto state = std::exchange(state_, nullptr)) state->remove(path_, id_);
}

void RemoteRoute::update(const Route& route) { state_->update(path_, id_, route); }

kio::Poll<broadcast::TrackRequest> RemoteRoute::poll_requested_track(const kio::Waiter& waiter) {
  std::lock_guard lock(state_->mutex);
  Entry& entry = state_->entries[path_];
  RouteEntry* self = entry.find(id_);
  MOQ_ASSERT(self && entry.front);
  self->on_request.add(waiter);
  auto request = broadcast::poll_request(entry.front, id_, waiter);
  if (request.pending() || !*request) return kio::kPending;
  return *std::move(*request);
}

Announced::Announced(std::shared_ptr<State> state, std::shared_ptr<Listener> listener)
    : state_(std::move(state)), listener_(std::move(listener)) {}

Announced& Announced::operator=(Announced&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    listener_ = std::move(other.listener_);
  }
  return *this;
}

Announced::~Announced() { release(); }

void Announced::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  std::lock_guard lock(state->mutex);
  state->listeners.erase(listener_);
}

kio::Poll<Update> Announced::poll_next(const kio::Waiter& waiter) {
  std::lock_guard lock(state_->mutex);
  Listener& listener = *listener_;
  while (!listener.dirty.empty()) {
    const Path path = std::move(listener.dirty.extract(listener.dirty.begin()).value());
    const auto known = state_->entries.find(path);
    const RouteEntry* best =
        known == state_->entries.end() ? nullptr : known->second.best(listener.exclude_hop);
    const auto reported = listener.reported.find(path);
    Update update{.path = *path.strip_prefix(listener.root)};
    if (!best) {
      if (reported == listener.reported.end()) continue;
      listener.reported.erase(reported);
      return update;
    }
    const auto served = State::served_by(known->second, *best);
    const bool before = reported != listener.reported.end();
    if (before && reported->second.version == known->second.version) continue;
    update.restarted = before && reported->second.broadcast != served;
    if (before && !update.restarted && reported->second.route == best->route) continue;
    listener.reported[path] = {known->second.version, best->route, served};
    update.route = best->route;
    update.broadcast.emplace(served);
    return update;
  }
  listener.on_dirty.add(waiter);
  return kio::kPending;
}

Producer::Producer(std::uint64_t hop) : state_(std::make_shared<State>(hop)) {}

Producer::Producer(std::shared_ptr<State> state, Path root, Filter filter)
    : state_(std::move(state)), root_(std::move(root)), filter_(std::move(filter)) {}

Result<Producer> Producer::scope(const Path& root, Filter filter) const {
  MOQ_TRY(Path whole, join_checked(root_, root));
  return Producer(state_, std::move(whole), narrow(filter_, root, std::move(filter)));
}

std::uint64_t Producer::hop() const { return state_->hop; }

Result<Path> Producer::resolve(const Path& path) const {
  if (path.has_wildcard()) {
    return fail(Code::invalid_argument, "'" + path.text() + "' holds a wildcard");
  }
  if (filter_ && !filter_(path)) {
    return fail(Code::unauthorized, "'" + path.text() + "' is outside what may be published");
  }
  return join_checked(root_, path);
}

Result<Announcement> Producer::announce(const Path& path, const broadcast::Consumer& broadcast,
                                        const Route& route) {
  MOQ_TRY(Path whole, resolve(path));
  RouteEntry entry{.route = route, .local = broadcast.state()};
  MOQ_TRY(const std::uint64_t id, state_->add(whole, std::move(entry)));
  return Announcement(state_, std::move(whole), id);
}

Result<RemoteRoute> Producer::add_route(const Path& path, const Route& route) {
  MOQ_TRY(Path whole, resolve(path));
  RouteEntry entry{.route = route};
  MOQ_TRY(const std::uint64_t id, state_->add(whole, std::move(entry)));
  return RemoteRoute(state_, std::move(whole), id);
}

Consumer Producer::consume() const { return {state_, root_, filter_}; }

Consumer::Consumer(std::shared_ptr<State> state, Path root, Filter filter)
    : state_(std::move(state)), root_(std::move(root)), filter_(std::move(filter)) {}

Result<Consumer> Consumer::scope(const Path& root, Filter filter) const {
  MOQ_TRY(Path whole, join_checked(root_, root));
  return Consumer(state_, std::move(whole), narrow(filter_, root, std::move(filter)));
}

std::uint64_t Consumer::hop() const { return state_->hop; }

Announced Consumer::listen(const Path& path, bool exact, std::uint64_t exclude_hop) const {
  auto listener = std::make_shared<Listener>();
  listener->exact = exact;
  listener->root = root_;
  listener->filter = filter_;
  listener->exclude_hop = exclude_hop;
  std::lock_guard lock(state_->mutex);
  if (auto whole = root_.join(path)) {
    listener->prefix = *std::move(whole);
    for (auto at = state_->entries.lower_bound(listener->prefix); at != state_->entries.end();
         ++at) {
      if (!at->first.text().starts_with(listener->prefix.text())) break;
      if (listener->wants(at->first)) listener->dirty.insert(at->first);
    }
    state_->listeners.insert(listener);
  }
  return {state_, std::move(listener)};
}

Announced Consumer::announced(const Path& prefix, std::uint64_t exclude_hop) const {
  return listen(prefix, false, exclude_hop);
}

Announced Consumer::announced_exactly(const Path& path) const { return listen(path, true, 0); }

std::optional<broadcast::Consumer> Consumer::find(const Path& path,
                                                  std::uint64_t exclude_hop) const {
  if (filter_ && !filter_(path)) return std::nullopt;
  const auto whole = root_.join(path);
  if (!whole) return std::nullopt;
  std::lock_guard lock(state_->mutex);
  const auto known = state_->entries.find(*whole);
  if (known == state_->entries.end()) return std::nullopt;
  const RouteEntry* best = known->second.best(exclude_hop);
  if (!best) return std::nullopt;
  return broadcast::Consumer(State::served_by(known->second, *best));
}

}  // namespace moq::net::origin

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
void Announcement::set_listed(bool listed) { state_->set_listed(path_, id_, listed); }

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
void RemoteRoute::linger() { state_->linger(path_, id_); }

kio::Poll<broadcast::TrackRequest> RemoteRoute::poll_requested_track(const kio::Waiter& waiter) {
  std::shared_ptr<broadcast::State> front;
  {
    std::lock_guard lock(state_->mutex);
    const auto entry = state_->entries.find(path_);
    MOQ_ASSERT(entry != state_->entries.end());
    RouteEntry* self = entry->second.find(id_);
    MOQ_ASSERT(self && entry->second.front);
    self->on_request.add(waiter);
    front = entry->second.front;
  }
  auto request = broadcast::poll_request(front, id_, waiter);
  // One that is closed was replaced, and the waiter was told of that.
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
  std::optional<Update> update;
  Entry::Best best;
  {
    std::lock_guard lock(state_->mutex);
    while (const auto path = listener_->next_marked()) {
      const auto known = state_->entries.find(*path);
      if (known != state_->entries.end())
        best = known->second.best(listener_->exclude, Seen::listed);
      update = listener_->report(*path, best);
      if (update) break;
    }
    if (!update) {
      listener_->on_dirty.add(waiter);
      return kio::kPending;
    }
  }
  if (update->route) update->broadcast.emplace(std::move(best.broadcast));
  return *std::move(update);
}

Producer::Producer(std::uint64_t hop) : state_(std::make_shared<State>(hop)) {}

Producer::Producer(std::shared_ptr<State> state, Path root, Filter filter)
    : state_(std::move(state)), root_(std::move(root)), filter_(std::move(filter)) {}

Result<Producer> Producer::scope(const Path& root, Filter filter) const {
  MOQ_TRY(Path whole, join_checked(root_, root));
  return Producer(state_, std::move(whole), narrow(filter_, root, std::move(filter)));
}

std::uint64_t Producer::hop() const { return state_->hop; }

void Producer::set_cache_limit(std::uint64_t size_bytes) { state_->cache->set_limit(size_bytes); }

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

Result<RemoteRoute> Producer::add_route(const Path& path, const Route& route,
                                        std::uint64_t source) {
  MOQ_TRY(Path whole, resolve(path));
  RouteEntry entry{.route = route, .source = source};
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

Announced Consumer::listen(const Path& path, bool exact, const Exclude& exclude) const {
  auto listener = std::make_shared<Listener>();
  listener->exact = exact;
  listener->root = root_;
  listener->filter = filter_;
  listener->exclude = exclude;
  std::lock_guard lock(state_->mutex);
  if (auto whole = root_.join(path)) {
    listener->prefix = *std::move(whole);
    for (auto at = state_->entries.lower_bound(listener->prefix); at != state_->entries.end();
         ++at) {
      if (!at->first.text().starts_with(listener->prefix.text())) break;
      if (listener->wants(at->first)) listener->mark(at->first);
    }
    state_->listeners.insert(listener);
  }
  return {state_, std::move(listener)};
}

Announced Consumer::announced(const Path& prefix, const Exclude& exclude) const {
  return listen(prefix, false, exclude);
}

Announced Consumer::announced_exactly(const Path& path) const { return listen(path, true, {}); }

std::optional<broadcast::Consumer> Consumer::find(const Path& path, const Exclude& exclude) const {
  if (filter_ && !filter_(path)) return std::nullopt;
  const auto whole = root_.join(path);
  if (!whole) return std::nullopt;
  Entry::Best best;
  {
    std::lock_guard lock(state_->mutex);
    const auto known = state_->entries.find(*whole);
    if (known != state_->entries.end()) best = known->second.best(exclude, Seen::all);
  }
  if (!best.route) return std::nullopt;
  return broadcast::Consumer(std::move(best.broadcast));
}

bool Consumer::is_of(const Path& path, std::uint64_t route, const Exclude& exclude) const {
  const auto whole = root_.join(path);
  if (!whole) return false;
  std::lock_guard lock(state_->mutex);
  const auto known = state_->entries.find(*whole);
  if (known == state_->entries.end()) return false;
  const RouteEntry* entry = known->second.find(route);
  return entry != nullptr && entry->is_of(exclude);
}

}  // namespace moq::net::origin

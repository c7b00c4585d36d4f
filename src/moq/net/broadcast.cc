#include "moq/net/broadcast.h"

#include <algorithm>
#include <vector>

#include "moq/net/internal/broadcast_state.h"

namespace moq::net::broadcast {
namespace {

Error restarted_error() { return {Code::restarted, "the track came back with another timescale"}; }

}  // namespace

kio::WaiterList State::queue_locked(std::shared_ptr<track::State> track) {
  if (std::exchange(track->queued, true)) return {};
  requests.push_back(std::move(track));
  return on_request.take();
}

void State::sweep_locked() {
  if (tracks.size() < sweep_at) return;
  std::erase_if(tracks, [](const auto& entry) { return entry.second.expired(); });
  constexpr std::size_t kLeast = 64;
  sweep_at = std::max(kLeast, 2 * tracks.size());
}

void State::revoke_locked(std::uint64_t route, kio::WaiterList& woken) {
  for (const auto& [name, weak] : tracks) {
    const auto track = weak.lock();
    if (!track) continue;
    std::lock_guard track_lock(track->mutex);
    const bool revoked = track->route != 0 && track->route != route;
    if (std::exchange(track->revoked, revoked) || !revoked) continue;
    woken.append(track->on_demand.take());
  }
}

void State::keep(std::shared_ptr<track::State> track) {
  std::shared_ptr<track::State> forgotten;  // Freed after the lock.
  std::lock_guard lock(mutex);
  if (closed) return;
  finished.push_back(std::move(track));
  if (finished.size() <= kMaxFinishedTracks) return;
  forgotten = std::move(finished.front());
  finished.pop_front();
}

void State::close(const Error& error) {
  kio::WaiterList woken;
  std::list<std::shared_ptr<track::State>> waiting;
  std::list<std::shared_ptr<track::State>> forgotten;  // Freed after the lock.
  {
    std::lock_guard lock(mutex);
    if (closed) return;
    closed = error;
    forgotten = std::exchange(finished, {});
    waiting = std::exchange(requests, {});
    for (const auto& track : waiting) track->queued = false;
    revoke_locked(0, woken);  // Routes give their tracks back, which ends them.
    woken.append(on_request.take());
    woken.append(on_change.take());
    woken.append(on_track.take());
  }
  woken.wake();
  for (const auto& track : waiting) track->abort(error);
}

std::optional<Error> State::refusal_locked(const track::State& track) const {
  if (closed) return closed;
  if (!track.home || !(routed || handlers > 0)) {
    return Error(Code::not_found, "no track '" + track.name + "'");
  }
  return std::nullopt;
}

void State::take_back(const std::shared_ptr<track::State>& track, Given what) {
  kio::WaiterList woken;
  std::optional<Error> refused;
  {
    std::lock_guard lock(mutex);
    std::lock_guard track_lock(track->mutex);
    if (track->over()) return;
    if (what == Given::request ? !track->requested : !track->served) return;  // Taken over.
    track->requested = false;
    track->served = false;
    track->revoked = false;
    track->route = 0;
    woken = track->on_served.take();
    refused = refusal_locked(*track);
    if (!refused && track->used()) woken.append(queue_locked(track));
  }
  woken.wake();
  if (refused) track->abort(*refused);
}

kio::WaiterList State::set_route(std::uint64_t route) {
  kio::WaiterList woken;
  std::lock_guard lock(mutex);
  if (current_route == route) return woken;
  current_route = route;
  woken = on_request.take();
  // Without any route, those that serve are about to give back by themselves.
  if (route != 0) revoke_locked(route, woken);
  return woken;
}

TrackRequest::TrackRequest(std::shared_ptr<track::State> state, std::shared_ptr<State> home)
    : state_(std::move(state)), home_(std::move(home)) {}

TrackRequest::~TrackRequest() {
  if (!state_) return;
  bool give_back = home_->routed;
  if (!give_back) {
    std::lock_guard lock(state_->mutex);
    give_back = !state_->used();
  }
  if (give_back) {
    std::move(*this).give_back();
  } else {
    std::move(*this).reject(Error(Code::not_found, "nobody serves the track"));
  }
}

const std::string& TrackRequest::name() const { return state_->name; }

std::optional<track::Info> TrackRequest::former_info() const {
  std::lock_guard lock(state_->mutex);
  return state_->info;
}

std::optional<track::Subscription> TrackRequest::demand() const {
  std::lock_guard lock(state_->mutex);
  return state_->demand();
}

Result<track::Producer> TrackRequest::accept(const track::Info& info) && {
  const auto state = std::exchange(state_, nullptr);
  // Counted before the track shows as served, so that no earlier writer's end ends it.
  track::Producer producer(state);
  group::Remains remains;
  bool restarted = false;
  {
    std::lock_guard lock(state->mutex);
    if (state->aborted) return std::unexpected(*state->aborted);
    if (!std::exchange(state->requested, false)) {
      return fail(Code::duplicate, "track '" + state->name + "' is being written");
    }
    restarted = state->info && state->info->timescale != info.timescale;
    if (restarted) {
      state->abort(restarted_error(), remains);
    } else {
      if (!state->info) state->info = info;
      state->served = true;
      state->forget_what_is_gone();
      remains.woken.append(state->on_group.take());
      remains.woken.append(state->on_served.take());
    }
  }
  if (!restarted) {
    std::lock_guard lock(home_->mutex);
    remains.woken.append(home_->on_track.take());
  }
  remains.woken.wake();
  if (restarted) return std::unexpected(restarted_error());
  return producer;
}

void TrackRequest::reject(const Error& error) && {
  const auto state = std::exchange(state_, nullptr);
  group::Remains remains;
  {
    std::lock_guard lock(state->mutex);
    if (!state->requested) return;  // The broadcast's own producer took it over.
    state->abort(error, remains);
  }
  remains.woken.wake();
}

void TrackRequest::give_back() && {
  home_->take_back(std::exchange(state_, nullptr), Given::request);
}

kio::Poll<kio::Unit> TrackRequest::poll_unwanted(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (!state_->requested || !state_->used() || state_->revoked) return kio::Unit{};
  state_->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<TrackRequest>> poll_request(const std::shared_ptr<State>& state,
                                             std::uint64_t route, const kio::Waiter& waiter) {
  using Out = Result<TrackRequest>;
  std::lock_guard lock(state->mutex);
  if (state->closed) return Out(std::unexpected(*state->closed));
  while (state->current_route == route && !state->requests.empty()) {
    auto track = std::move(state->requests.front());
    state->requests.pop_front();
    track->queued = false;
    std::lock_guard track_lock(track->mutex);
    if (!track->used()) continue;
    track->requested = true;
    track->route = route;
    return Out(TrackRequest(track, state));
  }
  state->on_request.add(waiter);
  return kio::kPending;
}

Dynamic::Dynamic(std::shared_ptr<State> state) : state_(std::move(state)) {
  std::lock_guard lock(state_->mutex);
  ++state_->handlers;
}

Dynamic::~Dynamic() {
  if (!state_) return;
  std::list<std::shared_ptr<track::State>> waiting;
  {
    std::lock_guard lock(state_->mutex);
    if (--state_->handlers > 0) return;
    waiting = std::exchange(state_->requests, {});
    for (const auto& track : waiting) track->queued = false;
  }
  for (const auto& track : waiting) {
    track->abort(Error(Code::not_found, "nobody serves the track"));
  }
}

kio::Poll<Result<TrackRequest>> Dynamic::poll_requested_track(const kio::Waiter& waiter) {
  return poll_request(state_, 0, waiter);
}

kio::Poll<Result<Tracks::Track>> Tracks::poll_next(const kio::Waiter& waiter) {
  using Out = Result<Track>;
  if (next_.empty()) {
    std::vector<std::shared_ptr<track::State>> seen;  // Freed after the lock.
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return Out(std::unexpected(*state_->closed));
    std::erase_if(told_, [](const auto& entry) { return entry.second.expired(); });
    for (const auto& [name, weak] : state_->tracks) {
      auto track = weak.lock();
      if (!track) continue;
      seen.push_back(track);
      std::lock_guard track_lock(track->mutex);
      if (!track->served || track->over()) continue;
      auto& told = told_[name];
      if (!told.owner_before(track) && !track.owner_before(told)) continue;
      told = track;
      next_.push_back({.name = name, .route = track->route});
    }
    if (next_.empty()) {
      state_->on_track.add(waiter);
      return kio::kPending;
    }
  }
  Track next = std::move(next_.front());
  next_.pop_front();
  return Out(std::move(next));
}

Producer::Producer() : Producer(std::make_shared<State>()) {}

Producer::Producer(std::shared_ptr<State> state) : state_(std::move(state)) {
  std::lock_guard lock(state_->mutex);
  ++state_->producers;
}

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
  }
  return *this;
}

Producer::~Producer() { release(); }

void Producer::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  {
    std::lock_guard lock(state->mutex);
    if (--state->producers > 0) return;
  }
  state->close(Error(Code::closed, "the broadcast ended"));
}

Producer Producer::clone() const { return Producer(state_); }

Result<track::Producer> Producer::create_track(std::string_view name, const track::Info& info) {
  MOQ_ASSERT(info.timescale > 0);
  kio::WaiterList woken;
  std::shared_ptr<track::State> track;
  std::shared_ptr<track::State> replaced;  // Freed after the lock.
  std::optional<track::Producer> producer;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return std::unexpected(*state_->closed);
    state_->sweep_locked();
    auto& slot = state_->tracks[std::string(name)];
    track = replaced = slot.lock();
    std::erase(state_->finished, track);
    if (track) {
      std::lock_guard track_lock(track->mutex);
      if (track->served && !track->over()) {
        return fail(Code::duplicate, "track '" + std::string(name) + "' is being written");
      }
      // One that readers wait for is taken over with its readers.
      const bool fits = !track->info || track->info->timescale == info.timescale;
      if (track->over() || !fits) track = nullptr;
    }
    if (!track) slot = track = track::State::create(std::string(name), state_->cache);
    if (std::exchange(track->queued, false)) std::erase(state_->requests, track);
    producer.emplace(track);  // Counted before the track shows as served.
    std::lock_guard track_lock(track->mutex);
    if (!track->info) track->info = info;
    track->keeper = state_;
    track->requested = false;
    track->served = true;
    woken = track->on_group.take();
    woken.append(track->on_served.take());
    woken.append(track->on_demand.take());  // For a `TrackRequest` that is out.
    woken.append(state_->on_track.take());
  }
  woken.wake();
  return *std::move(producer);
}

Dynamic Producer::dynamic() const { return Dynamic(state_); }
Consumer Producer::consume() const { return Consumer(state_); }
void Producer::close(const Error& error) { state_->close(error); }

kio::Poll<Result<void>> Producer::poll_used(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return Result<void>(std::unexpected(*state_->closed));
  if (state_->consumers > 0) return Result<void>();
  state_->on_change.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<void>> Producer::poll_unused(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return Result<void>(std::unexpected(*state_->closed));
  if (state_->consumers == 0) return Result<void>();
  state_->on_change.add(waiter);
  return kio::kPending;
}

Consumer::Consumer(std::shared_ptr<State> state) : state_(std::move(state)) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->consumers++ == 0) woken = state_->on_change.take();
  }
  woken.wake();
}

Consumer& Consumer::operator=(Consumer&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
  }
  return *this;
}

Consumer::~Consumer() { release(); }

void Consumer::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  kio::WaiterList woken;
  {
    std::lock_guard lock(state->mutex);
    if (--state->consumers == 0) woken = state->on_change.take();
  }
  woken.wake();
}

Consumer Consumer::clone() const { return Consumer(state_); }

std::shared_ptr<track::State> State::find_or_create(std::string_view name) {
  std::lock_guard lock(mutex);
  if (closed) {
    auto none = track::State::create(std::string(name), nullptr);
    none->aborted = closed;
    return none;
  }
  sweep_locked();
  auto& slot = tracks[std::string(name)];
  std::shared_ptr<track::State> track = slot.lock();
  bool fresh = !track;
  if (track) {
    std::lock_guard track_lock(track->mutex);
    fresh = track->aborted.has_value();
  }
  if (fresh) {
    track = track::State::create(std::string(name), cache);
    slot = track;
    if (routed || handlers > 0) track->home = shared_from_this();
  }
  return track;
}

void State::ask(const std::shared_ptr<track::State>& track) {
  kio::WaiterList woken;
  std::optional<Error> error;
  {
    std::lock_guard lock(mutex);
    {
      std::lock_guard track_lock(track->mutex);
      if (track->served || track->requested || track->over() || track->queued) return;
    }
    error = refusal_locked(*track);
    if (!error && requests.size() >= kMaxTrackRequests) {
      error = Error(Code::too_many, "too many requests for tracks wait");
    }
    if (!error) woken = queue_locked(track);
  }
  woken.wake();
  if (error) track->abort(*error);
}

track::Consumer Consumer::subscribe(std::string_view name,
                                    const track::Subscription& subscription) const {
  const auto track = state_->find_or_create(name);
  track::Consumer consumer(track, subscription);
  state_->ask(track);
  return consumer;
}

track::Fetch Consumer::fetch(std::string_view name, std::uint64_t sequence,
                             std::uint8_t priority) const {
  const auto track = state_->find_or_create(name);
  track::Fetch fetch = track::fetch(track, sequence, priority);
  state_->ask(track);
  return fetch;
}

track::InfoRequest Consumer::info(std::string_view name) const {
  const auto track = state_->find_or_create(name);
  track::InfoRequest request(track);
  state_->ask(track);
  return request;
}

kio::Poll<Error> Consumer::poll_closed(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return *state_->closed;
  state_->on_change.add(waiter);
  return kio::kPending;
}

}  // namespace moq::net::broadcast

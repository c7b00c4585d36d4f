#include "moq/net/broadcast.h"

#include <algorithm>

#include "moq/net/internal/broadcast_state.h"

namespace moq::net::broadcast {

kio::WaiterList State::queue_locked(std::shared_ptr<track::State> track) {
  if (std::exchange(track->queued, true)) return {};
  requests.push_back(std::move(track));
  return on_request.take();
}

void State::sweep_locked() {
  std::erase_if(tracks, [](const auto& entry) { return entry.second.expired(); });
}

void State::close(const Error& error) {
  kio::WaiterList woken;
  std::deque<std::shared_ptr<track::State>> waiting;
  {
    std::lock_guard lock(mutex);
    if (closed) return;
    closed = error;
    waiting = std::exchange(requests, {});
    for (const auto& track : waiting) track->queued = false;
    woken = on_request.take();
    woken.append(on_change.take());
  }
  woken.wake();
  for (const auto& track : waiting) track->abort(error);
}

void State::take_back(const std::shared_ptr<track::State>& track) {
  kio::WaiterList woken;
  std::optional<Error> refused;
  {
    std::lock_guard lock(mutex);
    refused = closed;
    std::lock_guard track_lock(track->mutex);
    track->served = false;
    track->revoked = false;
    track->route = 0;
    woken = track->on_served.take();
    if (track->used() && !track->over() && !closed) woken.append(queue_locked(track));
  }
  woken.wake();
  if (refused) track->abort(*refused);
}

void State::set_route(std::uint64_t route) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(mutex);
    if (current_route == route) return;
    current_route = route;
    woken = on_request.take();
    if (route != 0) {
      for (const auto& [name, weak] : tracks) {
        const auto track = weak.lock();
        if (!track) continue;
        std::lock_guard track_lock(track->mutex);
        if (track->route == 0 || track->route == route || track->revoked) continue;
        track->revoked = true;
        woken.append(track->on_demand.take());
      }
    }
  }
  woken.wake();
}

TrackRequest::TrackRequest(std::shared_ptr<track::State> state, std::shared_ptr<State> home)
    : state_(std::move(state)), home_(std::move(home)) {}

TrackRequest::~TrackRequest() {
  if (state_) std::move(*this).reject(Error(Code::not_found, "nobody serves the track"));
}

const std::string& TrackRequest::name() const { return state_->name; }

std::optional<track::Info> TrackRequest::former_info() const {
  std::lock_guard lock(state_->mutex);
  return state_->info;
}

Result<track::Producer> TrackRequest::accept(const track::Info& info) && {
  const auto state = std::exchange(state_, nullptr);
  kio::WaiterList woken;
  std::optional<track::Producer> producer(state);
  bool restarted = false;
  {
    std::lock_guard lock(state->mutex);
    restarted = state->info && state->info->timescale != info.timescale;
    if (!restarted) {
      if (!state->info) state->info = info;
      state->served = true;
      woken = state->on_group.take();
      woken.append(state->on_served.take());
    }
  }
  woken.wake();
  if (restarted) {
    Error error(Code::restarted, "the track came back with another timescale");
    state->abort(error);
    return std::unexpected(std::move(error));
  }
  return *std::move(producer);
}

void TrackRequest::reject(Error error) && { std::exchange(state_, nullptr)->abort(error); }

void TrackRequest::give_back() && { home_->take_back(std::exchange(state_, nullptr)); }

kio::Poll<kio::Unit> TrackRequest::poll_unwanted(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (!state_->used() || state_->revoked || state_->over()) return kio::Unit{};
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
  std::deque<std::shared_ptr<track::State>> waiting;
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
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return std::unexpected(*state_->closed);
    state_->sweep_locked();
    auto& slot = state_->tracks[std::string(name)];
    track = slot.lock();
    if (track) {
      std::lock_guard track_lock(track->mutex);
      if (track->served && !track->over()) {
        return fail(Code::duplicate, "track '" + std::string(name) + "' is being written");
      }
      // One that readers asked for and nobody has answered yet is taken over with its readers.
      if (track->over() || !track->queued) track = nullptr;
    }
    if (track) {
      track->queued = false;
      std::erase(state_->requests, track);
    } else {
      track = std::make_shared<track::State>(std::string(name));
      slot = track;
    }
    std::lock_guard track_lock(track->mutex);
    track->info = info;
    track->served = true;
    woken = track->on_group.take();
    woken.append(track->on_served.take());
  }
  woken.wake();
  return track::Producer(std::move(track));
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
  auto& slot = tracks[std::string(name)];
  std::shared_ptr<track::State> track = slot.lock();
  bool fresh = !track;
  if (track) {
    std::lock_guard track_lock(track->mutex);
    fresh = track->aborted.has_value();
  }
  if (fresh) {
    track = std::make_shared<track::State>(std::string(name));
    slot = track;
    if (routed || handlers > 0) track->home = shared_from_this();
  }
  if (tracks.size() > 2 * kMaxTrackRequests) sweep_locked();
  return track;
}

void State::ask(const std::shared_ptr<track::State>& track) {
  kio::WaiterList woken;
  std::optional<Error> error;
  {
    std::lock_guard lock(mutex);
    {
      std::lock_guard track_lock(track->mutex);
      if (track->served || track->over() || track->route != 0 || track->queued) return;
    }
    if (closed) {
      error = closed;
    } else if (!track->home) {
      error = Error(Code::not_found, "no track '" + track->name + "'");
    } else if (requests.size() >= kMaxTrackRequests) {
      error = Error(Code::too_many, "too many requests for tracks wait");
    } else {
      woken = queue_locked(track);
    }
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

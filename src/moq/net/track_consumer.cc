#include <algorithm>

#include "moq/net/internal/track_state.h"

namespace moq::net::track {

Consumer::Consumer(std::shared_ptr<State> state, const Subscription& subscription)
    : state_(std::move(state)), subscription_(subscription) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    id_ = state_->next_subscription++;
    state_->subscriptions.emplace(id_, subscription_);
    ++state_->demand_version;
    next_datagram_ = state_->first_datagram + state_->datagrams.size();
    woken = state_->on_demand.take();
  }
  woken.wake();
}

Consumer& Consumer::operator=(Consumer&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    subscription_ = other.subscription_;
    id_ = other.id_;
    next_arrival_ = other.next_arrival_;
    next_datagram_ = other.next_datagram_;
    parked_ = std::move(other.parked_);
    reconsider_ = other.reconsider_;
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
    state->subscriptions.erase(id_);
    ++state->demand_version;
    woken = state->on_demand.take();
  }
  woken.wake();
  parked_.clear();
  state->release_interest();
}

Consumer Consumer::clone() const { return Consumer(state_, subscription_); }
const std::string& Consumer::name() const { return state_->name; }

void Consumer::update(const Subscription& subscription) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (subscription == subscription_) return;
    reconsider_ = true;
    subscription_ = subscription;
    state_->subscriptions[id_] = subscription;
    ++state_->demand_version;
    woken = state_->on_demand.take();
    woken.append(state_->on_group.take());       // What was beyond the old end may be wanted now,
    woken.append(state_->take_stale_waiters());  // and what was fresh, stale.
  }
  woken.wake();
}

kio::Poll<Result<Info>> Consumer::poll_info(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->info) return Result<Info>(*state_->info);
  if (state_->aborted) return Result<Info>(std::unexpected(*state_->aborted));
  state_->on_group.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<std::optional<group::Consumer>>> Consumer::poll_next_group(
    const kio::Waiter& waiter) {
  using Out = Result<std::optional<group::Consumer>>;
  std::shared_ptr<group::State> found;
  {
    std::lock_guard lock(state_->mutex);
    if (reconsider_) found = unpark();
    auto at = state_->arrivals.lower_bound(next_arrival_);
    for (; !found && at != state_->arrivals.end(); ++at) {
      next_arrival_ = at->first + 1;
      const std::uint64_t sequence = at->second->sequence;
      if (subscription_.end && sequence > *subscription_.end) {
        park(at->first);
      } else if (sequence >= subscription_.start.value_or(0) &&
                 !state_->stale(sequence, subscription_.max_age)) {
        found = at->second;
      }
    }
    if (!found) {
      if (state_->aborted) return Out(std::unexpected(*state_->aborted));
      if (state_->finished) return Out(std::nullopt);
      state_->on_group.add(waiter);
      return kio::kPending;
    }
  }
  return Out(group::Consumer(std::move(found)));
}

/// Remembers a group past the end (the track's mutex is held).
void Consumer::park(std::uint64_t arrival) {
  // Bounded by the cache: what left it is forgotten here too.
  const auto& cached = state_->arrivals;
  if (parked_.size() > 2 * cached.size()) {
    std::erase_if(parked_, [&cached](std::uint64_t one) { return !cached.contains(one); });
  }
  parked_.push_back(arrival);
}

/// The first parked group that is wanted now (the track's mutex is held).
std::shared_ptr<group::State> Consumer::unpark() {
  for (auto one = parked_.begin(); one != parked_.end(); ++one) {
    const auto cached = state_->arrivals.find(*one);
    if (cached == state_->arrivals.end()) continue;
    const std::uint64_t sequence = cached->second->sequence;
    if (subscription_.end && sequence > *subscription_.end) continue;
    if (state_->stale(sequence, subscription_.max_age)) continue;
    parked_.erase(one);
    return cached->second;
  }
  reconsider_ = false;
  return nullptr;
}

kio::Poll<Result<std::optional<Datagram>>> Consumer::poll_datagram(const kio::Waiter& waiter) {
  using Out = Result<std::optional<Datagram>>;
  std::lock_guard lock(state_->mutex);
  next_datagram_ = std::max(next_datagram_, state_->first_datagram);
  const std::size_t at = next_datagram_ - state_->first_datagram;
  if (at < state_->datagrams.size()) {
    ++next_datagram_;
    return Out(state_->datagrams[at]);
  }
  if (state_->aborted) return Out(std::unexpected(*state_->aborted));
  if (state_->finished) return Out(std::nullopt);
  state_->on_datagram.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<std::uint64_t>> Consumer::poll_end(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->aborted) return Result<std::uint64_t>(std::unexpected(*state_->aborted));
  if (state_->end) return Result<std::uint64_t>(*state_->end);
  state_->on_group.add(waiter);
  return kio::kPending;
}

kio::Poll<bool> Consumer::poll_served(const kio::Waiter& waiter, bool served) const {
  std::lock_guard lock(state_->mutex);
  if (state_->served != served) return state_->served;
  state_->on_served.add(waiter);
  return kio::kPending;
}

kio::Poll<kio::Unit> Consumer::poll_stale(const kio::Waiter& waiter, std::uint64_t sequence) const {
  std::lock_guard lock(state_->mutex);
  return state_->poll_stale(waiter, sequence, subscription_.max_age);
}

std::uint64_t Consumer::lowest_to_come(std::uint64_t sequence) const {
  std::lock_guard lock(state_->mutex);
  std::uint64_t lowest = sequence;
  const std::uint64_t floor = subscription_.start.value_or(0);
  // Groups that came after it, but are older;
  for (auto at = state_->by_sequence.lower_bound(floor); at != state_->by_sequence.end(); ++at) {
    if (at->first >= lowest) break;
    if (!state_->stale(at->first, subscription_.max_age)) lowest = at->first;
  }
  // and those that have not come at all. What was asked for by number the source is asked for too.
  if (!state_->expected_from) return lowest;
  const std::uint64_t from = subscription_.start.value_or(*state_->expected_from);
  return state_->missing(from, lowest, subscription_.max_age).value_or(lowest);
}

bool Consumer::may_come(std::uint64_t first, std::uint64_t last) const {
  std::lock_guard lock(state_->mutex);
  return state_->next_missing(first, subscription_.max_age) <= last;
}

bool Consumer::is_stale(std::uint64_t sequence) const {
  std::lock_guard lock(state_->mutex);
  return state_->stale(sequence, subscription_.max_age);
}

Duration Consumer::lag(std::uint64_t timestamp) const {
  std::lock_guard lock(state_->mutex);
  return state_->lag(timestamp).value_or(Duration::zero());
}

std::optional<std::uint64_t> Consumer::latest() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest;
}

std::optional<Edge> Consumer::edge() const {
  std::lock_guard lock(state_->mutex);
  return state_->edge();
}

}  // namespace moq::net::track

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
    next_arrival_ = state_->first_arrival;
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
  state->release_interest();
}

Consumer Consumer::clone() const { return Consumer(state_, subscription_); }
const std::string& Consumer::name() const { return state_->name; }

void Consumer::update(const Subscription& subscription) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (subscription == subscription_) return;
    subscription_ = subscription;
    state_->subscriptions[id_] = subscription;
    ++state_->demand_version;
    woken = state_->on_demand.take();
    woken.append(state_->on_group.take());  // What was beyond the old end may be wanted now.
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
  std::lock_guard lock(state_->mutex);
  next_arrival_ = std::max(next_arrival_, state_->first_arrival);
  while (next_arrival_ - state_->first_arrival < state_->arrivals.size()) {
    const auto& group = state_->arrivals[next_arrival_ - state_->first_arrival];
    if (group && subscription_.end && group->sequence > *subscription_.end) break;
    ++next_arrival_;
    if (!group) continue;
    if (subscription_.start && group->sequence < *subscription_.start) continue;
    if (state_->stale(group->sequence, subscription_.max_age)) continue;
    return Out(group::Consumer(group));
  }
  if (state_->aborted) return Out(std::unexpected(*state_->aborted));
  if (state_->finished) return Out(std::nullopt);
  state_->on_group.add(waiter);
  return kio::kPending;
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

bool Consumer::is_stale(std::uint64_t sequence) const {
  std::lock_guard lock(state_->mutex);
  return state_->stale(sequence, subscription_.max_age);
}

std::optional<std::uint64_t> Consumer::latest() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest;
}

}  // namespace moq::net::track

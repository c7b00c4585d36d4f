#include <algorithm>

#include "moq/net/internal/broadcast_state.h"
#include "moq/net/internal/track_state.h"

namespace moq::net::track {
namespace {

/// Records the first answer and wakes who asked.
void answer(State& state, FetchState& fetch, Result<group::Consumer> result) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state.mutex);
    if (fetch.answer || fetch.askers == 0) return;
    fetch.answer = std::move(result);
    woken = fetch.on_change.take();
  }
  woken.wake();
}

/// Whether another asker may join (the track's mutex is held).
bool shareable(const FetchState& fetch) {
  return !fetch.answer || (*fetch.answer && !(*fetch.answer)->error());
}

}  // namespace

GroupRequest::GroupRequest(std::shared_ptr<State> state, std::shared_ptr<FetchState> fetch)
    : state_(std::move(state)), fetch_(std::move(fetch)) {}

GroupRequest::~GroupRequest() {
  if (!fetch_) return;
  if (state_->home && state_->home->routed) {
    std::move(*this).give_back();
  } else {
    std::move(*this).reject(Error(Code::cancelled, "nobody answered the fetch"));
  }
}

std::uint64_t GroupRequest::sequence() const { return fetch_->sequence; }

std::uint8_t GroupRequest::priority() const {
  std::lock_guard lock(state_->mutex);
  return fetch_->priority;
}

group::Producer GroupRequest::accept() && {
  const auto fetch = std::exchange(fetch_, nullptr);
  // Not of the track: it counts, and ages, by itself.
  const auto& cache = state_->tally->cache();
  auto group = std::make_shared<group::State>(fetch->sequence, std::make_shared<Tally>(cache));
  if (cache) cache->add(group, nullptr);
  answer(*state_, *fetch, group::Consumer(group));
  return group::Producer(std::move(group));
}

void GroupRequest::reject(Error error) && {
  const auto fetch = std::exchange(fetch_, nullptr);
  answer(*state_, *fetch, std::unexpected(std::move(error)));
}

void GroupRequest::give_back() && {
  const auto fetch = std::exchange(fetch_, nullptr);
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (fetch->answer || fetch->askers == 0) return;
    state_->fetch_requests.push_front(fetch);
    woken = state_->on_demand.take();
  }
  woken.wake();
}

kio::Poll<kio::Unit> GroupRequest::poll_unwanted(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (fetch_->askers == 0) return kio::Unit{};
  fetch_->on_change.add(waiter);
  return kio::kPending;
}

Fetch::Fetch(std::shared_ptr<State> state, std::shared_ptr<FetchState> fetch)
    : state_(std::move(state)), fetch_(std::move(fetch)) {}

Fetch::~Fetch() {
  if (!fetch_) return;
  kio::WaiterList woken;
  std::optional<Result<group::Consumer>> answer;  // Freed after the lock.
  {
    std::lock_guard lock(state_->mutex);
    if (--fetch_->askers > 0) return;
    answer.swap(fetch_->answer);
    const auto at = state_->fetches.find(fetch_->sequence);
    if (at != state_->fetches.end() && at->second == fetch_) state_->fetches.erase(at);
    std::erase(state_->fetch_requests, fetch_);
    woken = fetch_->on_change.take();
    woken.append(state_->on_demand.take());
  }
  woken.wake();
  state_->release_interest();
}

kio::Poll<Result<group::Consumer>> Fetch::poll(const kio::Waiter& waiter) {
  std::lock_guard lock(state_->mutex);
  if (!fetch_->answer) {
    fetch_->on_change.add(waiter);
    return kio::kPending;
  }
  if (!*fetch_->answer) return Result<group::Consumer>(std::unexpected(fetch_->answer->error()));
  return Result<group::Consumer>((*fetch_->answer)->clone());
}

InfoRequest::InfoRequest(std::shared_ptr<State> state) : state_(std::move(state)) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    ++state_->info_requests;
    woken = state_->on_demand.take();
  }
  woken.wake();
}

InfoRequest::~InfoRequest() {
  if (!state_) return;
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    --state_->info_requests;
    woken = state_->on_demand.take();
  }
  woken.wake();
  state_->release_interest();
}

kio::Poll<Result<Info>> InfoRequest::poll(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->info) return Result<Info>(*state_->info);
  if (state_->aborted) return Result<Info>(std::unexpected(*state_->aborted));
  state_->on_group.add(waiter);
  return kio::kPending;
}

std::optional<Edge> InfoRequest::edge() const {
  std::lock_guard lock(state_->mutex);
  return state_->edge();
}

std::optional<Edge> InfoRequest::farthest() const {
  std::lock_guard lock(state_->mutex);
  return state_->farthest();
}

Watch InfoRequest::watch() const { return Watch(state_); }

Fetch fetch(const std::shared_ptr<State>& state, std::uint64_t sequence, std::uint8_t priority) {
  kio::WaiterList woken;
  std::shared_ptr<FetchState> asked;
  {
    std::lock_guard lock(state->mutex);
    const auto known = state->fetches.find(sequence);
    if (known != state->fetches.end() && shareable(*known->second)) {
      asked = known->second;
      asked->priority = std::max(asked->priority, priority);
      ++asked->askers;
      return {state, std::move(asked)};
    }
    asked = std::make_shared<FetchState>();
    asked->sequence = sequence;
    asked->priority = priority;
    asked->askers = 1;
    const auto cached = state->by_sequence.find(sequence);
    // A track that nobody serves yet may get a source that answers; one that is served by a
    // publisher without a handler has no more than its cache.
    const bool may_ask = state->fetch_handlers > 0 || (!state->served && state->home);
    if (cached != state->by_sequence.end() && !cached->second.group->failed()) {
      asked->answer = group::Consumer(cached->second.group);
    } else if (state->over() || !may_ask || (state->end && sequence >= *state->end)) {
      asked->answer = fail(Code::not_found, "group " + std::to_string(sequence));
    } else if (state->fetch_requests.size() >= kMaxGroupRequests) {
      asked->answer = fail(Code::too_many, "too many fetches of this track wait");
    } else {
      state->fetch_requests.push_back(asked);
    }
    state->fetches.insert_or_assign(sequence, asked);
    woken = state->on_demand.take();
  }
  woken.wake();
  return {state, std::move(asked)};
}

Fetch Consumer::fetch(std::uint64_t sequence, std::uint8_t priority) const {
  return track::fetch(state_, sequence, priority);
}

}  // namespace moq::net::track

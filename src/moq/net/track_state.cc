#include "moq/net/internal/track_state.h"

#include <algorithm>

#include "moq/net/internal/broadcast_state.h"

namespace moq::net::track {
namespace {

/// `units` of `timescale` per second, saturated.
Duration to_duration(std::uint64_t units, std::uint64_t timescale) {
  const __int128 ns = static_cast<__int128>(units) * 1'000'000'000 / timescale;
  if (ns >= Duration::max().count()) return Duration::max();
  return Duration(static_cast<std::int64_t>(ns));
}

}  // namespace

std::optional<Subscription> State::demand() const {
  if (subscriptions.empty()) return std::nullopt;
  Subscription all = subscriptions.begin()->second;
  for (const auto& [id, one] : subscriptions) {
    all.priority = std::max(all.priority, one.priority);
    all.max_age = std::max(all.max_age, one.max_age);
    if (!one.start || !all.start) {
      all.start.reset();
    } else {
      all.start = std::min(*all.start, *one.start);
    }
    if (!one.end || !all.end) {
      all.end.reset();
    } else {
      all.end = std::max(*all.end, *one.end);
    }
  }
  return all;
}

bool State::stale(std::uint64_t sequence, Duration max_age) const {
  if (max_age == kUnlimitedAge || !info) return false;
  // The age of a group is that of the group that superseded it: presentation time alone.
  const auto next = by_sequence.upper_bound(sequence);
  if (next == by_sequence.end()) return false;
  if (max_age == Duration::zero()) return true;
  const std::optional<std::uint64_t> superseded_at = next->second->first_timestamp();
  if (!superseded_at) return false;
  for (auto newest_group = by_sequence.rbegin(); newest_group != by_sequence.rend();
       ++newest_group) {
    const std::optional<std::uint64_t> now = newest_group->second->last_timestamp();
    if (!now) continue;
    return *now >= *superseded_at && to_duration(*now - *superseded_at, info->timescale) >= max_age;
  }
  return false;
}

void State::forget(std::uint64_t sequence) {
  by_sequence.erase(sequence);
  const auto at = std::ranges::find_if(
      arrivals, [sequence](const auto& group) { return group && group->sequence == sequence; });
  if (at != arrivals.end()) at->reset();
  while (!arrivals.empty() && !arrivals.front()) {
    arrivals.pop_front();
    ++first_arrival;
  }
}

std::vector<std::shared_ptr<group::State>> State::evict() {
  std::vector<std::shared_ptr<group::State>> evicted;
  // Oldest first, and never the newest group.
  while (by_sequence.size() > 1) {
    const auto oldest = by_sequence.begin();
    const bool crowded = by_sequence.size() > kMaxTrackGroups || *cached_bytes > kMaxTrackBytes;
    if (!crowded && !stale(oldest->first, info ? info->max_age : kUnlimitedAge)) break;
    evicted.push_back(oldest->second);
    forget(oldest->first);
    if (crowded) {
      // Its bytes are given back only when it is aborted, after the lock: one at a time.
      break;
    }
  }
  return evicted;
}

kio::WaiterList State::take_all_waiters() {
  kio::WaiterList woken = on_group.take();
  woken.append(on_datagram.take());
  woken.append(on_demand.take());
  woken.append(on_served.take());
  for (auto& [sequence, fetch] : fetches) woken.append(fetch->on_change.take());
  return woken;
}

void State::abort(const Error& error) {
  kio::WaiterList woken;
  std::vector<std::shared_ptr<group::State>> groups;
  {
    std::lock_guard lock(mutex);
    if (over()) return;
    aborted = error;
    for (auto& [sequence, group] : by_sequence) groups.push_back(group);
    by_sequence.clear();
    first_arrival += arrivals.size();
    arrivals.clear();
    for (auto& [sequence, fetch] : fetches) {
      if (!fetch->answer) fetch->answer = std::unexpected(error);
    }
    fetch_requests.clear();
    woken = take_all_waiters();
  }
  woken.wake();
  for (const auto& group : groups) {
    std::unique_lock lock(group->mutex);
    const bool open = !group->finished;
    lock.unlock();
    if (open) group->abort(error);
  }
}

void State::release_interest() {
  if (!home) return;
  const std::shared_ptr<State> self = shared_from_this();  // The queue may hold the last reference.
  std::lock_guard home_lock(home->mutex);
  if (!queued) return;
  {
    std::lock_guard lock(mutex);
    if (used()) return;
  }
  queued = false;
  std::erase(home->requests, self);
}

}  // namespace moq::net::track

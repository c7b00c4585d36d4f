#include "moq/net/internal/track_state.h"

#include <algorithm>
#include <utility>

#include "moq/base/wire.h"
#include "moq/net/internal/broadcast_state.h"

namespace moq::net::track {
namespace {

/// `units` of `timescale` per second, saturated.
Duration to_duration(std::uint64_t units, std::uint64_t timescale) {
  const __uint128_t ns = static_cast<__uint128_t>(units) * 1'000'000'000 / timescale;
  const auto most = static_cast<std::uint64_t>(Duration::max().count());
  return ns >= most ? Duration::max() : Duration(static_cast<Duration::rep>(ns));
}

/// Into so many steps a group's age is divided for those who wait for its end.
constexpr int kAgeSteps = 8;

/// The least number of units that last `duration`, saturated.
std::uint64_t to_units(Duration duration, std::uint64_t timescale) {
  const __uint128_t scaled = static_cast<__uint128_t>(duration.count()) * timescale;
  const __uint128_t units = (scaled + 999'999'999) / 1'000'000'000;
  return units > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(units);
}

/// What satisfies both; `pick` chooses among two bounds, none is wider than any.
template <typename Pick>
std::optional<std::uint64_t> wider(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b,
                                   Pick pick) {
  if (!a || !b) return std::nullopt;
  return pick(*a, *b);
}

}  // namespace

std::shared_ptr<State> State::create(std::string name, const std::shared_ptr<Cache>& cache) {
  auto state = std::make_shared<State>(std::move(name), cache);
  state->tally->track = state;
  return state;
}

std::optional<Subscription> State::demand() const {
  if (subscriptions.empty()) return std::nullopt;
  constexpr auto kLower = [](std::uint64_t a, std::uint64_t b) { return std::min(a, b); };
  constexpr auto kHigher = [](std::uint64_t a, std::uint64_t b) { return std::max(a, b); };
  Subscription all = subscriptions.begin()->second;
  for (const auto& [id, one] : subscriptions) {
    all.priority = std::max(all.priority, one.priority);
    all.max_age = std::max(all.max_age, one.max_age);
    all.start = wider(all.start, one.start, kLower);
    all.end = wider(all.end, one.end, kHigher);
  }
  return all;
}

std::optional<Edge> State::edge() const {
  for (auto at = by_sequence.rbegin(); at != by_sequence.rend(); ++at) {
    const group::State& group = *at->second.group;
    std::lock_guard lock(group.mutex);
    if (!group.frames.empty()) return Edge{at->first, group.frames.size()};
  }
  return std::nullopt;
}

std::optional<Edge> State::farthest() const {
  const std::optional<Edge> cached = edge();
  if (!cached || !told) return cached ? cached : told;
  const bool ahead =
      std::pair(told->group, told->frames) > std::pair(cached->group, cached->frames);
  return ahead ? told : cached;
}

std::optional<Duration> State::lag(std::uint64_t timestamp) const {
  const std::optional<std::uint64_t> edge = tally->live_edge();
  if (!edge || !info) return std::nullopt;
  return to_duration(*edge > timestamp ? *edge - timestamp : 0, info->timescale);
}

bool State::older(std::uint64_t superseded_at, Duration max_age) const {
  const std::optional<Duration> age = lag(superseded_at);
  return age && *age >= max_age;
}

std::optional<std::uint64_t> State::stale_from(std::uint64_t sequence, Duration max_age) const {
  if (!info) return std::nullopt;
  max_age = std::min(max_age, info->max_age);
  if (max_age == kUnlimitedAge) return UINT64_MAX;
  // A few that ended without a frame are passed over, not more: readers ask often.
  constexpr int kSteps = 8;
  auto next = by_sequence.upper_bound(sequence);
  for (int step = 0; step < kSteps && next != by_sequence.end(); ++step, ++next) {
    const auto& group = next->second.group;
    if (const auto began = group->first_timestamp()) {
      if (max_age <= Duration::zero()) return 0;
      const std::uint64_t units = to_units(max_age, info->timescale);
      return units > UINT64_MAX - *began ? UINT64_MAX : *began + units;
    }
    if (group->unfinished()) return std::nullopt;
  }
  return std::nullopt;
}

bool State::stale(std::uint64_t sequence, Duration max_age) const {
  const std::optional<std::uint64_t> from = stale_from(sequence, max_age);
  if (!from || *from == UINT64_MAX) return false;
  const std::optional<std::uint64_t> edge = tally->live_edge();
  return edge && *edge >= *from;
}

kio::Poll<kio::Unit> State::poll_stale(const kio::Waiter& waiter, std::uint64_t sequence,
                                       Duration max_age) {
  // Before looking: a group that begins in between then wakes.
  tally->watch_begin();
  const std::optional<std::uint64_t> from = stale_from(sequence, max_age);
  if (!from) {
    on_begin.add(waiter);
    return kio::kPending;
  }
  // Most are gone long before, so that lists of their own would be many, and full of them. They
  // share some, and those that are still there look again a while before their time.
  const Duration age = std::min(max_age, info->max_age);
  const std::uint64_t step = std::max<std::uint64_t>(to_units(age / kAgeSteps, info->timescale), 1);
  for (const std::uint64_t edge : {*from - *from % step, *from}) {
    if (!tally->watch_edge(edge)) continue;
    on_edge[edge].add(waiter);
    return kio::kPending;
  }
  return kio::Unit{};
}

std::optional<std::uint64_t> State::resume_point() const {
  if (!newest) return std::nullopt;
  const std::optional<Subscription> wanted = demand();
  const Duration max_age = wanted ? wanted->max_age : kUnlimitedAge;
  const std::uint64_t floor = wanted ? wanted->start.value_or(0) : 0;
  std::optional<std::uint64_t> before;
  for (const auto& [sequence, cached] : by_sequence) {
    // Between two neighbours here lie groups that never came, or that came and were let go.
    const std::uint64_t gap =
        before ? next_missing(std::max(floor, *before + 1), max_age) : sequence;
    if (gap < sequence && !stale(gap, max_age)) return gap;
    if (sequence >= floor && cached.group->unfinished() && !stale(sequence, max_age)) {
      return sequence;
    }
    before = sequence;
  }
  return std::min(next_missing(std::max(*newest + 1, floor), max_age), kMaxVarint);
}

std::uint64_t State::next_missing(std::uint64_t from, Duration max_age) const {
  if (max_age <= asked_age) from = std::max(from, gone_below.value_or(0));
  for (;;) {
    const std::uint64_t at = seen.next_missing(from);
    from = max_age <= dropped_age ? dropped.next_missing(at) : at;
    if (from == at) return at;
  }
}

std::optional<std::uint64_t> State::missing(std::uint64_t from, std::uint64_t limit,
                                            Duration max_age) const {
  for (std::uint64_t at = from;;) {
    at = next_missing(at, max_age);
    if (at >= limit) return std::nullopt;
    if (!stale(at, max_age)) return at;
    // All up to the next cached group are as stale.
    const auto next = by_sequence.upper_bound(at);
    if (next == by_sequence.end()) return std::nullopt;
    at = next->first;
  }
}

std::optional<std::uint64_t> State::missed_point() const {
  if (!expected_from) return std::nullopt;
  std::optional<std::uint64_t> lowest;
  for (const auto& [id, one] : subscriptions) {
    if (!one.start) continue;
    // A source that does not tell where it begins has left out what is older than it was asked for;
    // what that is shows with its first group.
    const bool left_out = !gone_below && one.max_age > asked_age;
    const std::uint64_t limit = left_out ? newest.value_or(0) : *expected_from;
    const auto missed = missing(*one.start, std::min(limit, lowest.value_or(limit)), one.max_age);
    if (missed) lowest = missed;
  }
  return lowest;
}

void State::drop_suspended(std::uint64_t first, std::uint64_t limit, const Error& error,
                           group::Remains& remains) {
  const auto stop = by_sequence.lower_bound(limit);
  for (auto at = by_sequence.lower_bound(first); at != stop; ++at) {
    if (at->second.group->suspended()) at->second.group->abort(error, remains);
  }
}

std::shared_ptr<group::State> State::add(std::uint64_t sequence) {
  auto group = std::make_shared<group::State>(sequence, tally);
  seen.insert(sequence);
  by_sequence.emplace(sequence, Cached{group, next_arrival});
  arrivals.emplace_hint(arrivals.end(), next_arrival++, group);
  if (tally->cache()) tally->cache()->add(group, shared_from_this());
  if (!newest || sequence > *newest) newest = sequence;
  next_sequence = std::max(next_sequence, sequence + 1);
  return group;
}

State::Groups::iterator State::forget(Groups::iterator at, const Error& error,
                                      group::Remains& remains) {
  at->second.group->abort(error, remains);
  arrivals.erase(at->second.arrival);
  return by_sequence.erase(at);
}

void State::evict(group::Remains& remains) {
  if (info && info->max_age != kUnlimitedAge) {
    // All groups before one that is old itself were superseded long enough ago.
    auto keep = by_sequence.begin();
    for (auto at = keep; at != by_sequence.end(); ++at) {
      const std::optional<std::uint64_t> began = at->second.group->first_timestamp();
      if (!began) continue;
      if (!older(*began, info->max_age)) break;
      keep = at;
    }
    const Error error(Code::old, "the group aged out of the cache");
    for (auto at = by_sequence.begin(); at != keep;) at = forget(at, error, remains);
  }
  const Error error(Code::evicted, "the track's cache is full");
  while (by_sequence.size() > 1 &&
         (by_sequence.size() > kMaxTrackGroups || tally->held() > kMaxTrackBytes)) {
    forget(by_sequence.begin(), error, remains);
  }
}

kio::WaiterList State::take_all_waiters() {
  kio::WaiterList woken = on_group.take();
  woken.append(take_stale_waiters());
  woken.append(on_datagram.take());
  woken.append(on_demand.take());
  woken.append(on_served.take());
  for (auto& [sequence, fetch] : fetches) woken.append(fetch->on_change.take());
  return woken;
}

void State::abort(const Error& error, group::Remains& remains) {
  if (over()) return;
  aborted = error;
  requested = false;
  served = false;
  for (auto& [sequence, cached] : by_sequence) {
    // Who reads a group that came whole may read on.
    if (cached.group->unfinished()) cached.group->abort(error, remains);
    remains.groups.push_back(std::move(cached.group));
  }
  by_sequence.clear();
  arrivals.clear();
  for (auto& [sequence, fetch] : fetches) {
    if (!fetch->answer) fetch->answer = std::unexpected(error);
  }
  fetch_requests.clear();
  remains.woken.append(take_all_waiters());
}

void State::abort(const Error& error) {
  group::Remains remains;
  {
    std::lock_guard lock(mutex);
    abort(error, remains);
  }
  remains.woken.wake();
}

kio::WaiterList State::take_stale_waiters() {
  kio::WaiterList woken = on_begin.take();
  for (auto& [edge, waiters] : on_edge) woken.append(std::move(waiters));
  on_edge.clear();
  return woken;
}

void State::wake_stale() {
  kio::WaiterList woken;
  {
    std::lock_guard lock(mutex);
    const Tally::Progress progress = tally->settle();
    if (progress.late_group) {
      woken = take_stale_waiters();  // It may have come between any of the others.
    } else {
      woken = on_begin.take();
      const auto due = progress.edge ? on_edge.upper_bound(*progress.edge) : on_edge.begin();
      for (auto at = on_edge.begin(); at != due; at = on_edge.erase(at)) {
        woken.append(std::move(at->second));
      }
    }
    // Who came to `on_begin` would be woken; who still waits for an edge is put on watch again.
    if (!on_edge.empty() && !tally->watch_edge(on_edge.begin()->first)) {
      woken.append(take_stale_waiters());
    }
  }
  woken.wake();
}

void State::shrink() {
  group::Remains remains;
  {
    std::lock_guard lock(mutex);
    evict(remains);
  }
  remains.woken.wake();
}

void State::drop(group::State& group, bool spare_newest) {
  const Error error(Code::evicted, "the cache is full");
  group::Remains remains;
  {
    std::lock_guard lock(mutex);
    const auto at = by_sequence.find(group.sequence);
    if (at == by_sequence.end() || at->second.group.get() != &group) {
      group.abort(error, remains);  // Out of the track already, held by its readers alone.
    } else if (!spare_newest || std::next(at) != by_sequence.end()) {
      forget(at, error, remains);
    }
  }
  remains.woken.wake();
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

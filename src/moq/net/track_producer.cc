#include <algorithm>

#include "moq/base/wire.h"
#include "moq/net/internal/broadcast_state.h"
#include "moq/net/internal/track_state.h"

namespace moq::net::track {
namespace {

Error over_error(const State& state) {
  if (state.aborted) return *state.aborted;
  return {Code::closed, "the track is finished"};
}

/// Begins or resumes group `sequence`; none = the one after the newest.
Result<group::Producer> create(State& state, std::optional<std::uint64_t> wanted) {
  group::Remains remains;
  std::shared_ptr<group::State> created;
  {
    std::lock_guard lock(state.mutex);
    const std::uint64_t sequence = wanted.value_or(state.next_sequence);
    if (sequence > kMaxVarint) return fail(Code::invalid_argument, "no such group number");
    if (state.over()) return std::unexpected(over_error(state));
    if (state.end && sequence >= *state.end) {
      return fail(Code::protocol_violation, "a group past the end of the track");
    }
    if (const auto known = state.by_sequence.find(sequence); known != state.by_sequence.end()) {
      const auto& group = known->second.group;
      std::lock_guard group_lock(group->mutex);
      if (group->has_writer || group->finished || group->aborted) {
        return fail(Code::duplicate, "group " + std::to_string(sequence));
      }
      group->has_writer = true;
      return group::Producer(group);
    }
    if (state.seen.contains(sequence)) {
      return fail(Code::old, "group " + std::to_string(sequence) + " came before");
    }
    if (state.stale(sequence, kUnlimitedAge)) {
      return fail(Code::old, "group " + std::to_string(sequence) + " is past the track's age");
    }
    if (state.by_sequence.size() >= kMaxTrackGroups &&
        sequence < state.by_sequence.begin()->first) {
      return fail(Code::too_far_behind, "group " + std::to_string(sequence));
    }
    created = state.add(sequence);
    state.evict(remains);
    remains.woken.append(state.on_group.take());
  }
  remains.woken.wake();
  return group::Producer(std::move(created));
}

/// Puts `datagram` into the ring (the track's mutex is held).
kio::WaiterList push(State& state, Datagram datagram) {
  state.next_sequence = std::max(state.next_sequence, datagram.sequence + 1);
  state.datagrams.push_back(std::move(datagram));
  if (state.datagrams.size() > kMaxTrackDatagrams) {
    state.datagrams.pop_front();
    ++state.first_datagram;
  }
  return state.on_datagram.take();
}

}  // namespace

Producer::Producer(std::shared_ptr<State> state) : state_(std::move(state)) {
  std::lock_guard lock(state_->mutex);
  ++state_->producers;
}

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    demand_seen_ = other.demand_seen_;
    demand_reported_ = other.demand_reported_;
    answers_fetches_ = std::exchange(other.answers_fetches_, false);
  }
  return *this;
}

Producer::~Producer() { release(); }

void Producer::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  bool last = false;
  bool give_back = false;
  {
    std::lock_guard lock(state->mutex);
    if (std::exchange(answers_fetches_, false)) --state->fetch_handlers;
    last = --state->producers == 0 && state->served && !state->over();
    // Without readers there is nobody to tell; who comes in this very moment asks again.
    give_back = state->home && (state->home->routed || !state->used());
  }
  if (!last) return;
  if (give_back) {
    state->home->take_back(state, broadcast::Given::producer);
  } else {
    state->abort(Error(Code::cancelled, "track writer dropped"));
  }
}

Producer Producer::clone() const { return Producer(state_); }
const std::string& Producer::name() const { return state_->name; }

Info Producer::info() const {
  std::lock_guard lock(state_->mutex);
  return state_->info.value_or(Info{});
}

Result<group::Producer> Producer::append_group() { return create(*state_, std::nullopt); }

Result<group::Producer> Producer::create_group(std::uint64_t sequence) {
  return create(*state_, sequence);
}

Result<void> Producer::write_frame(std::uint64_t timestamp, Bytes payload) {
  MOQ_TRY(group::Producer group, append_group());
  MOQ_CHECK(group.write_frame(timestamp, std::move(payload)));
  std::move(group).finish();
  return {};
}

Result<std::uint64_t> Producer::append_datagram(std::uint64_t timestamp, Bytes payload) {
  kio::WaiterList woken;
  Datagram datagram{.sequence = 0, .timestamp = timestamp, .payload = std::move(payload)};
  std::uint64_t sequence = 0;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over()) return std::unexpected(over_error(*state_));
    datagram.sequence = sequence = state_->next_sequence;
    if (sequence > kMaxVarint) return fail(Code::invalid_argument, "no number left");
    woken = push(*state_, std::move(datagram));
  }
  woken.wake();
  return sequence;
}

void Producer::forward_datagram(Datagram datagram) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over() || datagram.sequence > kMaxVarint) return;
    woken = push(*state_, std::move(datagram));
  }
  woken.wake();
}

void Producer::finish() && {
  const Producer self(std::move(*this));
  kio::WaiterList woken;
  std::shared_ptr<broadcast::State> keeper;
  {
    std::lock_guard lock(self.state_->mutex);
    if (self.state_->over()) return;
    if (!self.state_->end) self.state_->end = self.state_->next_sequence;
    self.state_->finished = true;
    // Fetches that somebody works on may still be answered.
    for (const auto& fetch : std::exchange(self.state_->fetch_requests, {})) {
      fetch->answer = fail(Code::not_found, "the track is finished");
    }
    woken = self.state_->take_all_waiters();
    keeper = self.state_->keeper.lock();
  }
  if (keeper) keeper->keep(self.state_);
  woken.wake();
}

Result<void> Producer::finish_at(std::uint64_t end) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over()) return std::unexpected(over_error(*state_));
    if (state_->newest && *state_->newest >= end) {
      return fail(Code::protocol_violation,
                  "the track ends at " + std::to_string(end) + ", below a group that has come");
    }
    if (state_->end && *state_->end != end) {
      return fail(Code::protocol_violation, "the track was to end at " +
                                                std::to_string(*state_->end) + ", not at " +
                                                std::to_string(end));
    }
    state_->end = end;
    woken = state_->on_group.take();
  }
  woken.wake();
  return {};
}

void Producer::abort(const Error& error) && {
  const Producer self(std::move(*this));
  self.state_->abort(error);
}

void Producer::give_back() && {
  // The home gets it while this handle still counts, so that nothing aborts it in between.
  const Producer self(std::move(*this));
  const auto& home = self.state_->home;
  if (home) home->take_back(self.state_, broadcast::Given::producer);
}

Consumer Producer::consume(const Subscription& subscription) const {
  return Consumer(state_, subscription);
}

bool Interest::subscribed() const {
  const auto state = state_.lock();
  if (!state) return false;
  std::lock_guard lock(state->mutex);
  return !state->over() && !state->subscriptions.empty();
}

kio::Poll<Watch::Fate> Watch::poll_over(const kio::Waiter& waiter) const {
  const auto state = state_.lock();
  if (!state) return Fate::idle;
  std::lock_guard lock(state->mutex);
  if (state->aborted) return Fate::aborted;
  if (state->finished) return Fate::finished;
  if (!state->served && !state->used()) return Fate::idle;
  state->on_served.add(waiter);
  state->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<void>> Producer::poll_used(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->over()) return Result<void>(std::unexpected(over_error(*state_)));
  if (state_->used()) return Result<void>();
  state_->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<void>> Producer::poll_unused(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->over()) return Result<void>(std::unexpected(over_error(*state_)));
  if (!state_->used()) return Result<void>();
  state_->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<std::optional<Subscription>>> Producer::poll_demand(const kio::Waiter& waiter) {
  using Out = Result<std::optional<Subscription>>;
  std::lock_guard lock(state_->mutex);
  if (state_->over()) return Out(std::unexpected(over_error(*state_)));
  if (demand_seen_ != state_->demand_version) {
    const bool first = std::exchange(demand_seen_, state_->demand_version) == 0;
    auto demand = state_->demand();
    if (first || demand != demand_reported_) {
      demand_reported_ = demand;
      return Out(demand);
    }
  }
  state_->on_demand.add(waiter);
  return kio::kPending;
}

std::optional<std::uint64_t> Producer::resume_point() const {
  std::lock_guard lock(state_->mutex);
  return state_->resume_point();
}

std::optional<std::uint64_t> Producer::missed_point() const {
  std::lock_guard lock(state_->mutex);
  return state_->missed_point();
}

void Producer::ask_from(std::optional<std::uint64_t> sequence, Duration max_age) {
  std::lock_guard lock(state_->mutex);
  state_->asked_age = max_age;
  state_->gone_below.reset();
  state_->told.reset();
  state_->asked_from = sequence;
  if (sequence) state_->expected_from = sequence;
}

void Producer::tell_edge(Edge edge) {
  std::lock_guard lock(state_->mutex);
  state_->told = edge;
}

void Producer::begin_from(std::uint64_t sequence, const Error& error) {
  group::Remains remains;
  {
    std::lock_guard lock(state_->mutex);
    state_->expected_from = sequence;
    state_->gone_below = state_->asked_from && *state_->asked_from < sequence ? sequence : 0;
    state_->drop_suspended(0, sequence, error, remains);
    remains.woken.append(state_->on_group.take());  // Nobody need wait for what is gone.
  }
  remains.woken.wake();
}

bool Producer::lacks(std::uint64_t sequence) const {
  std::lock_guard lock(state_->mutex);
  if (!state_->seen.contains(sequence)) return true;
  const auto cached = state_->by_sequence.find(sequence);
  return cached != state_->by_sequence.end() && cached->second.group->suspended();
}

kio::Poll<kio::Unit> Producer::poll_stale(const kio::Waiter& waiter, std::uint64_t sequence,
                                          Duration max_age) const {
  std::lock_guard lock(state_->mutex);
  return state_->poll_stale(waiter, sequence, max_age);
}

void Producer::drop_groups(const Dropped& groups, const Error& error) {
  if (groups.last < groups.first || groups.last > kMaxVarint) return;
  group::Remains remains;
  {
    std::lock_guard lock(state_->mutex);
    // More may be had for more patience.
    if (groups.max_age > state_->dropped_age) state_->dropped.clear();
    state_->dropped_age = groups.max_age;
    state_->dropped.insert(groups.first, groups.last);
    state_->drop_suspended(groups.first, groups.last + 1, error, remains);
    remains.woken.append(state_->on_group.take());
  }
  remains.woken.wake();
}

bool Producer::owes_below(std::uint64_t end) const {
  std::lock_guard lock(state_->mutex);
  if (const auto next = state_->resume_point()) return *next < end;
  const std::optional<Subscription> wanted = state_->demand();
  const std::uint64_t floor = wanted ? wanted->start.value_or(0) : 0;
  return state_->next_missing(floor, wanted ? wanted->max_age : kUnlimitedAge) < end;
}

kio::Poll<kio::Unit> Producer::poll_revoked(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->revoked) return kio::Unit{};
  state_->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<GroupRequest>> Producer::poll_requested_group(const kio::Waiter& waiter) {
  using Out = Result<GroupRequest>;
  std::lock_guard lock(state_->mutex);
  if (state_->over()) return Out(std::unexpected(over_error(*state_)));
  if (!std::exchange(answers_fetches_, true)) ++state_->fetch_handlers;
  if (!state_->fetch_requests.empty()) {
    auto fetch = std::move(state_->fetch_requests.front());
    state_->fetch_requests.pop_front();
    return Out(GroupRequest(state_, std::move(fetch)));
  }
  state_->on_demand.add(waiter);
  return kio::kPending;
}

kio::Poll<Error> Producer::poll_aborted(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  if (state_->aborted) return *state_->aborted;
  state_->on_demand.add(waiter);
  return kio::kPending;
}

}  // namespace moq::net::track

#include <algorithm>

#include "moq/net/internal/broadcast_state.h"
#include "moq/net/internal/track_state.h"

namespace moq::net::track {
namespace {

Error over_error(const State& state) {
  if (state.aborted) return *state.aborted;
  return {Code::closed, "the track is finished"};
}

void abort_all(const std::vector<std::shared_ptr<group::State>>& groups, const Error& error) {
  for (const auto& group : groups) group->abort(error);
}

}  // namespace

Producer::Producer(std::shared_ptr<State> state) : state_(std::move(state)) {
  std::lock_guard lock(state_->mutex);
  ++state_->producers;
}

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this != &other) {
    const Producer dropped(std::move(*this));
    state_ = std::move(other.state_);
    demand_seen_ = other.demand_seen_;
    answers_fetches_ = std::exchange(other.answers_fetches_, false);
  }
  return *this;
}

Producer::~Producer() {
  if (!state_) return;
  bool last = false;
  {
    std::lock_guard lock(state_->mutex);
    if (answers_fetches_) --state_->fetch_handlers;
    last = --state_->producers == 0 && state_->served && !state_->over();
  }
  if (last) state_->abort(Error(Code::cancelled, "track writer dropped"));
}

Producer Producer::clone() const { return Producer(state_); }
const std::string& Producer::name() const { return state_->name; }

Info Producer::info() const {
  std::lock_guard lock(state_->mutex);
  return state_->info.value_or(Info{});
}

Result<group::Producer> Producer::append_group() {
  std::uint64_t sequence = 0;
  {
    std::lock_guard lock(state_->mutex);
    sequence = state_->next_sequence;
  }
  return create_group(sequence);
}

Result<group::Producer> Producer::create_group(std::uint64_t sequence) {
  kio::WaiterList woken;
  std::vector<std::shared_ptr<group::State>> evicted;
  std::shared_ptr<group::State> created;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over()) return std::unexpected(over_error(*state_));
    if (state_->end && sequence >= *state_->end) {
      return fail(Code::protocol_violation, "a group past the end of the track");
    }
    if (const auto known = state_->by_sequence.find(sequence); known != state_->by_sequence.end()) {
      std::lock_guard group_lock(known->second->mutex);
      group::State& group = *known->second;
      if (group.has_writer || group.finished || group.aborted) {
        return fail(Code::duplicate, "group " + std::to_string(sequence));
      }
      group.has_writer = true;
      return group::Producer(known->second);
    }
    if (state_->seen.contains(sequence)) {
      return fail(Code::old, "group " + std::to_string(sequence) + " came before");
    }
    if (state_->by_sequence.size() >= kMaxTrackGroups &&
        sequence < state_->by_sequence.begin()->first) {
      return fail(Code::too_far_behind, "group " + std::to_string(sequence));
    }
    state_->seen.insert(sequence);
    created = std::make_shared<group::State>(sequence, state_->cached_bytes);
    state_->by_sequence.emplace(sequence, created);
    state_->arrivals.push_back(created);
    if (!state_->newest || sequence > *state_->newest) state_->newest = sequence;
    state_->next_sequence = std::max(state_->next_sequence, sequence + 1);
    evicted = state_->evict();
    woken = state_->on_group.take();
  }
  abort_all(evicted, Error(Code::old, "the group aged out of the cache"));
  woken.wake();
  return group::Producer(std::move(created));
}

Result<void> Producer::write_frame(std::uint64_t timestamp, Bytes payload) {
  MOQ_TRY(group::Producer group, append_group());
  MOQ_CHECK(group.write_frame(timestamp, std::move(payload)));
  std::move(group).finish();
  return {};
}

Result<std::uint64_t> Producer::append_datagram(std::uint64_t timestamp, Bytes payload) {
  Datagram datagram{.sequence = 0, .timestamp = timestamp, .payload = std::move(payload)};
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over()) return std::unexpected(over_error(*state_));
    datagram.sequence = state_->next_sequence;
  }
  const std::uint64_t sequence = datagram.sequence;
  forward_datagram(std::move(datagram));
  return sequence;
}

void Producer::forward_datagram(Datagram datagram) {
  kio::WaiterList woken;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->over()) return;
    state_->next_sequence = std::max(state_->next_sequence, datagram.sequence + 1);
    state_->datagrams.push_back(std::move(datagram));
    if (state_->datagrams.size() > kMaxTrackDatagrams) {
      state_->datagrams.pop_front();
      ++state_->first_datagram;
    }
    woken = state_->on_datagram.take();
  }
  woken.wake();
}

void Producer::finish() && {
  const Producer self(std::move(*this));
  kio::WaiterList woken;
  {
    std::lock_guard lock(self.state_->mutex);
    if (self.state_->over()) return;
    if (!self.state_->end) self.state_->end = self.state_->next_sequence;
    self.state_->finished = true;
    const Error none(Code::not_found, "the track is finished");
    for (auto& [sequence, fetch] : self.state_->fetches) {
      if (!fetch->answer) fetch->answer = std::unexpected(none);
    }
    woken = self.state_->take_all_waiters();
  }
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
    state_->end = end;
    woken = state_->on_group.take();
  }
  woken.wake();
  return {};
}

void Producer::abort(Error error) && {
  const Producer self(std::move(*this));
  self.state_->abort(error);
}

void Producer::give_back() && {
  // The home gets it while this handle still counts, so that nothing aborts it in between.
  const Producer self(std::move(*this));
  if (self.state_->home) self.state_->home->take_back(self.state_);
}

Consumer Producer::consume(const Subscription& subscription) const {
  return Consumer(state_, subscription);
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
    demand_seen_ = state_->demand_version;
    return Out(state_->demand());
  }
  state_->on_demand.add(waiter);
  return kio::kPending;
}

std::optional<std::uint64_t> Producer::resume_point() const {
  std::lock_guard lock(state_->mutex);
  for (const auto& [sequence, group] : state_->by_sequence) {
    std::lock_guard group_lock(group->mutex);
    if (!group->finished && !group->aborted) return sequence;
  }
  if (!state_->newest) return std::nullopt;
  return *state_->newest + 1;
}

void Producer::abandon_suspended(std::uint64_t sequence, const Error& error) {
  std::vector<std::shared_ptr<group::State>> abandoned;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& [number, group] : state_->by_sequence) {
      if (number >= sequence) break;
      std::lock_guard group_lock(group->mutex);
      if (!group->has_writer && !group->finished && !group->aborted) abandoned.push_back(group);
    }
  }
  abort_all(abandoned, error);
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

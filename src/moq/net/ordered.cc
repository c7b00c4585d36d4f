#include "moq/net/ordered.h"

#include <algorithm>

namespace moq::net::track {

Ordered::Ordered(kio::Clock& clock, Consumer consumer, const Patience& patience)
    : clock_(&clock),
      consumer_(std::move(consumer)),
      patience_(patience),
      timer_(std::make_unique<kio::Timer>(clock)),
      next_(consumer_.subscription().start) {
  Subscription subscription = consumer_.subscription();
  subscription.max_age = std::max(subscription.max_age, patience_.latency);
  consumer_.update(subscription);
}

kio::Poll<Result<std::optional<group::Consumer>>> Ordered::poll_next_group(
    const kio::Waiter& waiter) {
  drain(waiter);
  return take_next(waiter);
}

kio::Poll<Result<std::optional<Ordered::Frame>>> Ordered::poll_next_frame(
    const kio::Waiter& waiter) {
  using Out = Result<std::optional<Frame>>;
  drain(waiter);
  for (;;) {
    if (!current_) {
      auto group = take_next(waiter);
      if (group.pending()) return kio::kPending;
      if (!*group) return Out(std::unexpected(group->error()));
      if (!**group) return Out(std::nullopt);
      current_ = **std::move(*group);
      index_ = 0;
    }
    const std::uint64_t sequence = current_->sequence();
    auto read = current_->poll_read_frame(waiter);
    if (read.pending()) {
      if (waiting_.empty() || !patience_is_over(waiter)) return kio::kPending;
      skip(sequence, sequence);
      current_.reset();
    } else if (!*read) {
      skip(sequence, sequence);
      current_.reset();
    } else if (!**read) {
      current_.reset();
    } else {
      auto& [info, payload] = ***read;
      return Out(Frame{sequence, index_++, info, std::move(payload)});
    }
  }
}

/// Takes in what came. Nothing of it is older than what was given already.
void Ordered::drain(const kio::Waiter& waiter) {
  while (!over_) {
    auto came = consumer_.poll_next_group(waiter);
    if (came.pending()) return;
    if (!*came) error_ = came->error();
    if (!*came || !**came) {
      over_ = true;
      return;
    }
    group::Consumer& group = ***came;
    const std::uint64_t sequence = group.sequence();
    if (next_ && sequence < *next_) continue;
    waiting_.emplace(sequence, Waiting{std::move(group), clock_->now()});
  }
}

Ordered::NextGroup Ordered::take_next(const kio::Waiter& waiter) {
  using Out = Result<std::optional<group::Consumer>>;
  while (!waiting_.empty()) {
    const auto first = waiting_.begin();
    const std::uint64_t sequence = first->first;
    if (next_ && sequence > *next_) {
      const bool worth_waiting = !over_ && consumer_.may_come(*next_, sequence - 1);
      if (worth_waiting && !patience_is_over(waiter)) return kio::kPending;
      skip(*next_, sequence - 1);
    }
    group::Consumer group = std::move(first->second.group);
    waiting_.erase(first);
    next_ = sequence + 1;
    if (!group.error()) return Out(std::move(group));
    skip(sequence, sequence);
  }
  if (!over_) return kio::kPending;
  if (error_) return Out(std::unexpected(*error_));
  return Out(std::nullopt);
}

/// Whether what comes before the waiting groups has been waited for long enough. Else arms the
/// timer for the earliest moment at which that may have changed without a group coming.
bool Ordered::patience_is_over(const kio::Waiter& waiter) {
  if (waiting_.size() > kMaxTrackGroups) return true;
  TimePoint since = TimePoint::max();
  for (const auto& [sequence, waiting] : waiting_) since = std::min(since, waiting.since);
  const TimePoint least = after(since, patience_.grace);
  const TimePoint most = after(least, patience_.latency);

  // Frames of groups that are there already wake nobody here; but live time passes no faster than
  // the clock.
  Duration lead = Duration::zero();
  if (const auto began = waiting_.begin()->second.group.first_timestamp()) {
    lead = consumer_.lag(*began);
  }
  const TimePoint late = after(clock_->now(), patience_.latency - lead);
  timer_->set(std::min(most, std::max(least, late)));
  return timer_->poll(waiter).ready();
}

void Ordered::skip(std::uint64_t first, std::uint64_t last) {
  if (!skipped_.empty() && skipped_.back().last + 1 == first) {
    skipped_.back().last = last;
    return;
  }
  skipped_.push_back({first, last});
  if (skipped_.size() <= kMaxSkippedRanges) return;
  skipped_[0].last = skipped_[1].last;
  skipped_.erase(skipped_.begin() + 1);
}

}  // namespace moq::net::track

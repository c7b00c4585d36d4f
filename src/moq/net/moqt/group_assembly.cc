#include "moq/net/moqt/internal/group_assembly.h"

#include <algorithm>

namespace moq::net::moqt {

GroupAssembly::Waiting::Waiting(GroupAssembly& group, kio::Clock& clock, std::uint64_t object,
                                std::uint64_t gap)
    : group_(group),
      place_(group.waiting_.insert(object)),
      object_(object),
      first_(object - std::min(object, gap)),
      patience_(clock) {
  patience_.set_after(kHolePatience);
}

Poll<GroupAssembly::Turn> GroupAssembly::Waiting::poll(const Waiter& waiter) {
  if (group_.over_) return Turn::over;
  if (object_ < group_.next_ || (group_.end_ && object_ >= *group_.end_)) return Turn::skip;
  if (!group_.writing_) {
    const bool lowest = *group_.waiting_.begin() == object_;
    const bool whole = first_ <= group_.next_;
    // Ready timers stay ready, so the turn comes also where it was not this one's before.
    const bool patient = patience_.poll(waiter).pending() || group_.head_expected_ || !lowest;
    if (whole || !patient) return Turn::write;
  }
  group_.on_change_.add(waiter);
  return kio::kPending;
}

GroupAssembly::Writing::~Writing() {
  group_.writing_ = false;
  group_.advance_past(object_);
}

void GroupAssembly::advance_past(std::uint64_t object) {
  next_ = std::max(next_, object + 1);
  on_change_.wake();
}

void GroupAssembly::end_at(std::uint64_t object) {
  end_ = std::min(end_.value_or(object), object);
  on_change_.wake();
}

void GroupAssembly::head_came() {
  head_expected_ = false;
  on_change_.wake();
}

bool GroupAssembly::complete() const {
  if (writing_ || head_expected_) return false;
  if (end_ && next_ >= *end_) return true;
  return ends_with_sources_ && sources_ == 0;
}

void GroupAssembly::close() {
  over_ = true;
  on_change_.wake();
}

Poll<kio::Unit> GroupAssembly::poll_over(const Waiter& waiter) {
  if (over_) return kio::Unit{};
  on_change_.add(waiter);
  return kio::kPending;
}

}  // namespace moq::net::moqt

#include "moq/kio/clock.h"

#include <ctime>

#include "moq/base/result.h"

namespace moq::kio {

Clock::~Clock() { MOQ_ASSERT(heap_.empty()); }

std::optional<TimePoint> Clock::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

void Clock::fire(TimePoint now) {
  while (!heap_.empty() && *heap_.front()->deadline_ <= now) {
    Timer& timer = *heap_.front();
    remove(timer);
    timer.waiters_.wake();
  }
}

void Clock::place(std::size_t at, Timer* timer) {
  heap_[at] = timer;
  timer->place_ = at;
}

void Clock::sift_up(std::size_t at) {
  Timer* timer = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent]->before(*timer)) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, timer);
}

void Clock::sift_down(std::size_t at) {
  Timer* timer = heap_[at];
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) ++child;
    if (timer->before(*heap_[child])) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, timer);
}

void Clock::insert(Timer& timer) {
  timer.setting_ = ++settings_;
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1);
}

void Clock::remove(Timer& timer) {
  const std::size_t at = timer.place_;
  if (at == Timer::kNotQueued) return;
  timer.place_ = Timer::kNotQueued;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  // The last one of the heap takes the place, then moves to where it belongs.
  place(at, last);
  sift_down(at);
  sift_up(last->place_);
}

void Timer::set(TimePoint deadline) {
  if (deadline_ == deadline && place_ != kNotQueued) return;
  clock_->remove(*this);
  deadline_ = deadline;
  clock_->insert(*this);
}

void Timer::clear() {
  clock_->remove(*this);
  deadline_.reset();
}

Poll<Unit> Timer::poll(const Waiter& waiter) {
  if (deadline_ && *deadline_ <= clock_->now()) return Unit{};
  waiters_.add(waiter);
  return kPending;
}

TimePoint PlainClock::now() const {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

TimePoint SystemClock::refresh() { return now_ = PlainClock().now(); }

}  // namespace moq::kio

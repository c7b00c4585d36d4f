#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/time.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

class Timer;

/// The time, and the timers that wait for it. Belongs to one executor's thread. The real one is
/// `SystemClock`, the virtual one `sim::World`; whoever runs it calls `fire()`. Outlives its
/// timers, and so the tasks that sleep.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock();

  [[nodiscard]] virtual TimePoint now() const = 0;

  /// When the earliest timer is due; none if no timer is set.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Wakes what waits for timers due at `now` or before: by deadline, then in the order of setting.
  void fire(TimePoint now);

 private:
  friend class Timer;
  void insert(Timer& timer);
  void remove(Timer& timer);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);
  void place(std::size_t at, Timer* timer);

  std::uint64_t settings_ = 0;
  std::vector<Timer*> heap_;  // Binary heap by deadline; each timer knows its place.
};

/// One deadline. Level-triggered: once due it stays due until set again or cleared. Must not
/// outlive its clock.
class Timer {
 public:
  explicit Timer(Clock& clock) : clock_(&clock) {}
  Timer(Clock& clock, TimePoint deadline) : Timer(clock) { set(deadline); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { clear(); }

  void set(TimePoint deadline);
  void set_after(Duration delay) { set(after(clock_->now(), delay)); }
  /// Unset: never due.
  void clear();
  [[nodiscard]] std::optional<TimePoint> deadline() const { return deadline_; }
  /// Ready when the deadline has come.
  Poll<Unit> poll(const Waiter& waiter);

 private:
  friend class Clock;
  static constexpr std::size_t kNotQueued = SIZE_MAX;
  /// Whether this one's turn comes before the other's. Both are queued.
  [[nodiscard]] bool before(const Timer& other) const {
    return deadline_ != other.deadline_ ? *deadline_ < *other.deadline_ : setting_ < other.setting_;
  }
  Clock* clock_;
  std::optional<TimePoint> deadline_;
  std::uint64_t setting_ = 0;  // Its number among the clock's settings: first set, first due.
  std::size_t place_ = kNotQueued;
  WaiterList waiters_;
};

/// The machine's monotonic clock, cached: `now()` is the time of the last `refresh()`, so that all
/// the work of one turn of an event loop sees one time and pays for one system call.
class SystemClock : public Clock {
 public:
  SystemClock() { refresh(); }
  [[nodiscard]] TimePoint now() const override { return now_; }
  TimePoint refresh();

 private:
  TimePoint now_;
};

/// The machine's monotonic clock, read at each call. `now()` is for any thread; timers are not for
/// it: nobody fires them.
class PlainClock : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
};

}  // namespace moq::kio

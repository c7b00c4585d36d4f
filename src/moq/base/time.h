#pragma once

#include <chrono>
#include <cstdint>

namespace moq {

using namespace std::chrono_literals;

using Duration = std::chrono::nanoseconds;

/// Marks our monotonic time line; `kio::Clock` reads it. Not comparable with wall time.
struct MonotonicTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTime, Duration>;
  static constexpr bool is_steady = true;
};
using TimePoint = MonotonicTime::time_point;

/// `ms` milliseconds, or the longest duration if that is more: safe for a number from a peer.
constexpr Duration from_ms(std::uint64_t ms) {
  constexpr auto kMost = static_cast<std::uint64_t>(Duration::max().count()) / 1'000'000;
  return ms > kMost ? Duration::max() : Duration(static_cast<Duration::rep>(ms) * 1'000'000);
}

/// `duration` after `time`, or the last time there is: safe for a duration from a peer.
constexpr TimePoint after(TimePoint time, Duration duration) {
  if (duration > Duration::zero() && time > TimePoint::max() - duration) return TimePoint::max();
  if (duration < Duration::zero() && time < TimePoint::min() - duration) return TimePoint::min();
  return time + duration;
}

/// Whole milliseconds, cut off.
constexpr std::int64_t to_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace moq

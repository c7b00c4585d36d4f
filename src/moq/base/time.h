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

/// Whole milliseconds, cut off.
constexpr std::int64_t to_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace moq

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "moq/base/time.h"
#include "moq/mux/events.h"

namespace moq::cli {

/// How often the status line is written anew.
inline constexpr Duration kProgressInterval = 500ms;

/// Turns what went through into the status line of a terminal:
/// `epoch 2 · 30.0 fps · 1.62 Mbit/s · 1 204 frames · 43 ms behind`.
class Progress {
 public:
  /// Rates are averages over this long.
  static constexpr Duration kWindow = 2s;

  /// Takes the totals of `now`; call it every `kProgressInterval`.
  void sample(TimePoint now, const mux::Progress& totals);
  /// The line for the last sample. `epoch` 0 means that there was no session yet.
  [[nodiscard]] std::string line(std::uint64_t epoch, bool connected) const;

 private:
  struct Sample {
    TimePoint at;
    mux::Progress totals;
  };
  std::deque<Sample> samples_;
  /// Arrival minus presentation time at its least: the stream at its most punctual.
  std::optional<Duration> least_delay_;
  std::optional<Duration> behind_;
};

/// "1 204": groups of three digits.
std::string group_digits(std::uint64_t number);

}  // namespace moq::cli

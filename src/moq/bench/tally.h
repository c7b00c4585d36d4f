#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "moq/bench/histogram.h"
#include "moq/net/version.h"

namespace moq::bench {

/// What happened to the connections of one or more threads.
struct Totals {
  std::uint64_t connected = 0;       ///< Sessions that came up,
  std::uint64_t failed = 0;          ///< dials that did not,
  std::uint64_t lost = 0;            ///< and sessions that ended too early.
  std::uint64_t frames = 0;          ///< Delivered whole and right, while counting.
  std::uint64_t bytes = 0;           ///< Their payload.
  std::uint64_t corrupt_frames = 0;  ///< Delivered wrong.
  std::uint64_t groups = 0;          ///< Groups that began to come.
  std::uint64_t broken_groups = 0;   ///< Groups that broke off.
  std::uint64_t lost_groups = 0;     ///< Groups between the first and the last that never began.
  Histogram latency;                 ///< From the write to the delivery of each frame.
  Histogram join;                    ///< From the dial to a subscriber's first frame.
  Histogram settle;                  ///< From the storm to a watcher having seen all broadcasts.
  Histogram lateness;                ///< Of our own writes: a load generator out of breath.

  void add(const Totals& other);
};

/// `Totals` that one thread fills and another collects.
class Tally {
 public:
  /// Calls `change(Totals&)`.
  template <typename Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(totals_);
  }
  /// What has come together since the last call.
  Totals take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(totals_, Totals());
  }

  /// What the first session of the thread speaks; none before there is one.
  std::optional<net::Version> version() {
    const std::lock_guard lock(mutex_);
    return version_;
  }
  void note_version(net::Version version) {
    const std::lock_guard lock(mutex_);
    if (!version_) version_ = version;
  }

 private:
  std::mutex mutex_;
  Totals totals_;
  std::optional<net::Version> version_;
};

}  // namespace moq::bench

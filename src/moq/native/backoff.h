#pragma once

#include <optional>

#include "moq/base/random.h"
#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/kio/clock.h"

namespace moq::native {

/// How failed dials are spaced.
struct Backoff {
  Duration initial = 1s;    ///< Before the first retry.
  double multiplier = 2;    ///< From one retry to the next.
  Duration max = 30s;       ///< The longest wait.
  Duration timeout = 5min;  ///< Without a session for this long: give up. 0 = never.
  /// Each wait is cut by a random share of up to this, so that clients that lost one relay do not
  /// come back in the same millisecond. 0 = none.
  double jitter = 0.5;

  /// Fails with `bad_config`, naming the setting.
  [[nodiscard]] Result<void> check() const;
};

/// Counts one outage: how long to wait for the next dial, and when to give up.
class Retry {
 public:
  Retry(const Backoff& backoff, kio::Clock& clock, Random& random);

  /// The wait before the next dial: none right after a healthy session, then growing. Nothing once
  /// the outage has lasted too long. The last wait is cut to what is left.
  std::optional<Duration> next();
  /// Judges a session that is over and began at `since`. One that lived at least the initial wait
  /// was healthy: the outage begins now, with a dial at once. Else it counts as a failed dial.
  bool reset_if_healthy(TimePoint since);
  /// How long the outage has lasted.
  [[nodiscard]] Duration outage() const { return clock_->now() - outage_since_; }

 private:
  Backoff backoff_;
  kio::Clock* clock_;
  Random* random_;
  TimePoint outage_since_;
  Duration delay_;
  bool at_once_ = true;
};

}  // namespace moq::native

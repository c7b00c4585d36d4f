#include "moq/native/backoff.h"

#include <algorithm>

namespace moq::native {

Result<void> Backoff::check() const {
  constexpr Duration kLeast = 50ms;  // Below this a retry loop is a flood.
  if (initial < kLeast) return fail(Code::bad_config, "backoff-initial must be at least 50ms");
  if (!(multiplier >= 1)) return fail(Code::bad_config, "backoff-multiplier must be at least 1");
  if (max < initial) return fail(Code::bad_config, "backoff-max must not be below backoff-initial");
  if (timeout < Duration::zero()) return fail(Code::bad_config, "backoff-timeout is negative");
  if (!(jitter >= 0 && jitter < 1)) return fail(Code::bad_config, "backoff-jitter must be in 0..1");
  return {};
}

Retry::Retry(const Backoff& backoff, kio::Clock& clock, Random& random)
    : backoff_(backoff),
      clock_(&clock),
      random_(&random),
      outage_since_(clock.now()),
      delay_(backoff.initial) {}

std::optional<Duration> Retry::next() {
  if (std::exchange(at_once_, false)) return Duration::zero();
  const bool limited = backoff_.timeout > Duration::zero();
  const Duration left = limited ? backoff_.timeout - outage() : Duration::max();
  if (left <= Duration::zero()) return std::nullopt;
  const double share = 1 - backoff_.jitter * random_->fraction();
  const Duration wait(static_cast<Duration::rep>(static_cast<double>(delay_.count()) * share));
  const double grown = static_cast<double>(delay_.count()) * backoff_.multiplier;
  delay_ = grown < static_cast<double>(backoff_.max.count())
               ? Duration(static_cast<Duration::rep>(grown))
               : backoff_.max;
  return std::min(wait, left);
}

bool Retry::reset_if_healthy(TimePoint since) {
  if (clock_->now() - since < backoff_.initial) return false;
  outage_since_ = clock_->now();
  delay_ = backoff_.initial;
  at_once_ = true;
  return true;
}

}  // namespace moq::native

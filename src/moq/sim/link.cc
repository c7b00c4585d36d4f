#include "moq/sim/link.h"

#include <algorithm>

namespace moq::sim {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

Duration Link::serialisation(std::size_t bytes) const {
  if (options_.rate_bps == 0) return {};
  const auto bit_nanos = static_cast<__uint128_t>(bytes) * 8 * kNanosPerSecond;
  return Duration(static_cast<Duration::rep>(bit_nanos / options_.rate_bps));
}

std::size_t Link::queued_bytes(TimePoint now) const {
  if (busy_until_ <= now || options_.rate_bps == 0) return 0;
  const auto nanos = static_cast<std::uint64_t>((busy_until_ - now).count());
  const auto bits = static_cast<__uint128_t>(nanos) * options_.rate_bps / kNanosPerSecond;
  return static_cast<std::size_t>(bits / 8);
}

Duration Link::delay(Random& random) const {
  const auto jitter = static_cast<std::uint64_t>(options_.jitter.count());
  return options_.latency + Duration(static_cast<Duration::rep>(random.below(jitter)));
}

bool Link::loses(Random& random) const {
  return options_.loss > 0 && random.fraction() < options_.loss;
}

std::optional<Link::Passage> Link::send(TimePoint now, std::size_t bytes, Random& random) {
  const std::size_t queued = queued_bytes(now);
  if (bytes > options_.mtu_bytes || queued + bytes > options_.queue_bytes) return std::nullopt;
  busy_until_ = std::max(now, busy_until_) + serialisation(bytes);
  // Lost after it took its share of the rate, as behind a narrow link.
  if (loses(random)) return std::nullopt;
  return Passage{.arrival = busy_until_ + delay(random),
                 .marked = options_.ecn_mark_bytes > 0 && queued >= options_.ecn_mark_bytes};
}

}  // namespace moq::sim

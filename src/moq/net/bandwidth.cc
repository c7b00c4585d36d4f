#include "moq/net/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace moq::net {

struct Reservation::Claim {
  Claim(track::Interest of_track, std::uint64_t most)
      : interest(std::move(of_track)), max_bps(most) {}
  const track::Interest interest;
  std::atomic<std::uint64_t> max_bps;
};

struct Reservation::Registry {
  explicit Registry(Bandwidth::Estimate of_session) : estimate(std::move(of_session)) {}
  const Bandwidth::Estimate estimate;
  std::mutex mutex;
  std::vector<std::shared_ptr<Claim>> claims;
};

Reservation::Reservation(std::shared_ptr<Registry> registry, std::shared_ptr<Claim> claim)
    : registry_(std::move(registry)), claim_(std::move(claim)) {}

Reservation::~Reservation() {
  if (!claim_) return;
  std::lock_guard lock(registry_->mutex);
  std::erase(registry_->claims, claim_);
}

void Reservation::set_max(std::uint64_t max_bps) { claim_->max_bps = max_bps; }

std::optional<std::uint64_t> Reservation::grant() const {
  if (!claim_->interest.subscribed()) return std::nullopt;
  std::optional<std::uint64_t> left = registry_->estimate();
  if (!left) return std::nullopt;
  std::vector<std::shared_ptr<Claim>> claims;
  {
    std::lock_guard lock(registry_->mutex);
    claims = registry_->claims;
  }
  // The smallest claims first: what they leave of an equal part is for the rest.
  const std::uint64_t own = claim_->max_bps;
  std::vector<std::uint64_t> others;
  for (const auto& claim : claims) {
    if (claim != claim_ && claim->interest.subscribed()) others.push_back(claim->max_bps);
  }
  std::ranges::sort(others);
  std::uint64_t sharers = others.size() + 1;
  for (const std::uint64_t other : others) {
    const std::uint64_t part = *left / sharers;
    if (other > part || other > own) break;
    *left -= other;
    --sharers;
  }
  return std::min(own, *left / sharers);
}

Bandwidth::Bandwidth(Estimate estimate)
    : registry_(std::make_shared<Reservation::Registry>(std::move(estimate))) {}

Reservation Bandwidth::reserve(const track::Producer& track, std::uint64_t max_bps) const {
  auto claim = std::make_shared<Reservation::Claim>(track.interest(), max_bps);
  {
    std::lock_guard lock(registry_->mutex);
    registry_->claims.push_back(claim);
  }
  return {registry_, std::move(claim)};
}

}  // namespace moq::net

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "moq/net/track.h"

namespace moq::net {

/// A claim on a session's bandwidth. Dropping it gives the share back. Any thread may call, several
/// at a time.
class Reservation {
 public:
  struct Claim;
  struct Registry;
  Reservation(std::shared_ptr<Registry> registry, std::shared_ptr<Claim> claim);
  Reservation(Reservation&&) noexcept = default;
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation();

  /// The share as things are now, in bits per second; none if nothing is known of the session, or
  /// nobody subscribes to the track.
  [[nodiscard]] std::optional<std::uint64_t> grant() const;
  /// Changes the most that the track may ever send.
  void set_max(std::uint64_t max_bps);

 private:
  std::shared_ptr<Registry> registry_;
  std::shared_ptr<Claim> claim_;
};

/// Shares what a session can send among the tracks that have a subscriber: none gets more than its
/// claim, together they get no more than the estimate, and what one leaves goes to the others in
/// equal parts. Copies share the same. Any thread may call, several at a time.
class Bandwidth {
 public:
  /// What the session could send now, in bits per second, as from a `StatsReader`; called on any
  /// thread, must not wait.
  using Estimate = std::function<std::optional<std::uint64_t>()>;
  explicit Bandwidth(Estimate estimate);

  /// Claims up to `max_bps` for `track`, which is not kept by it.
  [[nodiscard]] Reservation reserve(const track::Producer& track, std::uint64_t max_bps) const;

 private:
  std::shared_ptr<Reservation::Registry> registry_;
};

}  // namespace moq::net

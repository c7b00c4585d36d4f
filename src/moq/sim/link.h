#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "moq/base/random.h"
#include "moq/base/time.h"

namespace moq::sim {

/// One direction of a link.
struct LinkOptions {
  Duration latency = 10ms;               ///< One way, without queueing.
  Duration jitter{};                     ///< Adds up to this much per packet, which reorders.
  double loss = 0;                       ///< Share of packets lost, 0 to 1.
  std::uint64_t rate_bps = 0;            ///< Bits per second; 0 = no limit.
  std::size_t queue_bytes = 256 * 1024;  ///< What waits for a limited rate; more is dropped.
  std::size_t ecn_mark_bytes =
      0;  ///< Marks ECN-capable packets that find this much queued; 0 = none.
  std::size_t mtu_bytes = 1500;  ///< Largest IP packet; a larger one is dropped.
};

/// When packets that enter one direction of a link come out of it.
class Link {
 public:
  explicit Link(const LinkOptions& link_options = {}) : options_(link_options) {}

  struct Passage {
    TimePoint arrival;
    bool marked = false;  ///< Congestion experienced.
  };
  /// Sends an IP packet of `bytes`. None if it is lost, too large, or finds the queue full.
  std::optional<Passage> send(TimePoint now, std::size_t bytes, Random& random);
  /// Bytes that still wait for the limited rate.
  [[nodiscard]] std::size_t queued_bytes(TimePoint now) const;
  /// How long `bytes` take at the limited rate.
  [[nodiscard]] Duration serialisation(std::size_t bytes) const;
  /// Latency and jitter of one packet.
  [[nodiscard]] Duration delay(Random& random) const;
  [[nodiscard]] bool loses(Random& random) const;

  [[nodiscard]] const LinkOptions& options() const { return options_; }
  /// Applies to packets sent from now on.
  void set_options(const LinkOptions& link_options) { options_ = link_options; }

 private:
  LinkOptions options_;
  TimePoint busy_until_{};
};

}  // namespace moq::sim

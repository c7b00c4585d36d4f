#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "moq/base/time.h"

namespace moq::transport {

/// What a connection has measured and counted.
struct Stats {
  std::optional<Duration> rtt;                 ///< Smoothed round-trip time.
  std::optional<std::uint64_t> send_rate_bps;  ///< Estimated bits per second towards the peer.
  std::uint64_t bytes_sent = 0;                ///< On the wire, as far as the backend knows.
  std::uint64_t bytes_received = 0;
  /// Of lost packets: with QUIC from the mean size of packets that carry data, and the datagrams.
  std::uint64_t bytes_lost = 0;
  std::uint64_t packets_sent = 0;  ///< UDP datagrams; 0 where there are none.
  std::uint64_t packets_received = 0;
  std::uint64_t packets_lost = 0;  ///< As the loss recovery sees it, with its false alarms.
  bool operator==(const Stats&) const = default;
};

/// The statistics of a session, for other threads: the session writes them after each batch of
/// packets, once somebody has asked for the cell. Nobody waits here longer than a copy takes.
class StatsCell {
 public:
  void set(const Stats& stats) {
    std::lock_guard lock(mutex_);
    if (stats_) stats_ = stats;
  }
  /// The session is over, for good.
  void close() {
    std::lock_guard lock(mutex_);
    stats_.reset();
  }
  /// None once the session is over.
  [[nodiscard]] std::optional<Stats> read() const {
    std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Stats> stats_ = Stats();
};

}  // namespace moq::transport

#include "moq/net/internal/session_stats_state.h"

namespace moq::net {

std::optional<SessionStats> StatsReader::read() const {
  Shared& shared = *shared_;
  if (!shared.read_once.exchange(true)) shared.wanted.clone().set(true);
  SessionStats stats{.version = shared.version, .carrier = shared.carrier};
  std::optional<kio::Consumer<PathEstimate>> estimate;
  {
    std::lock_guard lock(shared.mutex);
    if (shared.over) return std::nullopt;
    if (shared.estimate) estimate = shared.estimate->clone();
  }
  if (estimate) stats.recv_rate_bps = estimate->read()->rate_bps;
  if (!shared.cell) return stats;
  const auto measured = shared.cell->read();
  if (!measured) return std::nullopt;
  stats.transport = *measured;
  return stats;
}

}  // namespace moq::net

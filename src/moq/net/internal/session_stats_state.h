#pragma once

#include <atomic>
#include <mutex>

#include "moq/net/session_stats.h"

namespace moq::net {

/// Between a session and those who read its statistics.
struct StatsReader::Shared {
  Shared(std::shared_ptr<const transport::StatsCell> of_transport, Version of_session,
         std::string_view carried_by)
      : cell(std::move(of_transport)), version(of_session), carrier(carried_by) {}

  const std::shared_ptr<const transport::StatsCell> cell;  ///< Null where nobody measures.
  const Version version;
  const std::string carrier;
  std::atomic<bool> read_once = false;
  const kio::Producer<bool> wanted;  ///< Somebody reads: time to ask the peer.

  std::mutex mutex;
  std::optional<kio::Consumer<PathEstimate>> estimate;
  bool over = false;

  void follow(kio::Consumer<PathEstimate> of_peer) {
    std::lock_guard lock(mutex);
    estimate = std::move(of_peer);
  }
  void close() {
    std::lock_guard lock(mutex);
    over = true;
  }
};

}  // namespace moq::net

#pragma once

#include <memory>

#include "moq/sim/world.h"
#include "moq/transport/byte_stream.h"

namespace moq::sim {

/// How bytes pass between the two ends, each way.
struct ByteLink {
  Duration delay = 5ms;
  std::size_t window_bytes = 64 << 10;  ///< Sent and not yet read; more is not writable.
  std::size_t piece_bytes = 1460;       ///< Arrive at once, at most; the seed says how many.
};

namespace internal {
struct ByteLane;
}

/// The two ends of a simulated TCP connection. An end that is dropped ends what the other reads,
/// and what that writes fails with `closed`. `world` must outlive them.
struct BytePair {
  explicit BytePair(World& world, const ByteLink& link = {});
  std::unique_ptr<transport::ByteStream> client;
  std::unique_ptr<transport::ByteStream> server;

  /// From now on nothing arrives any more, nor is anybody told.
  void cut();

 private:
  std::shared_ptr<internal::ByteLane> up_;
  std::shared_ptr<internal::ByteLane> down_;
};

}  // namespace moq::sim

#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/waiter.h"
#include "moq/net/group.h"

namespace moq::net::group {

/// A frame and what has come of it. Most frames come in one piece, which needs no vector.
struct Frame {
  frame::Info info;
  std::uint64_t received = 0;
  std::size_t chunks = 0;
  Bytes first;
  std::vector<Bytes> rest;

  [[nodiscard]] bool complete() const { return received == info.size_bytes; }
  [[nodiscard]] const Bytes& chunk(std::size_t index) const {
    return index == 0 ? first : rest[index - 1];
  }
  void append(Bytes data);
};

struct State {
  State(std::uint64_t group_sequence, std::shared_ptr<std::atomic<std::uint64_t>> cached_bytes)
      : sequence(group_sequence), cached(std::move(cached_bytes)) {}
  ~State() { *cached -= bytes; }

  const std::uint64_t sequence;
  /// Payload bytes held by the track's groups together.
  const std::shared_ptr<std::atomic<std::uint64_t>> cached;

  mutable std::mutex mutex;
  std::deque<Frame> frames;
  std::uint64_t bytes = 0;
  bool finished = false;
  bool has_writer = true;
  std::optional<Error> aborted;
  kio::WaiterList on_change;

  /// Ends the group with `error` and drops its payload, unless it ended already by an error. A
  /// finished group can still be aborted: that is how the cache lets go of it.
  void abort(Error error);
  [[nodiscard]] std::optional<std::uint64_t> first_timestamp() const;
  [[nodiscard]] std::optional<std::uint64_t> last_timestamp() const;
};

}  // namespace moq::net::group

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/waiter.h"
#include "moq/net/group.h"
#include "moq/net/internal/cache.h"

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
  /// Whether `data` is what was received from `offset` on, as far as that goes.
  [[nodiscard]] bool matches(std::uint64_t offset, ByteSpan data) const;
};

struct State;

/// What is left of groups that were aborted under a lock: to be woken and freed after it.
struct Remains {
  kio::WaiterList woken;
  std::vector<std::vector<Frame>> dropped;
  std::vector<std::shared_ptr<State>> groups;
};

struct State {
  State(std::uint64_t group_sequence, std::shared_ptr<Tally> group_tally)
      : sequence(group_sequence), tally(std::move(group_tally)) {}
  ~State();

  const std::uint64_t sequence;
  /// Shared by the groups of a track; a fetched group has its own.
  const std::shared_ptr<Tally> tally;
  CachePlace place;  ///< Guarded by the cache.

  mutable std::mutex mutex;
  std::vector<Frame> frames;
  std::optional<std::uint64_t> began_at;  ///< Timestamp of the first frame; stays after an abort.
  std::uint64_t claimed = 0;              ///< Payload that the frames announce.
  std::size_t chunks = 0;
  std::uint64_t cost = 0;  ///< What it is charged for in the tally.
  bool finished = false;
  bool has_writer = true;
  std::optional<Error> aborted;
  std::size_t readers = 0;
  kio::WaiterList on_change;  ///< For readers.
  kio::WaiterList on_abort;   ///< Abort alone, and, for the writer, the readers' end.

  /// Ends the group with `error` and drops its payload, unless it ended already by an error. A
  /// finished group can still be aborted: that is how the cache lets go of it.
  void abort(const Error& error);
  /// The same under a lock of the caller's.
  void abort(const Error& error, Remains& remains);
  /// Ready, with its error, once the group was aborted.
  kio::Poll<Error> poll_aborted(const kio::Waiter& waiter);
  /// Adds a frame (the mutex is held).
  Frame& add_frame(const frame::Info& info);
  /// Adds payload to frame `index` (the mutex is held).
  void add_payload(std::size_t index, Bytes data);
  /// What follows an addition, without the mutex: makes room if the caches are crowded, and wakes
  /// who waits for the track's time to go on.
  void after_adding() const;
  [[nodiscard]] std::optional<std::uint64_t> first_timestamp() const;
  [[nodiscard]] bool unfinished() const;
  [[nodiscard]] bool failed() const;
  /// Unfinished, and without a writer.
  [[nodiscard]] bool suspended() const;
};

}  // namespace moq::net::group

#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/net/lite/announce_codec.h"
#include "moq/net/lite/stream_reader.h"

namespace moq::net::lite {

/// Reads a publisher's answer to ANNOUNCE_REQUEST, whichever the version. Belongs to the executor's
/// thread.
class AnnounceReader {
 public:
  explicit AnnounceReader(StreamReader reader);

  /// Ready once the publisher answered at all (from 03 to 04 at once, nothing says so there): false
  /// if with FIN alone.
  Poll<Result<bool>> poll_accepted(const Waiter& waiter);
  /// The next change; none at FIN, when all that was announced here is over. Any failure is one of
  /// the session.
  Poll<Result<std::optional<AnnounceEvent>>> poll_next(const Waiter& waiter);

  /// The publisher's hop id, once accepted; 0 = unknown, as always before 05.
  [[nodiscard]] std::uint64_t hop() const { return hop_; }
  /// Announcements of the initial set still to come, once accepted; 0 on 03 and 04, where nothing
  /// marks the set's end.
  [[nodiscard]] std::uint64_t initial_left() const { return initial_left_; }
  /// Whether the initial set has been read, as far as the version tells.
  [[nodiscard]] bool initial_read() const { return accepted_ && initial_left_ == 0; }

  auto accepted() {
    return kio::wait([this](const Waiter& waiter) { return poll_accepted(waiter); });
  }
  auto next() {
    return kio::wait([this](const Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  /// What follows the answer: one message.
  Poll<Result<std::optional<TypedMessage>>> poll_announcement(const Waiter& waiter);

  StreamReader reader_;
  AnnounceDecoder decoder_;
  std::deque<AnnounceEvent> queue_;  ///< Of ANNOUNCE_INIT; bounded as that is.
  std::optional<Error> failed_;
  bool accepted_ = false;
  std::uint64_t hop_ = 0;
  std::uint64_t initial_left_ = 0;
};

}  // namespace moq::net::lite

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/transport/session.h"

namespace moq::net {

/// What the stream readers of both protocols stand on: what has arrived of a stream and is not yet
/// read, payloads, the end, and the first failure, which is for good. Holds at most one item that
/// has begun and one chunk of the transport beyond it; memory grows only with what arrived,
/// whatever a length claims.
///
/// A poll function that is pending must be called again until it is ready before another one is.
/// Belongs to the executor's thread. Dropping it before the end stops the peer with code 0.
class StreamInput {
 public:
  /// The next part of the payload in hand, as it arrived; empty at its end. A FIN inside it fails
  /// with `wrong_size`.
  kio::Poll<Result<Bytes>> poll_payload(const kio::Waiter& waiter);
  auto payload() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_payload(waiter); });
  }
  /// Bytes of that payload still to come.
  [[nodiscard]] std::uint64_t payload_remaining() const { return payload_left_; }

  /// The clean end. Anything else but FIN fails with `protocol_violation`.
  kio::Poll<Result<void>> poll_end(const kio::Waiter& waiter);
  auto end() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_end(waiter); });
  }
  /// As `poll_end`, where whatever comes before the end is passed over: padding.
  kio::Poll<Result<void>> poll_discard(const kio::Waiter& waiter);
  auto discard() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_discard(waiter); });
  }

  /// Bytes set aside for what has arrived and is not consumed.
  [[nodiscard]] std::size_t held_bytes() const { return chunk_.size() + part_.capacity(); }

  /// Tells the peer to stop, with a code of the protocol.
  void stop(std::uint32_t code) { stream_->stop(code); }

 protected:
  /// Asked of the transport at a time where the need is not known; small enough that what is read
  /// ahead of a slow consumer does not matter.
  static constexpr std::size_t kHeadChunkBytes = 16 << 10;

  explicit StreamInput(std::unique_ptr<transport::RecvStream> stream)
      : stream_(std::move(stream)) {}
  StreamInput(StreamInput&&) noexcept = default;
  StreamInput& operator=(StreamInput&&) noexcept = default;
  virtual ~StreamInput() = default;

  /// What the transport's error means in the protocol: its reset codes.
  [[nodiscard]] virtual Error to_meaning(Error error) const = 0;

  /// Makes `chunk_` not empty; false at FIN.
  kio::Poll<Result<bool>> poll_fill(const kio::Waiter& waiter, std::uint64_t want);
  /// Remembers the first failure, for each later call, and returns it.
  Error fail_with(Error error);
  /// Fails as one does whose item is not whole at FIN.
  Error fail_truncated();
  /// The failure there was.
  [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }
  void begin_payload(std::uint64_t bytes) { payload_left_ = bytes; }

  Bytes chunk_;                     ///< Arrived and not yet consumed.
  std::vector<std::uint8_t> part_;  ///< An item that has begun in earlier chunks.

 private:
  std::unique_ptr<transport::RecvStream> stream_;
  std::optional<Error> failed_;
  std::uint64_t payload_left_ = 0;
};

}  // namespace moq::net

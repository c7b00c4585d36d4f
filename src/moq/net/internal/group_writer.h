#pragma once

#include <cstdint>
#include <optional>

#include "moq/net/group.h"
#include "moq/transport/session.h"

namespace moq::net {

/// Copies a group's frames to a stream as they come, without copying their payload. `Headers` has
/// `Result<Bytes> encode(const group::Chunk& first)`: what to write before a frame whose first
/// piece that is.
template <typename Headers>
class GroupWriter {
 public:
  /// Stops after frame `last_frame` (inclusive), if given. `send` must outlive the writer.
  GroupWriter(transport::SendStream& send, group::Consumer group, Headers headers,
              std::optional<std::uint64_t> last_frame = std::nullopt)
      : send_(send),
        group_(std::move(group)),
        headers_(std::move(headers)),
        last_frame_(last_frame) {}

  /// Ready once all is written; the caller ends the stream. Fails with the group's or the stream's
  /// error.
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter) {
    for (;;) {
      if (complete_) return Result<void>();
      // Also while the group has nothing: a peer that stops the stream ends the wait.
      auto writable = send_.poll_writable(waiter);
      if (writable.pending()) {
        // What has left the cache meanwhile is not written any more.
        auto aborted = group_.poll_aborted(waiter);
        if (aborted.pending()) return kio::kPending;
        return Result<void>(std::unexpected(*std::move(aborted)));
      }
      if (!*writable) return *std::move(writable);
      auto chunk = group_.poll_chunk(waiter);
      if (chunk.pending()) {
        (void)send_.poll_finished(waiter);
        return kio::kPending;
      }
      if (!*chunk) return Result<void>(std::unexpected(std::move(*chunk).error()));
      if (!**chunk) return Result<void>();
      group::Chunk& piece = ***chunk;
      if (last_frame_ && piece.frame_index > *last_frame_) return Result<void>();
      if (piece.begins) {
        remaining_ = piece.begins->size_bytes;
        auto header = headers_.encode(piece);
        if (!header) return Result<void>(std::unexpected(std::move(header).error()));
        send_.write(*std::move(header));
      }
      remaining_ -= piece.data.size();
      // The last frame that is wanted needs no further one to tell that it is over.
      complete_ = piece.frame_index == last_frame_ && remaining_ == 0;
      if (!piece.data.empty()) send_.write(std::move(piece.data));
    }
  }
  /// Writes all, ends the stream, and is ready once it has arrived. Fails as `poll_write` does, and
  /// with `old` once `poll_stale(waiter)` is ready while the network holds things up: what waits
  /// for it may grow too old to be worth its bandwidth.
  template <typename PollStale>
  kio::Poll<Result<void>> poll_send(const kio::Waiter& waiter, PollStale poll_stale) {
    if (!written_) {
      auto done = poll_write(waiter);
      if (done && !*done) return *std::move(done);
      if (done) {
        written_ = true;
        send_.finish();
      } else if (!blocked()) {
        return kio::kPending;
      }
    }
    if (written_) {
      if (auto finished = send_.poll_finished(waiter)) return *std::move(finished);
    }
    if (poll_stale(waiter)) return fail(Code::old, "the group grew too old");
    return kio::kPending;
  }
  /// As `poll_write`, for a stream whose other half must stay open and silent meanwhile.
  template <typename StreamReader>
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, StreamReader& reader) {
    if (auto written = poll_write(waiter)) return written;
    auto end = reader.poll_end(waiter);
    if (end.pending()) return kio::kPending;
    if (!*end) return *std::move(end);
    return Result<void>(std::unexpected(Error(Code::cancelled, "the peer gave up")));
  }

 private:
  /// True while the stream, not the group, holds things up.
  [[nodiscard]] bool blocked() { return send_.poll_writable(kio::Waiter::none()).pending(); }

  transport::SendStream& send_;
  group::Consumer group_;
  Headers headers_;
  std::optional<std::uint64_t> last_frame_;
  std::uint64_t remaining_ = 0;  ///< Payload of the frame being written.
  bool complete_ = false;        ///< All that is wanted was written.
  bool written_ = false;         ///< And `poll_send` has ended the stream.
};

}  // namespace moq::net

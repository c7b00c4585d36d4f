#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/kio/waiter.h"
#include "moq/transport/quic/internal/heap.h"
#include "moq/transport/quic/internal/ngtcp2.h"
#include "moq/transport/quic/internal/ring.h"
#include "moq/transport/session.h"

namespace moq::transport::quic::internal {

/// What was written to a stream: unsent, and sent but not acknowledged. ngtcp2 keeps pointers into
/// the latter, so each `Bytes` is held until all of it is acknowledged.
class SendBuffer {
 public:
  void push(Bytes data);
  /// Bytes not yet given to ngtcp2.
  [[nodiscard]] std::size_t unsent() const { return static_cast<std::size_t>(end_ - sent_); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::uint64_t acked() const { return acked_; }
  /// Fills `out` with unsent data, stopping when `enough` bytes are there; returns how many of
  /// `out` were used. `bytes` is set to their sum.
  std::size_t peek(std::span<ngtcp2_vec> out, std::size_t enough, std::size_t& bytes) const;
  void mark_sent(std::size_t bytes);
  /// Everything before `offset` is acknowledged.
  void mark_acked(std::uint64_t offset);
  /// Forgets what is unsent: the stream has failed.
  void drop_unsent();
  /// Back to new, with the memory kept.
  void recycle();

 private:
  Ring<Bytes> chunks_;
  std::uint64_t base_ = 0;  // Offset in the stream of the first chunk.
  std::uint64_t acked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t end_ = 0;
  std::size_t next_ = 0;  // First chunk with unsent bytes,
  std::size_t skip_ = 0;  // and how many of its bytes are sent.
};

/// What arrived on a stream in order and is not yet read. Copied once, into blocks that grow with
/// the stream, so that a small stream costs one small block.
class RecvBuffer {
 public:
  void push(ByteSpan data);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// The next bytes in one piece, at most `max`.
  Bytes take(std::size_t max);
  void recycle();

  static constexpr std::size_t kMinBlock = 4096;  ///< Of a stream's second block.
  static constexpr std::size_t kMaxBlock = 65536;

 private:
  Ring<Bytes> ready_;
  Ref<Buffer> block_;
  std::size_t used_ = 0;  // Of `block_`.
  std::size_t size_ = 0;
  std::uint64_t total_ = 0;  // Ever received.
};

/// Both halves of one QUIC stream. Lives from its opening until ngtcp2 has closed it and all
/// handles are gone; belongs to a `StreamTable`.
struct Stream {
  std::int64_t id = -1;
  bool local = false;         ///< Opened by us.
  bool in_transport = false;  ///< ngtcp2 has not closed it.
  bool has_sender = false;    ///< A `SendStream` handle exists, or will: it waits to be accepted.
  bool has_receiver = false;

  bool returned = false;  ///< Its place among the peer's open streams was given back.

  // Sending.
  SendBuffer out;
  Priority priority = 0;
  bool fin_queued = false;
  bool fin_sent = false;
  bool fin_sent_alone = false;  ///< In a frame without data, which is acknowledged by itself.
  bool fin_frame_acked = false;
  bool fin_acked = false;
  bool reset_sent = false;
  bool stopped = false;  ///< STOP_SENDING came, with `stop_code`.
  bool blocked = false;  ///< By the stream's flow control; out of the send queue.
  std::uint64_t stop_code = 0;
  std::size_t queue_place = kNotInHeap;  ///< In the `SendQueue`.
  std::uint64_t queue_turn = 0;
  kio::WaiterList on_writable;
  kio::WaiterList on_finished;

  // Receiving.
  RecvBuffer in;
  bool fin_received = false;
  bool reset_received = false;  ///< With `reset_code`.
  bool stop_sent = false;
  bool end_read = false;  ///< The reader has been told of the end, clean or not.
  std::uint64_t reset_code = 0;
  std::uint64_t uncredited = 0;  ///< Read, and not yet returned to the peer as window.
  kio::WaiterList on_readable;

  [[nodiscard]] bool bidi() const { return (id & 2) == 0; }
  [[nodiscard]] bool can_send() const { return local || bidi(); }
  /// More to give to ngtcp2.
  [[nodiscard]] bool wants_send() const {
    return !stopped && !reset_sent && (out.unsent() > 0 || (fin_queued && !fin_sent));
  }
  /// The peer has acknowledged everything, the end included.
  [[nodiscard]] bool delivered() const { return fin_acked; }
  [[nodiscard]] bool abandoned() const { return !in_transport && !has_sender && !has_receiver; }
  /// The application knows all that will ever come.
  [[nodiscard]] bool receiver_done() const { return !has_receiver || end_read || stop_sent; }
  void recycle();
};

/// The streams of a connection by id, and the pool that their memory comes from.
class StreamTable {
 public:
  Stream* create(std::int64_t id, bool local);
  [[nodiscard]] Stream* find(std::int64_t id) const;
  /// Takes it out and returns its memory to the pool.
  void remove(Stream* stream);
  [[nodiscard]] std::size_t size() const { return size_; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (Stream* stream : slots_) {
      if (stream != nullptr) visit(*stream);
    }
  }
  StreamTable() = default;
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;
  ~StreamTable();

  /// Streams kept for reuse: enough for the groups in flight of a busy session.
  static constexpr std::size_t kMaxPooled = 64;

 private:
  [[nodiscard]] std::size_t home(std::int64_t id) const;
  void grow();
  void insert(Stream* stream);

  std::vector<Stream*> slots_;  // Open addressing, a power of two, at most half full.
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Stream>> pool_;
};

/// Streams with something to send: the highest priority first, equals in turn.
class SendQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Stream* front() const { return heap_.front(); }
  /// Behind its equals; no effect if it is queued.
  void push(Stream* stream) {
    if (heap_.contains(stream)) return;
    stream->queue_turn = ++turn_;
    heap_.push(stream);
  }
  void remove(Stream* stream) { heap_.remove(stream); }
  /// Puts the front behind its equals.
  void rotate() {
    heap_.front()->queue_turn = ++turn_;
    heap_.update(heap_.front());
  }
  void set_priority(Stream* stream, Priority priority) {
    stream->priority = priority;
    if (heap_.contains(stream)) heap_.update(stream);
  }
  void clear() { heap_.clear(); }

 private:
  static bool before(const Stream* a, const Stream* b) {
    if (a->priority != b->priority) return a->priority > b->priority;
    return a->queue_turn < b->queue_turn;
  }
  Heap<Stream, &Stream::queue_place, before> heap_;
  std::uint64_t turn_ = 0;
};

}  // namespace moq::transport::quic::internal

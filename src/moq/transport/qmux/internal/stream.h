#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/kio/waiter.h"
#include "moq/transport/session.h"

namespace moq::transport::qmux {

/// First in, first out; needs no memory while it is empty, as most streams' are.
class Pieces {
 public:
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] Bytes& front() { return pieces_[first_]; }
  [[nodiscard]] Bytes& back() { return pieces_.back(); }
  void push_back(Bytes piece) { pieces_.push_back(std::move(piece)); }
  void pop_front();
  void clear();

 private:
  std::vector<Bytes> pieces_;
  std::size_t first_ = 0;
};

/// What was written to a stream and is not yet in a record.
class SendBuffer {
 public:
  void push(Bytes data);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Takes off the first bytes, at most `max`, in one piece.
  Bytes take(std::size_t max);
  void clear();

 private:
  Pieces parts_;
  std::size_t size_ = 0;
};

/// What arrived on a stream and is not yet read. A piece that makes up most of its record is kept
/// as it is; smaller ones are copied together, so that little data never keeps much memory.
class RecvBuffer {
 public:
  /// `data` is a part of a record of `record_bytes`.
  void push(Bytes data, std::size_t record_bytes);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// The next bytes in one piece, at most `max`; none if there are none.
  Bytes take(std::size_t max);
  void clear();

  static constexpr std::size_t kMaxBlock = 65536;

 private:
  void copy(ByteSpan data);

  Pieces parts_;
  Ref<Buffer> block_;  ///< Where small pieces go.
  std::size_t used_ = 0;
  bool open_ = false;  ///< The last part ends at `used_` of `block_`.
  std::size_t size_ = 0;
};

/// Credit that we give: how far the peer may go. Raised in steps, when what came free is more than
/// what the peer has left, so that it never waits for what is free.
class Window {
 public:
  explicit Window(std::uint64_t size = 0) : max_(size) {}
  /// The peer goes on by `amount`; false if that is too far.
  [[nodiscard]] bool use(std::uint64_t amount);
  void release(std::uint64_t amount) { released_ += amount; }
  /// The new limit, if it is time to tell one.
  std::optional<std::uint64_t> raise();
  /// Whether `raise` would tell one.
  [[nodiscard]] bool wants_raise() const { return released_ > max_ - used_ && released_ > 0; }
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

 private:
  std::uint64_t max_;
  std::uint64_t used_ = 0;
  std::uint64_t released_ = 0;  ///< Since the last raise.
};

/// Both halves of one stream. Lives until both are over and no handle is left.
struct Stream {
  explicit Stream(std::uint64_t number) : id(number) {}

  std::uint64_t id;
  bool local = false;         ///< Opened by us.
  bool has_sender = false;    ///< A `SendStream` exists, or will: the stream waits to be accepted.
  bool has_receiver = false;  ///< The same of `RecvStream`.
  bool counted = false;       ///< Its place among the peer's open streams was given back.
  bool in_control = false;    ///< It is among those with control frames to send.

  // Sending.
  SendBuffer out;
  std::uint64_t sent = 0;  ///< Bytes of `out` that went into records.
  std::uint64_t max_sent = 0;
  Priority priority = 0;
  std::uint64_t turn = 0;  ///< Its place in the `SendQueue`; 0 = not in there.
  bool fin_queued = false;
  bool fin_sent = false;
  /// The first ping that follows the end: its response tells that the peer has all.
  std::uint64_t fin_ping = 0;
  bool delivered = false;
  std::optional<std::uint32_t> reset_code;  ///< Of a reset by us.
  bool reset_sent = false;
  std::optional<std::uint32_t> stopped;  ///< The peer's STOP_SENDING.
  kio::WaiterList on_writable;
  kio::WaiterList on_finished;

  // Receiving.
  RecvBuffer in;
  Window window;
  bool fin_received = false;
  std::optional<std::uint32_t> reset_received;
  std::optional<std::uint32_t> stop_code;  ///< Of a stop by us.
  bool stop_sent = false;
  bool end_read = false;  ///< The reader has been told of the end, clean or not.
  kio::WaiterList on_readable;

  [[nodiscard]] bool bidi() const { return (id & 2) == 0; }
  [[nodiscard]] std::uint64_t index() const { return id >> 2; }
  [[nodiscard]] bool can_send() const { return local || bidi(); }
  [[nodiscard]] bool can_receive() const { return !local || bidi(); }
  /// Nothing more goes out.
  [[nodiscard]] bool send_over() const { return !can_send() || fin_sent || reset_sent; }
  /// Nothing more comes in.
  [[nodiscard]] bool received_all() const {
    return !can_receive() || fin_received || reset_received.has_value();
  }
  /// Nothing more comes in, and nobody will ask for what came.
  [[nodiscard]] bool receive_over() const {
    return received_all() && (!can_receive() || !has_receiver || end_read || stop_code.has_value());
  }
  /// The writer has not ended the stream, nor has the peer.
  [[nodiscard]] bool open_for_writing() const { return !fin_queued && !reset_code && !stopped; }
  /// Data, or the end, that may go out now.
  [[nodiscard]] bool wants_send() const {
    if (reset_code || fin_sent) return false;
    return out.size() > 0 ? sent < max_sent : fin_queued;
  }
};

/// Streams with something to send: the highest priority first, equals in turn.
class SendQueue {
 public:
  [[nodiscard]] bool empty() const { return streams_.empty(); }
  [[nodiscard]] Stream* front() const { return *streams_.begin(); }
  /// Behind its equals; no effect if it is in.
  void push(Stream& stream);
  void remove(Stream& stream);
  void clear();
  void set_priority(Stream& stream, Priority priority);
  /// The first that has nothing but its end to send; null if there is none.
  [[nodiscard]] Stream* front_without_data() const {
    for (Stream* stream : streams_) {
      if (stream->out.size() == 0) return stream;
    }
    return nullptr;
  }

 private:
  struct Before {
    bool operator()(const Stream* a, const Stream* b) const {
      return a->priority != b->priority ? a->priority > b->priority : a->turn < b->turn;
    }
  };
  std::set<Stream*, Before> streams_;
  std::uint64_t turn_ = 0;
};

}  // namespace moq::transport::qmux

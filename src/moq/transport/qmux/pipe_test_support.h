#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "moq/sim/world.h"
#include "moq/transport/byte_stream.h"
#include "moq/transport/qmux/record_pipe.h"

/// Pipes between two ends of a test, in virtual time. For test programs alone.
namespace moq::transport::qmux {

struct WireOptions {
  Duration latency = 10ms;
  std::uint64_t rate_bps = 0;            ///< 0 = no limit.
  std::size_t buffer_bytes = 64 * 1024;  ///< Written and not yet read; then a write waits.
};

/// One direction: what was written arrives later, in order, and is read in pieces of any size.
class Wire {
 public:
  Wire(sim::World& world, const WireOptions& options) : world_(world), options_(options) {}

  struct Piece {
    TimePoint arrival;
    Bytes data;
  };

  [[nodiscard]] bool full() const { return buffered_ >= options_.buffer_bytes; }
  void push(Bytes data) {
    buffered_ += data.size();
    bytes_ += data.size();
    pieces_.push_back({arrival(data.size()), std::move(data)});
    on_piece_.wake();
  }
  void end() {
    ended_ = true;
    end_arrival_ = arrival(0);
    on_piece_.wake();
  }
  /// What has arrived; null if nothing has.
  Piece* front(const kio::Waiter& waiter, kio::Timer& timer) {
    if (cut_ || pieces_.empty()) {
      on_piece_.add(waiter);
      return nullptr;
    }
    return due(pieces_.front().arrival, waiter, timer) ? &pieces_.front() : nullptr;
  }
  [[nodiscard]] bool at_end(const kio::Waiter& waiter, kio::Timer& timer) {
    return ended_ && !cut_ && pieces_.empty() && due(end_arrival_, waiter, timer);
  }
  void take(std::size_t bytes) {
    buffered_ -= bytes;
    if (pieces_.front().data.empty()) pieces_.pop_front();
    on_room_.wake();
  }
  void pop() {
    buffered_ -= pieces_.front().data.size();
    pieces_.pop_front();
    on_room_.wake();
  }
  void wait_for_room(const kio::Waiter& waiter) { on_room_.add(waiter); }
  /// Nothing arrives any more.
  void cut() { cut_ = true; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  bool due(TimePoint arrival, const kio::Waiter& waiter, kio::Timer& timer) {
    timer.set(arrival);
    on_piece_.add(waiter);
    return timer.poll(waiter).ready();
  }
  TimePoint arrival(std::size_t bytes) {
    free_at_ = std::max(free_at_, world_.now());
    if (options_.rate_bps > 0) {
      free_at_ +=
          Duration(static_cast<Duration::rep>(bytes * 8 * 1'000'000'000 / options_.rate_bps));
    }
    return free_at_ + options_.latency;
  }

  sim::World& world_;
  WireOptions options_;
  std::deque<Piece> pieces_;
  TimePoint free_at_{};
  TimePoint end_arrival_{};
  std::size_t buffered_ = 0;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;
  bool cut_ = false;
  kio::WaiterList on_piece_;
  kio::WaiterList on_room_;
};

/// Whole records, as WebSocket messages are.
class MessageEnd final : public RecordPipe {
 public:
  MessageEnd(sim::World& world, std::shared_ptr<Wire> in, std::shared_ptr<Wire> out)
      : in_(std::move(in)), out_(std::move(out)), timer_(world) {}
  MessageEnd(const MessageEnd&) = delete;
  MessageEnd& operator=(const MessageEnd&) = delete;
  ~MessageEnd() override { out_->end(); }

  kio::Poll<Result<std::optional<Bytes>>> poll_read(const kio::Waiter& waiter) override {
    using Read = Result<std::optional<Bytes>>;
    if (Wire::Piece* piece = in_->front(waiter, timer_)) {
      Bytes record = piece->data;
      in_->pop();
      return Read(std::move(record));
    }
    if (in_->at_end(waiter, timer_)) return Read(std::nullopt);
    return kio::kPending;
  }
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& record) override {
    if (out_->full()) {
      out_->wait_for_room(waiter);
      return kio::kPending;
    }
    out_->push(std::exchange(record, {}));
    return Result<void>();
  }
  kio::Poll<Result<void>> poll_close(const kio::Waiter&) override {
    out_->end();
    return Result<void>();
  }
  std::string peer() const override { return "the other end"; }

 private:
  std::shared_ptr<Wire> in_;
  std::shared_ptr<Wire> out_;
  kio::Timer timer_;
};

/// Bytes, in pieces of a random size, as TCP has them.
class ByteEnd final : public ByteStream {
 public:
  ByteEnd(sim::World& world, std::shared_ptr<Wire> in, std::shared_ptr<Wire> out)
      : world_(world), in_(std::move(in)), out_(std::move(out)), timer_(world) {}
  ByteEnd(const ByteEnd&) = delete;
  ByteEnd& operator=(const ByteEnd&) = delete;
  ~ByteEnd() override { out_->end(); }

  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override {
    if (Wire::Piece* piece = in_->front(waiter, timer_)) {
      const std::size_t wanted = 1 + world_.next() % (piece->data.size() * 2);
      Bytes part = piece->data.take_front(std::min(wanted, max));
      in_->take(part.size());
      return Result<Bytes>(std::move(part));
    }
    if (in_->at_end(waiter, timer_)) return Result<Bytes>();
    return kio::kPending;
  }
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override {
    while (!data.empty()) {
      if (out_->full()) {
        out_->wait_for_room(waiter);
        return kio::kPending;
      }
      out_->push(data.take_front(1 + world_.next() % 20000));
    }
    return Result<void>();
  }
  void finish() override { out_->end(); }
  std::string peer() const override { return "the other end"; }

 private:
  sim::World& world_;
  std::shared_ptr<Wire> in_;
  std::shared_ptr<Wire> out_;
  kio::Timer timer_;
};

}  // namespace moq::transport::qmux

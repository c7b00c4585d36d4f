#include "moq/sim/byte_pair.h"

#include <algorithm>
#include <deque>

namespace moq::sim {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace internal {

/// One direction.
struct ByteLane : std::enable_shared_from_this<ByteLane> {
  ByteLane(World& where, const ByteLink& how) : world(where), link(how) {}

  /// Lets `arrive` happen at the other end.
  void send(std::move_only_function<void()> arrive) {
    if (cut) return;
    world.after(link.delay, [self = shared_from_this(), arrive = std::move(arrive)]() mutable {
      if (!self->cut) arrive();
    });
  }
  void send_end() {
    if (std::exchange(finished, true)) return;
    send([this] {
      ended = true;
      on_readable.wake();
    });
  }

  World& world;
  ByteLink link;
  std::deque<Bytes> arrived;
  std::size_t unread = 0;  // Sent and not yet read.
  bool finished = false;   // By the writer.
  bool ended = false;      // As the reader sees it.
  bool reader_gone = false;
  bool cut = false;
  kio::WaiterList on_readable;
  kio::WaiterList on_writable;
};

}  // namespace internal

namespace {

using internal::ByteLane;

class End final : public transport::ByteStream {
 public:
  End(std::shared_ptr<ByteLane> in, std::shared_ptr<ByteLane> out, std::string peer)
      : in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {}
  ~End() override {
    out_->send_end();
    in_->send([lane = in_.get()] {
      lane->reader_gone = true;
      lane->on_writable.wake();
    });
  }

  Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) override {
    MOQ_ASSERT(max > 0);
    if (in_->arrived.empty()) {
      if (in_->ended) return Result<Bytes>();
      in_->on_readable.add(waiter);
      return kPending;
    }
    Bytes& first = in_->arrived.front();
    Bytes piece = first.take_front(max);
    if (first.empty()) in_->arrived.pop_front();
    in_->unread -= piece.size();
    in_->on_writable.wake();
    return Result<Bytes>(std::move(piece));
  }

  Poll<Result<void>> poll_write(const Waiter& waiter, Bytes& data) override {
    ByteLane& lane = *out_;
    MOQ_ASSERT(!lane.finished);
    while (!data.empty()) {
      if (lane.reader_gone) return Result<void>(fail(Code::closed, "the other end is gone"));
      const std::size_t room = lane.link.window_bytes - lane.unread;
      if (room == 0) {
        lane.on_writable.add(waiter);
        return kPending;
      }
      const std::size_t size = 1 + lane.world.below(lane.link.piece_bytes);
      Bytes piece = data.take_front(std::min(size, room));
      lane.unread += piece.size();
      lane.send([&lane, piece = std::move(piece)] {
        lane.arrived.push_back(piece);
        lane.on_readable.wake();
      });
    }
    return Result<void>();
  }

  void finish() override { out_->send_end(); }
  [[nodiscard]] std::string peer() const override { return peer_; }

 private:
  std::shared_ptr<ByteLane> in_;
  std::shared_ptr<ByteLane> out_;
  std::string peer_;
};

}  // namespace

BytePair::BytePair(World& world, const ByteLink& link)
    : up_(std::make_shared<ByteLane>(world, link)), down_(std::make_shared<ByteLane>(world, link)) {
  client = std::make_unique<End>(down_, up_, "server:443");
  server = std::make_unique<End>(up_, down_, "client:50000");
}

void BytePair::cut() {
  up_->cut = true;
  down_->cut = true;
}

}  // namespace moq::sim

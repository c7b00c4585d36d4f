// The handles of a pair: sessions and streams.
#include "moq/sim/internal/pair.h"

namespace moq::sim::internal {
namespace {

// The contract: a stream dropped before its end is reset as "cancelled".
constexpr std::uint32_t kCancelled = 1;

class PairSendStream final : public transport::SendStream {
 public:
  PairSendStream(std::shared_ptr<Pair> owner, StreamRef ref, Side side)
      : pair_(std::move(owner)), stream_(std::move(ref)), side_(side) {}
  ~PairSendStream() override {
    if (!ended_) pair_->reset(stream_, side_, kCancelled);
  }

  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    if (pair_->end(side_).dead) return kPending;
    if (const std::optional<Error> error = failure()) {
      return Result<void>(std::unexpected(*error));
    }
    if (out().unsent_bytes < pair_->options().send_buffer_bytes) return Result<void>();
    out().on_writable.add(waiter);
    return kPending;
  }
  void write(Bytes data) override {
    MOQ_ASSERT(!ended_);
    pair_->write(stream_, side_, std::move(data));
  }
  void finish() override {
    MOQ_ASSERT(!ended_);
    ended_ = true;
    pair_->finish(stream_, side_);
  }
  void reset(std::uint32_t code) override {
    ended_ = true;
    pair_->reset(stream_, side_, code);
  }
  Poll<Result<void>> poll_finished(const Waiter& waiter) override {
    if (out().acked) return Result<void>();
    if (pair_->end(side_).dead) return kPending;
    if (const std::optional<Error> error = failure()) {
      return Result<void>(std::unexpected(*error));
    }
    out().on_finished.add(waiter);
    return kPending;
  }
  void set_priority(transport::Priority priority) override {
    pair_->set_priority(stream_, side_, priority);
  }

 private:
  [[nodiscard]] Flow::Sender& out() const { return stream_->from(side_).out; }
  [[nodiscard]] std::optional<Error> failure() const {
    return out().failed ? out().failed : pair_->end(side_).closed;
  }
  std::shared_ptr<Pair> pair_;
  StreamRef stream_;
  Side side_;
  bool ended_ = false;  // Finished or reset by this handle.
};

class PairRecvStream final : public transport::RecvStream {
 public:
  PairRecvStream(std::shared_ptr<Pair> owner, StreamRef ref, Side side)
      : pair_(std::move(owner)), stream_(std::move(ref)), side_(side), from_(other(side)) {}
  ~PairRecvStream() override { pair_->stop(stream_, from_, 0); }

  Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) override {
    MOQ_ASSERT(max > 0);
    const End& self = pair_->end(side_);
    Flow::Receiver& in = stream_->from(from_).in;
    if (self.dead) return kPending;
    if (in.reset) {
      pair_->reader_knows_end(stream_, from_);
      return Result<Bytes>(std::unexpected(
          Error(Code::application, "the peer reset the stream", std::uint64_t{*in.reset})));
    }
    // A clean end was seen: it stays, whatever happened to the session since.
    if (in.done) return Result<Bytes>();
    if (self.closed) return Result<Bytes>(std::unexpected(*self.closed));
    if (in.stopped) return Result<Bytes>(fail(Code::cancelled, "the stream was stopped"));
    if (!in.unread.empty()) return Result<Bytes>(take(in, max));
    if (in.fin) {
      pair_->reader_knows_end(stream_, from_);
      return Result<Bytes>();
    }
    in.on_readable.add(waiter);
    return kPending;
  }
  void stop(std::uint32_t code) override { pair_->stop(stream_, from_, code); }

 private:
  Bytes take(Flow::Receiver& in, std::size_t max) {
    Bytes& front = in.unread.front();
    Bytes data = front.take_front(max);
    if (front.empty()) in.unread.pop_front();
    in.unread_bytes -= data.size();
    pair_->consumed(stream_, from_, data.size());
    return data;
  }
  std::shared_ptr<Pair> pair_;
  StreamRef stream_;
  Side side_;
  Side from_;
};

class PairSession final : public transport::Session {
 public:
  PairSession(std::shared_ptr<Pair> owner, Side side) : pair_(std::move(owner)), side_(side) {}
  ~PairSession() override { close(0, ""); }

  std::string_view protocol() const override { return pair_->options().protocol; }
  std::optional<std::string_view> path() const override {
    const auto& path = pair_->options().path;
    return path ? std::optional<std::string_view>(*path) : std::nullopt;
  }
  std::string peer() const override { return side_ == Side::client ? "sim-server" : "sim-client"; }
  std::string_view carrier() const override { return "sim"; }

  Poll<Result<std::unique_ptr<transport::SendStream>>> poll_open_uni(
      const Waiter& waiter) override {
    using Opened = Result<std::unique_ptr<transport::SendStream>>;
    Poll<Result<StreamRef>> stream = pair_->poll_open(side_, false, waiter);
    if (!stream) return kPending;
    if (!*stream) return Opened(std::unexpected((*stream).error()));
    return Opened(send_half(**stream));
  }
  Poll<Result<transport::BidiStream>> poll_open_bidi(const Waiter& waiter) override {
    return both_halves(pair_->poll_open(side_, true, waiter));
  }
  Poll<Result<std::unique_ptr<transport::RecvStream>>> poll_accept_uni(
      const Waiter& waiter) override {
    using Accepted = Result<std::unique_ptr<transport::RecvStream>>;
    Poll<Result<StreamRef>> stream = pair_->poll_accept(side_, false, waiter);
    if (!stream) return kPending;
    if (!*stream) return Accepted(std::unexpected((*stream).error()));
    return Accepted(recv_half(**stream));
  }
  Poll<Result<transport::BidiStream>> poll_accept_bidi(const Waiter& waiter) override {
    return both_halves(pair_->poll_accept(side_, true, waiter));
  }

  std::size_t max_datagram_bytes() const override { return pair_->options().max_datagram_bytes; }
  void send_datagram(Bytes data) override { pair_->send_datagram(side_, std::move(data)); }
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) override {
    End& self = pair_->end(side_);
    if (self.dead) return kPending;
    if (self.closed) return Result<Bytes>(std::unexpected(*self.closed));
    if (self.datagrams_in.empty()) {
      self.on_datagram.add(waiter);
      return kPending;
    }
    Bytes data = std::move(self.datagrams_in.front());
    self.datagrams_in.pop_front();
    return Result<Bytes>(std::move(data));
  }

  void close(std::uint64_t code, std::string_view reason) override {
    pair_->close(side_, Error(Code::closed, std::string(reason), code));
  }
  Poll<Error> poll_closed(const Waiter& waiter) override {
    End& self = pair_->end(side_);
    if (self.closed && !self.dead) return *self.closed;
    if (!self.dead) self.on_closed.add(waiter);
    return kPending;
  }

  transport::Stats stats() const override {
    const End& self = pair_->end(side_);
    transport::Stats stats = self.stats;
    stats.rtt = pair_->round_trip();
    if (const std::uint64_t rate = self.link.options().rate_bps; rate > 0) {
      stats.send_rate_bps = rate;
    }
    return stats;
  }

 private:
  [[nodiscard]] std::unique_ptr<transport::SendStream> send_half(const StreamRef& stream) const {
    return std::make_unique<PairSendStream>(pair_, stream, side_);
  }
  [[nodiscard]] std::unique_ptr<transport::RecvStream> recv_half(const StreamRef& stream) const {
    return std::make_unique<PairRecvStream>(pair_, stream, side_);
  }
  [[nodiscard]] Poll<Result<transport::BidiStream>> both_halves(
      Poll<Result<StreamRef>> stream) const {
    using Both = Result<transport::BidiStream>;
    if (!stream) return kPending;
    if (!*stream) return Both(std::unexpected((*stream).error()));
    return Both(transport::BidiStream{.send = send_half(**stream), .recv = recv_half(**stream)});
  }

  std::shared_ptr<Pair> pair_;
  Side side_;
};

}  // namespace

std::unique_ptr<transport::Session> make_session(std::shared_ptr<Pair> pair, Side side) {
  return std::make_unique<PairSession>(std::move(pair), side);
}

}  // namespace moq::sim::internal

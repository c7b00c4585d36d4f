#include "moq/sim/internal/pair.h"

#include <algorithm>

namespace moq::sim::internal {
namespace {

// RFC 9000 §2.1: the low bits say who opened and whether both sides send.
std::uint64_t stream_id(std::uint64_t number, Side opener, bool bidi) {
  return number * 4 + (bidi ? 0 : 2) + (opener == Side::server ? 1 : 0);
}

}  // namespace

Pair::Pair(World& world, PairOptions pair_options)
    : world_(world), options_(std::move(pair_options)), random_(world.next()) {
  for (End& end : ends_) {
    end.kind(false).limit = options_.max_uni_streams;
    end.kind(true).limit = options_.max_bidi_streams;
    end.credit = end.granted = options_.session_window_bytes;
  }
  end(Side::client).link = Link(options_.up);
  end(Side::server).link = Link(options_.down);
}

Duration Pair::round_trip() const {
  return ends_[0].link.options().latency + ends_[1].link.options().latency;
}

Poll<Result<StreamRef>> Pair::poll_open(Side side, bool bidi, const Waiter& waiter) {
  End& self = end(side);
  if (self.dead) return kPending;
  if (self.closed) return Result<StreamRef>(std::unexpected(*self.closed));
  StreamKind& kind = self.kind(bidi);
  if (kind.opened == kind.limit) {
    kind.on_credit.add(waiter);
    return kPending;
  }
  auto stream = std::make_shared<Stream>();
  stream->id = stream_id(kind.opened++, side, bidi);
  stream->opener = side;
  stream->bidi = bidi;
  for (Flow& flow : stream->flows) flow.out.credit = flow.in.granted = options_.stream_window_bytes;
  streams_.emplace(stream->id, stream);
  if (options_.record) history_.push_back(stream);
  return Result<StreamRef>(std::move(stream));
}

Poll<Result<StreamRef>> Pair::poll_accept(Side side, bool bidi, const Waiter& waiter) {
  End& self = end(side);
  if (self.dead) return kPending;
  if (self.closed) return Result<StreamRef>(std::unexpected(*self.closed));
  StreamKind& kind = self.kind(bidi);
  if (kind.accepted.empty()) {
    kind.on_accept.add(waiter);
    return kPending;
  }
  StreamRef stream = std::move(kind.accepted.front());
  kind.accepted.pop_front();
  return Result<StreamRef>(std::move(stream));
}

void Pair::announce(const StreamRef& stream) {
  if (std::exchange(stream->announced, true)) return;
  StreamKind& kind = end(other(stream->opener)).kind(stream->bidi);
  kind.accepted.push_back(stream);
  kind.on_accept.wake();
}

// Once the accepting side is through with a stream, its opener may open one more.
void Pair::settle(const StreamRef& stream) {
  const Side opener = stream->opener;
  const Side acceptor = other(opener);
  const bool accepted_done =
      stream->from(opener).in.done && (!stream->bidi || stream->from(acceptor).out.done);
  if (!accepted_done) return;
  if (!std::exchange(stream->credit_back, true)) {
    carry(acceptor, nullptr, nullptr, [opener, bidi = stream->bidi](Pair* pair) {
      StreamKind& kind = pair->end(opener).kind(bidi);
      ++kind.limit;
      kind.on_credit.wake();
    });
  }
  const bool opener_done =
      stream->from(opener).out.done && (!stream->bidi || stream->from(acceptor).in.done);
  if (opener_done) streams_.erase(stream->id);
}

void Pair::end_with(Side side, const Error& why) {
  End& self = end(side);
  if (!self.live()) return;
  self.closed = why;
  self.ready.clear();
  self.blocked.clear();
  self.datagrams_out.clear();
  self.datagrams_in.clear();
  for (StreamKind& kind : self.kinds) {
    kind.accepted.clear();
    kind.on_credit.wake();
    kind.on_accept.wake();
  }
  for (const auto& [id, stream] : streams_) {
    Flow::Sender& out = stream->from(side).out;
    out.unsent.clear();
    out.unsent_bytes = 0;
    out.on_writable.wake();
    out.on_finished.wake();
    Flow::Receiver& in = stream->from(other(side)).in;
    in.unread.clear();
    in.unread_bytes = 0;
    in.on_readable.wake();
  }
  self.on_datagram.wake();
  self.on_closed.wake();
  if (!end(other(side)).live()) streams_.clear();
}

// A close frame is sent once and not repeated: through a cut path it never arrives.
void Pair::close(Side side, Error why) {
  if (!end(side).live()) return;
  end_with(side, why);
  if (partitioned_) return;
  const Duration delay = end(side).link.delay(random_);
  world_.after(delay, [self = shared_from_this(), side, error = std::move(why)] {
    self->end_with(other(side), error);
  });
}

void Pair::time_out_later(Side side) {
  world_.after(options_.idle_timeout, [self = shared_from_this(), side, epoch = partitions_] {
    if (self->partitions_ != epoch) return;
    self->end_with(side, Error(Code::timeout, "idle timeout: nothing came from the peer"));
  });
}

void Pair::partition() {
  if (std::exchange(partitioned_, true)) return;
  ++partitions_;
  time_out_later(Side::client);
  time_out_later(Side::server);
}

void Pair::heal() {
  if (!std::exchange(partitioned_, false)) return;
  ++partitions_;
  for (Held& held : std::exchange(held_, {})) {
    carry(held.from, held.order, std::move(held.keep_alive), std::move(held.arrive));
  }
  // A side whose peer went meanwhile never hears of it.
  for (const Side side : {Side::client, Side::server}) {
    if (!end(other(side)).live()) time_out_later(side);
  }
}

void Pair::kill(Side side, std::optional<Error> peer_sees) {
  if (!end(side).live()) return;
  end(side).dead = true;
  if (!peer_sees) return time_out_later(other(side));
  world_.after(round_trip(), [self = shared_from_this(), side, error = *std::move(peer_sees)] {
    if (!self->partitioned_) self->end_with(other(side), error);
  });
}

}  // namespace moq::sim::internal

// The receiving half of a pair: what arrives, what the reader takes, and the credit it gives back.
#include <algorithm>

#include "moq/sim/internal/pair.h"

namespace moq::sim::internal {

void Pair::arrive(const StreamRef& stream, Side from, Bytes data, bool fin) {
  announce(stream);
  Flow& flow = stream->from(from);
  const Side receiver = other(from);
  end(receiver).stats.bytes_received += data.size();
  flow.in.fin = fin;
  if (flow.in.stopped || flow.in.reset) {
    flow.in.consumed += data.size();
    consumed_of_session(receiver, data.size());
  } else if (!data.empty()) {
    flow.in.unread_bytes += data.size();
    flow.in.unread.push_back(std::move(data));
  }
  flow.in.on_readable.wake();
  if (!fin) return;
  carry(receiver, nullptr, stream, [stream, from](Pair* pair) {
    stream->from(from).out.acked = true;
    pair->sender_done(stream, from);
  });
  if (flow.in.stopped) reader_knows_end(stream, from);
}

void Pair::arrive_reset(const StreamRef& stream, Side from, std::uint32_t code) {
  announce(stream);
  Flow& flow = stream->from(from);
  // A reset after the last byte changes nothing (RFC 9000 §3.2).
  if (!flow.in.fin) {
    flow.in.reset = code;
    drop_unread(stream, from);
    flow.in.on_readable.wake();
  }
  carry(other(from), nullptr, stream,
        [stream, from](Pair* pair) { pair->sender_done(stream, from); });
  if (flow.in.stopped) reader_knows_end(stream, from);
}

// The sender of a stopped stream resets it with the same code (RFC 9000 §3.5).
void Pair::arrive_stop(const StreamRef& stream, Side from, std::uint32_t code) {
  announce(stream);
  const Flow::Sender& out = stream->from(from).out;
  if (out.failed || out.acked) return;
  fail_sender(stream, from, Error(Code::application, "the peer stopped the stream", code));
  carry(from, nullptr, stream,
        [stream, from, code](Pair* pair) { pair->arrive_reset(stream, from, code); });
}

void Pair::sender_done(const StreamRef& stream, Side from) {
  Flow::Sender& out = stream->from(from).out;
  out.done = true;
  out.on_finished.wake();
  settle(stream);
}

void Pair::stop(const StreamRef& stream, Side from, std::uint32_t code) {
  Flow& flow = stream->from(from);
  if (flow.in.stopped || !end(other(from)).live()) return;
  flow.in.stopped = true;
  flow.in.on_readable.wake();
  drop_unread(stream, from);
  if (flow.in.fin || flow.in.reset) return reader_knows_end(stream, from);
  flow.stop_code = code;
  carry(other(from), nullptr, stream,
        [stream, from, code](Pair* pair) { pair->arrive_stop(stream, from, code); });
}

void Pair::reader_knows_end(const StreamRef& stream, Side from) {
  if (std::exchange(stream->from(from).in.done, true)) return;
  settle(stream);
}

void Pair::drop_unread(const StreamRef& stream, Side from) {
  Flow::Receiver& in = stream->from(from).in;
  const std::size_t bytes = std::exchange(in.unread_bytes, 0);
  in.unread.clear();
  in.consumed += bytes;
  consumed_of_session(other(from), bytes);
}

void Pair::consumed(const StreamRef& stream, Side from, std::size_t bytes) {
  stream->from(from).in.consumed += bytes;
  consumed_of_session(other(from), bytes);
  grant(stream, from);
}

// Credit goes out in steps of a quarter of the window, as QUIC stacks do.
void Pair::grant(const StreamRef& stream, Side from) {
  Flow::Receiver& in = stream->from(from).in;
  const std::uint64_t limit = in.consumed + options_.stream_window_bytes;
  if (in.fin || limit - in.granted < std::max<std::size_t>(options_.stream_window_bytes / 4, 1)) {
    return;
  }
  in.granted = limit;
  carry(other(from), nullptr, stream, [stream, from, limit](Pair* pair) {
    Flow::Sender& out = stream->from(from).out;
    out.credit = std::max(out.credit, limit);
    pair->make_ready(stream, from);
  });
}

void Pair::consumed_of_session(Side receiver, std::size_t bytes) {
  End& self = end(receiver);
  self.consumed += bytes;
  const std::uint64_t limit = self.consumed + options_.session_window_bytes;
  if (limit - self.granted < std::max<std::size_t>(options_.session_window_bytes / 4, 1)) return;
  self.granted = limit;
  carry(receiver, nullptr, nullptr, [receiver, limit](Pair* pair) {
    End& sender = pair->end(other(receiver));
    sender.credit = std::max(sender.credit, limit);
    for (const StreamRef& stream : std::exchange(sender.blocked, {})) {
      stream->from(other(receiver)).out.blocked = false;
      pair->make_ready(stream, other(receiver));
    }
  });
}

}  // namespace moq::sim::internal

// The sending half of a pair: priorities, windows, the limited rate, and what the path does.
#include <algorithm>

#include "moq/sim/internal/pair.h"

namespace moq::sim::internal {

void Pair::write(const StreamRef& stream, Side from, Bytes data) {
  Flow& flow = stream->from(from);
  if (flow.out.failed || flow.out.finished || !end(from).live() || data.empty()) return;
  if (options_.record) flow.written.push_back(data);
  flow.out.unsent_bytes += data.size();
  flow.out.unsent.push_back(std::move(data));
  make_ready(stream, from);
}

void Pair::finish(const StreamRef& stream, Side from) {
  Flow::Sender& out = stream->from(from).out;
  out.finished = true;
  if (!out.failed && end(from).live()) make_ready(stream, from);
}

void Pair::reset(const StreamRef& stream, Side from, std::uint32_t code) {
  Flow& flow = stream->from(from);
  if (flow.out.failed || flow.out.acked || !end(from).live()) return;
  flow.reset_code = code;
  fail_sender(stream, from, Error(Code::cancelled, "the stream was reset by its owner"));
  carry(from, nullptr, stream,
        [stream, from, code](Pair* pair) { pair->arrive_reset(stream, from, code); });
}

void Pair::fail_sender(const StreamRef& stream, Side from, Error why) {
  Flow::Sender& out = stream->from(from).out;
  out.failed = std::move(why);
  out.unsent.clear();
  out.unsent_bytes = 0;
  if (std::exchange(out.queued, false)) std::erase(end(from).ready[out.priority], stream);
  if (std::exchange(out.blocked, false)) std::erase(end(from).blocked, stream);
  out.on_writable.wake();
  out.on_finished.wake();
}

void Pair::set_priority(const StreamRef& stream, Side from, transport::Priority priority) {
  Flow::Sender& out = stream->from(from).out;
  if (out.priority == priority) return;
  if (out.queued) {
    std::erase(end(from).ready[out.priority], stream);
    end(from).ready[priority].push_back(stream);
  }
  out.priority = priority;
}

void Pair::make_ready(const StreamRef& stream, Side side) {
  Flow::Sender& out = stream->from(side).out;
  const bool has_data = out.unsent_bytes > 0 && out.sent < out.credit;
  const bool has_fin = out.finished && !out.fin_sent && out.unsent_bytes == 0;
  if (out.queued || out.blocked || out.failed || (!has_data && !has_fin)) return;
  out.queued = true;
  end(side).ready[out.priority].push_back(stream);
  plan_pump(side);
}

// Not at once: what is written in one turn leaves in the order of the priorities.
void Pair::plan_pump(Side side) {
  End& self = end(side);
  if (std::exchange(self.pump_planned, true)) return;
  world_.at(self.busy_until, [pair = shared_from_this(), side] { pair->pump(side); });
}

void Pair::pump(Side side) {
  End& self = end(side);
  self.pump_planned = false;
  while (self.live()) {
    if (self.busy_until > world_.now()) return plan_pump(side);
    if (!send_next(side)) return;
  }
}

// Sends one packet; false if there is none.
bool Pair::send_next(Side side) {
  End& self = end(side);
  if (!self.datagrams_out.empty()) {
    Bytes data = std::move(self.datagrams_out.front());
    self.datagrams_out.pop_front();
    self.busy_until = world_.now() + self.link.serialisation(data.size());
    self.stats.bytes_sent += data.size();
    if (partitioned_ || self.link.loses(random_)) {
      ++self.stats.packets_lost;
      return true;
    }
    world_.at(self.busy_until + self.link.delay(random_),
              [pair = shared_from_this(), side, data = std::move(data)]() mutable {
                End& peer = pair->end(other(side));
                if (!peer.live()) return;
                peer.stats.bytes_received += data.size();
                if (peer.datagrams_in.size() == kMaxReceivedDatagrams)
                  peer.datagrams_in.pop_front();
                peer.datagrams_in.push_back(std::move(data));
                peer.on_datagram.wake();
              });
    return true;
  }
  while (!self.ready.empty()) {
    const auto first = self.ready.begin();
    if (first->second.empty()) {
      self.ready.erase(first);
      continue;
    }
    const StreamRef stream = std::move(first->second.front());
    first->second.pop_front();
    stream->from(side).out.queued = false;
    send_from(stream, side);
    return true;
  }
  return false;
}

void Pair::send_from(const StreamRef& stream, Side side) {
  End& self = end(side);
  Flow::Sender& out = stream->from(side).out;
  Bytes data;
  if (out.unsent_bytes > 0) {
    std::uint64_t room = std::min(out.credit - out.sent, self.credit - self.sent);
    if (self.link.options().rate_bps > 0) room = std::min<std::uint64_t>(room, kPacketBytes);
    if (room == 0) {
      out.blocked = true;
      self.blocked.push_back(stream);
      return;
    }
    Bytes& front = out.unsent.front();
    data = front.take_front(static_cast<std::size_t>(room));
    if (front.empty()) out.unsent.pop_front();
    out.unsent_bytes -= data.size();
    out.sent += data.size();
    self.sent += data.size();
    self.stats.bytes_sent += data.size();
    self.busy_until = world_.now() + self.link.serialisation(data.size());
    if (out.unsent_bytes < options_.send_buffer_bytes) out.on_writable.wake();
  }
  const bool fin = out.finished && out.unsent_bytes == 0;
  out.fin_sent = fin;
  carry(side, &out, stream, [stream, side, data = std::move(data), fin](Pair* pair) mutable {
    pair->arrive(stream, side, std::move(data), fin);
  });
  make_ready(stream, side);
}

void Pair::carry(Side from, Flow::Sender* order, StreamRef keep_alive, Action arrive) {
  End& self = end(from);
  if (self.dead) return;
  if (partitioned_) {
    held_.push_back({from, order, std::move(keep_alive), std::move(arrive)});
    return;
  }
  TimePoint arrival = std::max(self.busy_until, world_.now()) + self.link.delay(random_);
  for (int losses = 0; losses < kMaxLosses && self.link.loses(random_); ++losses) {
    ++self.stats.packets_lost;
    arrival += round_trip();
  }
  if (order) arrival = order->last_arrival = std::max(arrival, order->last_arrival);
  world_.at(arrival, [pair = shared_from_this(), from, action = std::move(arrive)]() mutable {
    if (pair->end(other(from)).live()) action(pair.get());
  });
}

void Pair::send_datagram(Side side, Bytes data) {
  End& self = end(side);
  if (!self.live() || data.size() > options_.max_datagram_bytes) return;
  if (self.datagrams_out.size() == kMaxQueuedDatagrams) return;
  self.datagrams_out.push_back(std::move(data));
  plan_pump(side);
}

}  // namespace moq::sim::internal

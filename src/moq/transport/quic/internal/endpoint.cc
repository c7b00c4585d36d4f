#include "moq/transport/quic/internal/endpoint.h"

#include "moq/base/log.h"

namespace moq::transport::quic::internal {

/// What the executor runs for an endpoint. Outlives it where a wake is still under way.
class Endpoint::Node final : public kio::WakeNode {
 public:
  Node(Ref<kio::RunQueue> queue, Endpoint& endpoint, Step step)
      : kio::WakeNode(std::move(queue)), endpoint_(&endpoint), step_(step) {}

  void detach() {
    endpoint_ = nullptr;
    close();
  }

 private:
  void run() override {
    if (endpoint_ == nullptr) return;
    const Waiter waiter(*this, next_round());
    (endpoint_->*step_)(waiter);
    if (endpoint_ != nullptr) endpoint_->end_turn();
  }

  Endpoint* endpoint_;
  Step step_;
};

Endpoint::Endpoint(const Environment& environment, std::size_t output_bytes)
    : environment_(environment),
      clock_(&environment.executor->clock()),
      receiver_(Ref<Node>::make(environment.executor->queue(), *this, &Endpoint::receive)),
      sender_(Ref<Node>::make(environment.executor->queue(), *this, &Endpoint::send)),
      timer_(*clock_),
      output_(output_bytes) {}

Endpoint::~Endpoint() {
  receiver_->detach();
  sender_->detach();
}

void Endpoint::schedule(Conn& conn) {
  if (!std::exchange(conn.scheduled, true)) scheduled_.push_back(&conn);
  wake_sender();
}

void Endpoint::wake_sender() { sender_->wake(); }

DatagramSocket* Endpoint::socket_for(const SocketAddress& local) const {
  if (sockets_.size() > 1) {
    for (const Port& port : sockets_) {
      if (port.local == local) return port.socket.get();
    }
  }
  return sockets_.back().socket.get();
}

Result<std::unique_ptr<DatagramSocket>> Endpoint::new_socket(const SocketAddress& remote) {
  return environment_.network->connect(remote);
}

void Endpoint::add_socket(std::unique_ptr<DatagramSocket> socket) {
  if (sockets_.size() >= kMaxSockets) {
    // The middle one was on its way to be used and is so no more.
    output_.forget(sockets_[1].socket.get());
    retired_.push_back(std::move(sockets_[1].socket));
    sockets_.erase(sockets_.begin() + 1);
  }
  const SocketAddress local = socket->local_address();
  sockets_.push_back({.socket = std::move(socket), .local = local});
  receiver_->wake();
}

const SocketAddress& Endpoint::local_of(const DatagramSocket& socket) const {
  for (const Port& port : sockets_) {
    if (port.socket.get() == &socket) return port.local;
  }
  return sockets_.back().local;
}

void Endpoint::keep_socket(const SocketAddress& local) {
  if (sockets_.size() < 2) return;
  std::erase_if(sockets_, [&](Port& port) {
    if (port.local == local) return false;
    output_.forget(port.socket.get());
    retired_.push_back(std::move(port.socket));
    return true;
  });
  MOQ_ASSERT(!sockets_.empty());
}

void Endpoint::close_sockets() {
  for (Port& port : sockets_) output_.forget(port.socket.get());
  sockets_.clear();
  blocked_ = false;
}

void Endpoint::receive(const Waiter& waiter) {
  bool again = false;
  // By index: a validated path may close sockets, a failed one may open another, meanwhile.
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (!sockets_[i].failed && receive_from(*sockets_[i].socket, waiter)) again = true;
  }
  if (again) receiver_->wake();
}

bool Endpoint::receive_from(DatagramSocket& socket, const Waiter& waiter) {
  for (int turn = 0; turn < kReceivesPerTurn; ++turn) {
    auto received = socket.poll_receive(waiter);
    if (!received) return false;
    if (!*received) {
      const Error error = (*received).error();
      if (error.code != Code::refused) {
        for (Port& port : sockets_) {
          if (port.socket.get() == &socket) port.failed = true;
        }
      }
      on_receive_error(socket, error);
      if (error.code != Code::refused) return false;
      continue;
    }
    for (const ReceivedBatch& batch : **received) on_batch(socket, batch);
  }
  return true;
}

void Endpoint::send(const Waiter& waiter) {
  run_timers();
  if (blocked_) blocked_ = !output_.send();
  if (!blocked_) write_all();
  if (blocked_) {
    const auto writable = output_.front_socket()->poll_writable(waiter);
    if (writable) sender_->wake();
  }
  if (timers_.empty() || timers_.front()->deadline() == TimePoint::max()) {
    timer_.clear();
    return;
  }
  timer_.set(timers_.front()->deadline());
  if (timer_.poll(waiter)) sender_->wake();
}

void Endpoint::run_timers() {
  const TimePoint time = now();
  while (!timers_.empty() && timers_.front()->deadline() <= time) {
    Conn& conn = *timers_.front();
    timers_.remove(&conn);  // Until its next deadline is known.
    conn.on_timer();
    if (!conn.scheduled) set_deadline(conn);
  }
}

void Endpoint::write_all() {
  std::size_t turns = 0;
  // Each gets its share in turn; those with more to send come around again.
  for (std::size_t i = 0; i < scheduled_.size(); ++i) {
    Conn& conn = *scheduled_[i];
    conn.scheduled = false;
    const bool more = conn.write(output_);
    if (more && !conn.scheduled) {
      conn.scheduled = true;
      scheduled_.push_back(&conn);
    }
    set_deadline(conn);
    if (!output_.has_room(kMaxPacketBytes) && !output_.send()) {
      blocked_ = true;
      scheduled_.erase(scheduled_.begin(), scheduled_.begin() + static_cast<std::ptrdiff_t>(i + 1));
      return;
    }
    if (++turns == kTurnsPerStep) {
      scheduled_.erase(scheduled_.begin(), scheduled_.begin() + static_cast<std::ptrdiff_t>(i + 1));
      blocked_ = !output_.send();
      if (!scheduled_.empty()) wake_sender();
      return;
    }
  }
  scheduled_.clear();
  blocked_ = !output_.send();
}

void Endpoint::send_now() {
  if (!blocked_ && !output_.send()) {
    blocked_ = true;
    wake_sender();
  }
}

void Endpoint::set_deadline(Conn& conn) {
  if (conn.over()) return;
  if (timers_.contains(&conn)) {
    timers_.update(&conn);
  } else {
    timers_.push(&conn);
  }
}

void Endpoint::on_over(Conn& conn) {
  over_.push_back(&conn);
  wake_sender();
}

void Endpoint::forget(Conn& conn) {
  timers_.remove(&conn);
  if (std::exchange(conn.scheduled, false)) std::erase(scheduled_, &conn);
}

void Endpoint::end_turn() {
  retired_.clear();
  if (over_.empty()) return;
  for (Conn* conn : over_) forget(*conn);
  remove_over(std::exchange(over_, {}));
}

}  // namespace moq::transport::quic::internal

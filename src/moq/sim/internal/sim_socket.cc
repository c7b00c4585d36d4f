#include <algorithm>

#include "moq/sim/internal/network_state.h"

namespace moq::sim::internal {

using kio::kPending;
using kio::Poll;
using transport::ReceivedBatch;
using transport::SendBatch;

SimSocket::SimSocket(std::shared_ptr<NetworkState> network, HostState& host,
                     const SocketAddress& local, const std::optional<SocketAddress>& remote)
    : network_(std::move(network)), host_(&host), local_(local), remote_(remote) {
  host_->sockets[local_.port].push_back(this);
}

SimSocket::~SimSocket() { die(); }

void SimSocket::die() {
  if (!host_) return;
  const auto found = host_->sockets.find(local_.port);
  std::erase(found->second, this);
  if (found->second.empty()) host_->sockets.erase(found);
  host_ = nullptr;
  received_.clear();
}

std::size_t SimSocket::send(std::span<const SendBatch> batches) {
  if (!host_) return batches.size();
  if (!host_->writable) return 0;
  for (const SendBatch& batch : batches) {
    Packet packet{.from = local_, .to = remote_.value_or(batch.to), .ecn = batch.ecn};
    if (!batch.from.is_unspecified()) {
      packet.from.v6 = batch.from.v6;
      packet.from.ip = batch.from.ip;
    } else if (local_.is_unspecified()) {
      const SocketAddress* own = host_->address_of_family(packet.to.v6);
      if (!own && !packet.to.is_loopback()) continue;
      packet.from = packet.to.is_loopback() ? packet.to : *own;
    }
    packet.from.port = local_.port;
    const Bytes data = Bytes::copy(batch.data);
    const std::size_t step = batch.segment_size == 0 ? data.size() : batch.segment_size;
    std::size_t at = 0;
    do {
      packet.data = data.slice(at, step);
      network_->send(*host_, packet);
      at += step;
    } while (at < data.size());
  }
  return batches.size();
}

Poll<kio::Unit> SimSocket::poll_writable(const kio::Waiter& waiter) {
  if (host_ && host_->writable) return kio::Unit{};
  if (host_) on_writable_.add(waiter);
  return kPending;
}

Poll<Result<std::span<const ReceivedBatch>>> SimSocket::poll_receive(const kio::Waiter& waiter) {
  using Batches = Result<std::span<const ReceivedBatch>>;
  if (std::exchange(refused_, false)) {
    return Batches(fail(Code::refused, "nothing listens at " + remote_->to_string()));
  }
  if (received_.empty()) {
    if (host_) on_readable_.add(waiter);
    return kPending;
  }
  take_packets();
  return Batches(batches_);
}

// Joins runs of equal datagrams from one sender as the kernel's GRO does: all of one size but the
// last, which may be shorter.
void SimSocket::take_packets() {
  std::vector<Packet> taken;
  std::size_t bytes = 0;
  while (!received_.empty() &&
         (taken.empty() || bytes + received_.front().data.size() <= kReceiveCallBytes)) {
    bytes += received_.front().data.size();
    taken.push_back(std::move(received_.front()));
    received_.pop_front();
  }
  received_bytes_ -= bytes;
  buffer_.clear();
  buffer_.reserve(bytes);
  batches_.clear();
  std::size_t joined = 0;
  bool open = false;
  for (const Packet& packet : taken) {
    const std::uint8_t* start = buffer_.data() + buffer_.size();
    const std::size_t size = packet.data.size();
    buffer_.insert(buffer_.end(), packet.data.begin(), packet.data.end());
    ReceivedBatch* last = open ? &batches_.back() : nullptr;
    if (last && joined < kMaxJoined && last->from == packet.from && last->to == packet.to &&
        last->ecn == packet.ecn && size > 0 && size <= last->segment_size) {
      last->data = {last->data.data(), last->data.size() + size};
      open = size == last->segment_size;
      ++joined;
    } else {
      batches_.push_back({.from = packet.from,
                          .to = packet.to,
                          .data = {start, size},
                          .segment_size = size,
                          .ecn = packet.ecn});
      open = size > 0;
      joined = 1;
    }
  }
}

int SimSocket::match(const SocketAddress& from, const SocketAddress& to) const {
  if (remote_) return *remote_ == from && local_ == to ? 3 : 0;
  if (!local_.is_unspecified()) return local_ == to ? 2 : 0;
  // "[::]" takes both families.
  return local_.v6 || !to.v6 ? 1 : 0;
}

bool SimSocket::overlaps(const SocketAddress& local) const {
  if (remote_) return false;
  if (local_.is_unspecified() || local.is_unspecified()) {
    return local_.v6 == local.v6 || (local_.is_unspecified() && local_.v6) ||
           (local.is_unspecified() && local.v6);
  }
  return local_ == local;
}

bool SimSocket::receive(Packet packet) {
  if (received_bytes_ + packet.data.size() > kReceiveBufferBytes) return false;
  received_bytes_ += packet.data.size();
  received_.push_back(std::move(packet));
  on_readable_.wake();
  return true;
}

void SimSocket::refuse() {
  refused_ = true;
  on_readable_.wake();
}

void SimSocket::address_changed(const SocketAddress& from, const SocketAddress& to,
                                OldSockets old_sockets) {
  if (local_.v6 != from.v6 || local_.ip != from.ip) return;
  if (old_sockets == OldSockets::lose) return die();
  local_.ip = to.ip;
}

}  // namespace moq::sim::internal

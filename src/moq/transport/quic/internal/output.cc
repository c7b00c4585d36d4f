#include "moq/transport/quic/internal/output.h"

#include "moq/base/result.h"

namespace moq::transport::quic::internal {

std::span<std::uint8_t> Output::room(std::size_t size) {
  if (empty()) {
    // All is sent, so the buffer starts over.
    batches_.clear();
    sockets_.clear();
    first_ = 0;
    used_ = 0;
  }
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
  if (capacity_ - used_ < size) return {};
  return {buffer_.get() + used_, size};
}

bool Output::extends_last(const Packet& packet) const {
  if (empty() || sockets_.back() != packet.socket) return false;
  const SendBatch& last = batches_.back();
  const std::size_t size = last.data.size();
  return packet.size <= last.segment_size &&
         size % last.segment_size == 0 &&  // A shorter packet ends its batch.
         size / last.segment_size < kMaxSegments && size + packet.size <= kMaxBatchBytes &&
         last.ecn == packet.ecn && last.to == packet.to && last.from == packet.from;
}

void Output::add(const Packet& packet) {
  MOQ_ASSERT(packet.size > 0 && used_ + packet.size <= capacity_);
  const std::uint8_t* start = buffer_.get() + used_;
  used_ += packet.size;
  if (extends_last(packet)) {
    SendBatch& last = batches_.back();
    last.data = {last.data.data(), last.data.size() + packet.size};
    return;
  }
  batches_.push_back({.to = packet.to,
                      .from = packet.from,
                      .data = {start, packet.size},
                      .segment_size = packet.size,
                      .ecn = packet.ecn});
  sockets_.push_back(packet.socket);
}

bool Output::send() {
  while (!empty()) {
    DatagramSocket* socket = sockets_[first_];
    std::size_t end = first_ + 1;
    while (end < batches_.size() && sockets_[end] == socket) ++end;
    if (socket == nullptr) {
      first_ = end;
      continue;
    }
    const std::size_t sent = socket->send(std::span(batches_).subspan(first_, end - first_));
    first_ += sent;
    if (first_ < end) return false;
  }
  return true;
}

void Output::forget(const DatagramSocket* socket) {
  for (DatagramSocket*& each : sockets_) {
    if (each == socket) each = nullptr;
  }
}

}  // namespace moq::transport::quic::internal

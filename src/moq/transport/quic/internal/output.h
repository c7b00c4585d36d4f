#pragma once

#include <memory>
#include <span>
#include <vector>

#include "moq/transport/datagram_socket.h"

namespace moq::transport::quic::internal {

/// The packets of one turn, gathered over connections: one buffer, cut into batches of packets of
/// equal size for one address each, as generic segmentation offload takes them.
class Output {
 public:
  explicit Output(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool has_room(std::size_t size) const { return capacity_ - used_ >= size; }
  /// Room for one packet of `size` bytes, right behind the last; empty when the buffer is full.
  std::span<std::uint8_t> room(std::size_t size);

  struct Packet {
    std::size_t size = 0;
    SocketAddress to;
    SocketAddress from;
    std::uint8_t ecn = 0;
    DatagramSocket* socket = nullptr;
  };
  /// Takes over what was written at the start of the last `room`.
  void add(const Packet& packet);

  [[nodiscard]] bool empty() const { return first_ == batches_.size(); }
  /// Sends all; false if the socket that is now in front took less: call again once it is writable.
  bool send();
  /// The socket that is in front, to wait for.
  [[nodiscard]] DatagramSocket* front_socket() const { return sockets_[first_]; }
  /// Drops what would go to `socket`, which is going away.
  void forget(const DatagramSocket* socket);

  /// Packets in one batch: what Linux takes at least in one UDP_SEGMENT call.
  static constexpr std::size_t kMaxSegments = 64;
  /// Bytes in one batch: the largest UDP payload over IPv4, with room to spare.
  static constexpr std::size_t kMaxBatchBytes = 65000;

 private:
  [[nodiscard]] bool extends_last(const Packet& packet) const;

  std::size_t capacity_;
  // Allocated at first use, and left uninitialised: pages that no turn has filled never exist.
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t used_ = 0;
  std::vector<SendBatch> batches_;
  std::vector<DatagramSocket*> sockets_;  // One for each batch.
  std::size_t first_ = 0;                 // Batches before it are sent.
};

}  // namespace moq::transport::quic::internal

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "moq/io/fd.h"
#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"
#include "moq/transport/datagram_socket.h"

namespace moq::io {

/// Segments that one system call may send as one batch (UDP_MAX_SEGMENTS of older kernels).
inline constexpr std::size_t kMaxSegments = 64;
/// Bytes of the same: an IP packet less its headers.
inline constexpr std::size_t kMaxBatchBytes = 65535 - 40 - 8;

/// Sockets of one group: what the first byte of a connection id can tell apart.
inline constexpr std::size_t kMaxGroupSockets = 256;

struct UdpCounts {
  std::uint64_t send_calls = 0;
  std::uint64_t receive_calls = 0;
  std::uint64_t refused_by_system = 0;  ///< Messages that the system would not send.
};

/// A bound socket that waits for its loop. Made on any thread, for who must know at once whether an
/// address is free.
class BoundUdp {
 public:
  static Result<BoundUdp> bind(const transport::SocketAddress& local);
  /// `count` sockets on one address, from 1 to `kMaxGroupSockets`, for as many threads that serve
  /// QUIC on it. A packet with a short header goes to the socket whose index is the first byte of
  /// its connection id modulo `count`, wherever it comes from (RFC 8999 §5.2); one with a long
  /// header, as all of a handshake, to one that the system chooses by both addresses. Nobody else
  /// can be bound to the address. Fails with the system's error, `unsupported` where it cannot
  /// steer.
  static Result<std::vector<BoundUdp>> bind_group(const transport::SocketAddress& local,
                                                  std::size_t count);
  [[nodiscard]] transport::SocketAddress local_address() const;

 private:
  friend class UdpSocket;
  BoundUdp(Fd fd, bool v6) : fd_(std::move(fd)), v6_(v6) {}
  Fd fd_;
  bool v6_;
};

/// A UDP socket of the machine: batched system calls, GSO and GRO where the kernel has them, ECN
/// both ways, packets never fragmented. Segments are sent one by one where its loop says so. A
/// socket bound to an IPv6 address takes IPv4 as well, whose addresses stay IPv4 here. Allocates
/// when made, and then no more. `loop` must outlive it.
class UdpSocket final : public transport::DatagramSocket {
 public:
  static Result<std::unique_ptr<UdpSocket>> bind(Loop& loop, const transport::SocketAddress& local);
  static Result<std::unique_ptr<UdpSocket>> adopt(Loop& loop, BoundUdp bound);
  /// `local`: where it sends from; without one the system chooses.
  static Result<std::unique_ptr<UdpSocket>> connect(
      Loop& loop, const transport::SocketAddress& remote,
      const std::optional<transport::SocketAddress>& local = std::nullopt);
  /// See `DatagramNetwork::split`.
  static Result<std::unique_ptr<UdpSocket>> split(Loop& loop, UdpSocket& bound,
                                                  const transport::SocketAddress& local,
                                                  const transport::SocketAddress& remote);
  ~UdpSocket() override;

  transport::SocketAddress local_address() const override { return local_; }
  /// Batches above `kMaxSegments` or `kMaxBatchBytes` are cut into several; should the buffer fill
  /// up amid one of those, its rest is lost.
  std::size_t send(std::span<const transport::SendBatch> batches) override;
  kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter) override;
  kio::Poll<Result<std::span<const transport::ReceivedBatch>>> poll_receive(
      const kio::Waiter& waiter) override;

  /// Sends segment by segment from now on, as on a machine without GSO.
  void disable_segmentation() { segmentation_ = false; }
  [[nodiscard]] bool uses_segmentation() const { return segmentation_; }
  [[nodiscard]] const UdpCounts& counts() const { return counts_; }

 private:
  struct SendBuffers;
  struct ReceiveBuffers;
  /// What `send` has put into messages but not yet handed to the system.
  struct Cursor {
    std::size_t batch = 0;
    std::size_t offset = 0;
  };
  enum class Outcome : std::uint8_t { sent, full, retry };

  UdpSocket(std::unique_ptr<FdWatch> watch, bool v6, bool connected);
  static Result<std::unique_ptr<UdpSocket>> watch(Loop& loop, Fd fd, bool v6, bool connected);
  void set_options();
  std::size_t fill_messages(std::span<const transport::SendBatch> batches, Cursor from);
  void fill_message(const transport::SendBatch& batch, std::size_t offset, std::size_t size,
                    std::size_t slot);
  Outcome send_failed(int error, const transport::SendBatch& batch, std::size_t slot);
  Outcome send_one_by_one(const transport::SendBatch& batch, std::size_t slot);
  int receive();
  void describe_received(int count);

  std::unique_ptr<FdWatch> watch_;
  bool v6_;
  bool connected_;
  bool segmentation_ = true;
  bool refused_ = false;
  transport::SocketAddress local_;
  std::unique_ptr<SendBuffers> out_;
  std::unique_ptr<ReceiveBuffers> in_;
  UdpCounts counts_;
};

}  // namespace moq::io

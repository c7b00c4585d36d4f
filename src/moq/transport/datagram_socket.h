#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"

namespace moq::transport {

/// An IPv4 or IPv6 address with a port. IPv4 is kept as IPv4, never as a mapped IPv6 address.
struct SocketAddress {
  std::array<std::uint8_t, 16> ip{};  ///< The first 4 bytes for IPv4.
  bool v6 = false;
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  ///< Interface of a link-local IPv6 address.

  /// "127.0.0.1:4443", "[::1]:4443", "[::]:0". No names.
  static Result<SocketAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;
  bool operator==(const SocketAddress&) const = default;
};

/// Several datagrams to one address for one system call: `data` is cut every `segment_size` bytes
/// (the last may be shorter). Borrowed for the call.
struct SendBatch {
  SocketAddress to;
  SocketAddress from;  ///< Local address to send from; unspecified = the system chooses.
  ByteSpan data;
  std::size_t segment_size = 0;
  std::uint8_t ecn = 0;
};

/// What arrived in one piece from one address: as many datagrams as the kernel joined (GRO), cut
/// every `segment_size` bytes. `data` points into the socket's own buffers until the next receive.
struct ReceivedBatch {
  SocketAddress from;
  SocketAddress to;  ///< The local address it came to.
  ByteSpan data;
  std::size_t segment_size = 0;
  std::uint8_t ecn = 0;
};

/// A UDP socket: the real one (`io::UdpSocket`: GSO, GRO, recvmmsg, sendmmsg) or the simulated
/// (`sim::Network`). Belongs to one executor's thread.
class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;

  [[nodiscard]] virtual SocketAddress local_address() const = 0;
  /// Sends as much of `batches` as the socket takes now; returns how many whole batches went. A
  /// full socket buffer gives fewer: wait with `poll_writable`. A datagram that the network refuses
  /// counts as sent. An ICMP error of a connected socket comes from `poll_receive`.
  virtual std::size_t send(std::span<const SendBatch> batches) = 0;
  virtual kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter) = 0;
  /// What has arrived, one or more batches, valid until the next call. `refused` after an ICMP port
  /// unreachable on a connected socket (a hint, not the end); another error is final.
  virtual kio::Poll<Result<std::span<const ReceivedBatch>>> poll_receive(
      const kio::Waiter& waiter) = 0;
};

/// Where sockets come from: the machine (`io::Loop`) or a simulated host (`sim::Host`).
class DatagramNetwork {
 public:
  virtual ~DatagramNetwork() = default;
  /// A socket bound to `local` (port 0 = any).
  virtual Result<std::unique_ptr<DatagramSocket>> bind(const SocketAddress& local) = 0;
  /// A socket connected to `remote`, which then learns of ICMP errors.
  virtual Result<std::unique_ptr<DatagramSocket>> connect(const SocketAddress& remote) = 0;
  /// A further socket at `local`, the address of `bound` or one of those that it covers, connected
  /// to `remote`: what that sends there comes to it from now on. Once `bound` is gone its address
  /// may be bound anew beside it. Fails with `unsupported` where there is no such thing.
  virtual Result<std::unique_ptr<DatagramSocket>> split(DatagramSocket& bound,
                                                        const SocketAddress& local,
                                                        const SocketAddress& remote) {
    static_cast<void>(bound);
    return fail(Code::unsupported,
                "no socket from " + local.to_string() + " to " + remote.to_string() + " alone");
  }
};

}  // namespace moq::transport

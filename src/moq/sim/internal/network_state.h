#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "moq/sim/network.h"

namespace moq::sim::internal {

using transport::SocketAddress;

/// What a socket holds until it is read, as a large SO_RCVBUF would; more is dropped.
inline constexpr std::size_t kReceiveBufferBytes = 4 * 1024 * 1024;
/// What one `poll_receive` hands over at most.
inline constexpr std::size_t kReceiveCallBytes = 256 * 1024;
/// Datagrams joined into one batch at most, as the kernel's GRO does.
inline constexpr std::size_t kMaxJoined = 64;
inline constexpr std::uint16_t kFirstEphemeralPort = 49152;

struct Packet {
  SocketAddress from;
  SocketAddress to;
  Bytes data;
  std::uint8_t ecn = 0;
};

class SimSocket;

struct HostState {
  std::size_t id = 0;
  std::vector<SocketAddress> addresses;  ///< With port 0.
  std::map<std::uint16_t, std::vector<SimSocket*>> sockets;
  std::uint16_t next_port = kFirstEphemeralPort;
  std::uint16_t port_shift = 0;
  bool refuses = true;
  bool up = true;
  bool writable = true;

  [[nodiscard]] const SocketAddress* address_of_family(bool v6) const;
  [[nodiscard]] bool owns(const SocketAddress& address) const;
  /// The socket that takes a packet `from` there `to` here, or null.
  [[nodiscard]] SimSocket* find(const SocketAddress& from, const SocketAddress& to) const;
  /// A port without sockets; 0 if all are taken.
  std::uint16_t free_port();
};

class NetworkState : public std::enable_shared_from_this<NetworkState> {
 public:
  NetworkState(World& world, const LinkOptions& links)
      : world_(world), random_(world.next()), links_(links) {}

  HostState& add_host(const SocketAddress& address);
  Link& link(const HostState& from, const HostState& to);
  void set_cut(const HostState& a, const HostState& b, bool cut);
  /// Sends a packet on its way from a socket of `from`.
  void send(HostState& from, Packet packet);

  PacketCounts counts;

 private:
  enum class Fate : std::uint8_t { sent, delivered, lost, cut, unroutable, refused, overflowed };
  void note(Fate fate, const Packet& packet);
  [[nodiscard]] HostState* owner_of(const SocketAddress& address);
  [[nodiscard]] bool is_cut(const HostState& a, const HostState& b) const;
  void deliver(HostState& from, HostState& to, Packet packet);
  void refuse(HostState& refuser, HostState& sender, const Packet& packet);

  World& world_;
  SeededRandom random_;
  LinkOptions links_;
  std::vector<std::unique_ptr<HostState>> hosts_;
  std::map<std::pair<std::size_t, std::size_t>, Link> paths_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
};

class SimSocket final : public transport::DatagramSocket {
 public:
  SimSocket(std::shared_ptr<NetworkState> network, HostState& host, const SocketAddress& local,
            const std::optional<SocketAddress>& remote);
  ~SimSocket() override;

  SocketAddress local_address() const override { return local_; }
  std::size_t send(std::span<const transport::SendBatch> batches) override;
  kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter) override;
  kio::Poll<Result<std::span<const transport::ReceivedBatch>>> poll_receive(
      const kio::Waiter& waiter) override;

  /// How well it fits a packet: 0 = not at all; a connected socket fits best.
  [[nodiscard]] int match(const SocketAddress& from, const SocketAddress& to) const;
  [[nodiscard]] bool connected_to(const SocketAddress& remote) const { return remote_ == remote; }
  [[nodiscard]] bool overlaps(const SocketAddress& local) const;
  /// False if the buffer is full.
  bool receive(Packet packet);
  void refuse();
  void wake_writers() { on_writable_.wake(); }
  /// Silent for ever, and its port free.
  void die();
  void address_changed(const SocketAddress& from, const SocketAddress& to, OldSockets old_sockets);

 private:
  void take_packets();

  std::shared_ptr<NetworkState> network_;
  HostState* host_;  // Lives as long as `network_`; null once dead.
  SocketAddress local_;
  std::optional<SocketAddress> remote_;
  bool refused_ = false;
  std::deque<Packet> received_;
  std::size_t received_bytes_ = 0;
  // What the last call of `poll_receive` handed over.
  std::vector<std::uint8_t> buffer_;
  std::vector<transport::ReceivedBatch> batches_;
  kio::WaiterList on_readable_;
  kio::WaiterList on_writable_;
};

}  // namespace moq::sim::internal

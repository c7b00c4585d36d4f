#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "moq/sim/link.h"
#include "moq/sim/world.h"
#include "moq/transport/datagram_socket.h"

namespace moq::sim {

namespace internal {
struct HostState;
class NetworkState;
}  // namespace internal

/// What became of the packets so far. Each sent packet ends in one of the others, or is on its way.
struct PacketCounts {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;        ///< By the link: chance, a full queue, too large.
  std::uint64_t cut = 0;         ///< By a partition or a host that is down.
  std::uint64_t unroutable = 0;  ///< No host has that address.
  std::uint64_t refused = 0;     ///< No socket at that port.
  std::uint64_t overflowed = 0;  ///< The socket's receive buffer was full.
};

/// What becomes of sockets bound to an address that a host gives up. Those bound to no address in
/// particular go on with the new one.
enum class OldSockets : std::uint8_t {
  follow,  ///< They take the new address, as behind a NAT or a VPN.
  lose,    ///< They stay silent for ever, as after a change from Wi-Fi to mobile data.
};

/// A machine of a `Network`, borrowed from it. Sockets may outlive it.
class Host final : public transport::DatagramNetwork {
 public:
  explicit Host(std::shared_ptr<internal::NetworkState> network, internal::HostState& state);

  /// `io` if the port is taken, `invalid_argument` if the address is not this host's.
  Result<std::unique_ptr<transport::DatagramSocket>> bind(
      const transport::SocketAddress& local) override;
  /// `unreachable` if this host has no address of that family.
  Result<std::unique_ptr<transport::DatagramSocket>> connect(
      const transport::SocketAddress& remote) override;

  /// This host's first address with `port`.
  [[nodiscard]] transport::SocketAddress address(std::uint16_t port) const;
  /// A further address, of either family.
  void add_address(std::string_view ip);
  /// Gives up the address of the family of `ip` and takes this one.
  void move_to(std::string_view ip, OldSockets old_sockets);
  /// Peers see the ports of this host changed by `shift`, as after a NAT forgot its mapping.
  /// Packets to the old ports are lost.
  void shift_ports(std::uint16_t shift);

  /// The process dies: all its sockets go silent, and their ports are free for a new process.
  void kill_sockets();
  /// Whether a packet to a port without a socket is answered (ICMP port unreachable), so that the
  /// sender's connected socket sees `refused`. At the start it is.
  void set_refuses(bool refuses);
  /// Plugs the cable out and in.
  void set_up(bool up);
  /// Fills and drains the send buffers of all sockets: while false `send` takes nothing.
  void set_writable(bool writable);

 private:
  friend class Network;
  std::shared_ptr<internal::NetworkState> network_;
  internal::HostState* state_;
};

/// Hosts and the links between them. `world` must outlive it and its sockets. The same seed gives
/// the same fate to each packet.
class Network {
 public:
  /// `links` is how any two hosts are linked unless they are told otherwise.
  explicit Network(World& world, const LinkOptions& links = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  /// A new host with the address `ip`, such as "10.0.0.1" or "fd00::1".
  Host& add_host(std::string_view ip);
  /// How packets pass between `a` and `b`, both ways.
  void set_link(Host& a, Host& b, const LinkOptions& link);
  /// How packets pass from `from` to `to`.
  void set_path(Host& from, Host& to, const LinkOptions& link);
  /// Nothing passes between `a` and `b`, nor what is on its way.
  void partition(Host& a, Host& b);
  void heal(Host& a, Host& b);
  [[nodiscard]] const PacketCounts& counts() const;

 private:
  std::shared_ptr<internal::NetworkState> state_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace moq::sim

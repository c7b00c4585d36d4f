#include "moq/sim/internal/network_state.h"

#include <algorithm>

namespace moq::sim::internal {
namespace {

constexpr std::size_t kIpv4Headers = 20 + 8;
constexpr std::size_t kIpv6Headers = 40 + 8;
constexpr std::uint8_t kCongestionExperienced = 3;

bool same_ip(const SocketAddress& a, const SocketAddress& b) {
  return a.v6 == b.v6 && a.ip == b.ip;
}

std::size_t packet_bytes(const Packet& packet) {
  return packet.data.size() + (packet.to.v6 ? kIpv6Headers : kIpv4Headers);
}

}  // namespace

const SocketAddress* HostState::address_of_family(bool v6) const {
  const auto found = std::ranges::find(addresses, v6, &SocketAddress::v6);
  return found == addresses.end() ? nullptr : &*found;
}

bool HostState::owns(const SocketAddress& address) const {
  return address.is_loopback() ||
         std::ranges::any_of(addresses, [&](const auto& own) { return same_ip(own, address); });
}

SimSocket* HostState::find(const SocketAddress& from, const SocketAddress& to) const {
  const auto found = sockets.find(to.port);
  if (found == sockets.end()) return nullptr;
  SimSocket* best = nullptr;
  int best_match = 0;
  for (SimSocket* socket : found->second) {
    const int match = socket->match(from, to);
    if (match > best_match) {
      best = socket;
      best_match = match;
    }
  }
  return best;
}

std::uint16_t HostState::free_port() {
  for (int tries = 0; tries <= UINT16_MAX - kFirstEphemeralPort; ++tries) {
    const std::uint16_t port = next_port;
    next_port = port == UINT16_MAX ? kFirstEphemeralPort : static_cast<std::uint16_t>(port + 1);
    if (!sockets.contains(port)) return port;
  }
  return 0;
}

HostState& NetworkState::add_host(const SocketAddress& address) {
  auto& host = *hosts_.emplace_back(std::make_unique<HostState>());
  host.id = hosts_.size();
  host.addresses.push_back(address);
  return host;
}

Link& NetworkState::link(const HostState& from, const HostState& to) {
  return paths_.try_emplace({from.id, to.id}, links_).first->second;
}

void NetworkState::set_cut(const HostState& a, const HostState& b, bool cut) {
  const auto key = std::minmax(a.id, b.id);
  if (cut) {
    cuts_.insert(key);
  } else {
    cuts_.erase(key);
  }
}

bool NetworkState::is_cut(const HostState& a, const HostState& b) const {
  return !a.up || !b.up || cuts_.contains(std::minmax(a.id, b.id));
}

HostState* NetworkState::owner_of(const SocketAddress& address) {
  for (const auto& host : hosts_) {
    if (std::ranges::any_of(host->addresses,
                            [&](const auto& own) { return same_ip(own, address); })) {
      return host.get();
    }
  }
  return nullptr;
}

void NetworkState::note(Fate fate, const Packet& packet) {
  world_.note(packet.data.size() << 8 | static_cast<std::uint64_t>(fate));
}

void NetworkState::send(HostState& from, Packet packet) {
  ++counts.sent;
  note(Fate::sent, packet);
  HostState* to = packet.to.is_loopback() ? &from : owner_of(packet.to);
  if (!to) {
    ++counts.unroutable;
    return note(Fate::unroutable, packet);
  }
  TimePoint arrival = world_.now();
  if (to != &from) {
    if (is_cut(from, *to)) {
      ++counts.cut;
      return note(Fate::cut, packet);
    }
    packet.from.port = static_cast<std::uint16_t>(packet.from.port + from.port_shift);
    const auto passage = link(from, *to).send(world_.now(), packet_bytes(packet), random_);
    if (!passage) {
      ++counts.lost;
      return note(Fate::lost, packet);
    }
    if (passage->marked && packet.ecn != 0) packet.ecn = kCongestionExperienced;
    arrival = passage->arrival;
  }
  world_.at(arrival, [self = shared_from_this(), &from, to, moved = std::move(packet)]() mutable {
    self->deliver(from, *to, std::move(moved));
  });
}

void NetworkState::deliver(HostState& from, HostState& to, Packet packet) {
  if (&from != &to) {
    // The address may have moved while the packet was under way.
    if (is_cut(from, to) || owner_of(packet.to) != &to) {
      ++counts.cut;
      return note(Fate::cut, packet);
    }
    packet.to.port = static_cast<std::uint16_t>(packet.to.port - to.port_shift);
  }
  SimSocket* socket = to.find(packet.from, packet.to);
  if (!socket) {
    ++counts.refused;
    note(Fate::refused, packet);
    return refuse(to, from, packet);
  }
  note(Fate::delivered, packet);
  ++(socket->receive(std::move(packet)) ? counts.delivered : counts.overflowed);
}

void NetworkState::refuse(HostState& refuser, HostState& sender, const Packet& packet) {
  if (!refuser.refuses) return;
  const Duration delay = &refuser == &sender ? Duration{} : link(refuser, sender).options().latency;
  world_.after(delay, [self = shared_from_this(), &refuser, &sender, to = packet.to,
                       from = packet.from]() mutable {
    if (&refuser != &sender) {
      if (self->is_cut(refuser, sender)) return;
      from.port = static_cast<std::uint16_t>(from.port - sender.port_shift);
      to.port = static_cast<std::uint16_t>(to.port + refuser.port_shift);
    }
    SimSocket* socket = sender.find(to, from);
    if (socket && socket->connected_to(to)) socket->refuse();
  });
}

}  // namespace moq::sim::internal

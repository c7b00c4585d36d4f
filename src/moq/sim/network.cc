#include "moq/sim/network.h"

#include <algorithm>

#include "moq/sim/internal/network_state.h"

namespace moq::sim {

using internal::HostState;
using internal::SimSocket;
using transport::DatagramSocket;
using transport::SocketAddress;

namespace {

// A malformed address is a mistake of the test.
SocketAddress parse_ip(std::string_view ip) {
  const bool v6 = ip.find(':') != std::string_view::npos;
  const std::string text(ip);
  Result<SocketAddress> address = SocketAddress::parse((v6 ? "[" + text + "]" : text) + ":0");
  MOQ_ASSERT(address.has_value());
  return *address;
}

std::vector<SimSocket*> all_sockets(const HostState& host) {
  std::vector<SimSocket*> all;
  for (const auto& [port, sockets] : host.sockets) {
    all.insert(all.end(), sockets.begin(), sockets.end());
  }
  return all;
}

}  // namespace

Host::Host(std::shared_ptr<internal::NetworkState> network, HostState& state)
    : network_(std::move(network)), state_(&state) {}

Result<std::unique_ptr<DatagramSocket>> Host::bind(const SocketAddress& local) {
  if (!local.is_unspecified() && !state_->owns(local)) {
    return fail(Code::invalid_argument, local.to_string() + " is not an address of this host");
  }
  SocketAddress bound = local;
  if (bound.port == 0) bound.port = state_->free_port();
  const auto found = state_->sockets.find(bound.port);
  const bool taken =
      found != state_->sockets.end() &&
      std::ranges::any_of(found->second, [&](SimSocket* s) { return s->overlaps(bound); });
  if (taken || bound.port == 0) return fail(Code::io, bound.to_string() + " is in use");
  return std::make_unique<SimSocket>(network_, *state_, bound, std::nullopt);
}

Result<std::unique_ptr<DatagramSocket>> Host::connect(const SocketAddress& remote) {
  const SocketAddress* own = remote.is_loopback() ? &remote : state_->address_of_family(remote.v6);
  if (!own) return fail(Code::unreachable, "no route to " + remote.to_string());
  SocketAddress local = *own;
  local.port = state_->free_port();
  if (local.port == 0) return fail(Code::io, "no free port");
  return std::make_unique<SimSocket>(network_, *state_, local, remote);
}

SocketAddress Host::address(std::uint16_t port) const {
  SocketAddress address = state_->addresses.front();
  address.port = port;
  return address;
}

void Host::add_address(std::string_view ip) { state_->addresses.push_back(parse_ip(ip)); }

void Host::move_to(std::string_view ip, OldSockets old_sockets) {
  const SocketAddress address = parse_ip(ip);
  const auto old = std::ranges::find(state_->addresses, address.v6, &SocketAddress::v6);
  MOQ_ASSERT(old != state_->addresses.end());
  for (SimSocket* socket : all_sockets(*state_)) {
    socket->address_changed(*old, address, old_sockets);
  }
  *old = address;
}

void Host::shift_ports(std::uint16_t shift) { state_->port_shift = shift; }

void Host::kill_sockets() {
  for (SimSocket* socket : all_sockets(*state_)) socket->die();
}

void Host::set_refuses(bool refuses) { state_->refuses = refuses; }
void Host::set_up(bool up) { state_->up = up; }

void Host::set_writable(bool writable) {
  state_->writable = writable;
  if (!writable) return;
  for (SimSocket* socket : all_sockets(*state_)) socket->wake_writers();
}

Network::Network(World& world, const LinkOptions& links)
    : state_(std::make_shared<internal::NetworkState>(world, links)) {}

Network::~Network() = default;

Host& Network::add_host(std::string_view ip) {
  HostState& state = state_->add_host(parse_ip(ip));
  return *hosts_.emplace_back(std::make_unique<Host>(state_, state));
}

void Network::set_link(Host& a, Host& b, const LinkOptions& link) {
  set_path(a, b, link);
  set_path(b, a, link);
}

void Network::set_path(Host& from, Host& to, const LinkOptions& link) {
  state_->link(*from.state_, *to.state_).set_options(link);
}

void Network::partition(Host& a, Host& b) { state_->set_cut(*a.state_, *b.state_, true); }
void Network::heal(Host& a, Host& b) { state_->set_cut(*a.state_, *b.state_, false); }
const PacketCounts& Network::counts() const { return state_->counts; }

}  // namespace moq::sim

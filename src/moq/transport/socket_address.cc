#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "moq/transport/datagram_socket.h"

namespace moq::transport {

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto bad = [text] {
    return fail(
        Code::invalid_argument,
        "'" + std::string(text) + "' is not ADDRESS:PORT, such as 127.0.0.1:4443 or [::]:4443");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  SocketAddress address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size()) return bad();

  std::string host(text.substr(0, colon));
  address.v6 = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (address.v6) host = host.substr(1, host.size() - 2);
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, host.c_str(), address.ip.data()) != 1)
    return bad();
  return address;
}

std::string SocketAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, ip.data(), text.data(), text.size());
  const std::string host(text.data());
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool SocketAddress::is_loopback() const {
  if (!v6) return ip[0] == 127;
  return std::all_of(ip.begin(), ip.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         ip[15] == 1;
}

bool SocketAddress::is_unspecified() const {
  return std::ranges::all_of(ip, [](std::uint8_t b) { return b == 0; });
}

}  // namespace moq::transport

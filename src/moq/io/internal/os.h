#pragma once

#include <sys/socket.h>

#include <string_view>

#include "moq/base/result.h"
#include "moq/transport/datagram_socket.h"

namespace moq::io::internal {

/// The failure of a system call: `what: the system's words`.
Error os_error(int number, std::string_view what);

/// An address as the system takes it.
struct OsAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
/// With `mapped`, IPv4 as an IPv6 address, as dual-stack sockets take it (RFC 4291 §2.5.5.2).
OsAddress to_os(const transport::SocketAddress& address, bool mapped);
/// Mapped IPv6 becomes IPv4. Unspecified for families that we do not know.
transport::SocketAddress from_os(const sockaddr_storage& storage);
/// The IPv6 form of the address, mapped if it is IPv4.
std::array<std::uint8_t, 16> to_ip6(const transport::SocketAddress& address);
transport::SocketAddress from_ip6(const std::array<std::uint8_t, 16>& ip);

/// The local address of a socket.
transport::SocketAddress local_address_of(int fd);

/// A non-blocking socket of the family of `address`.
Result<int> open_socket(const transport::SocketAddress& address, int type);

/// `setsockopt` of an integer; false if refused.
bool set_option(int fd, int level, int name, int value);

}  // namespace moq::io::internal

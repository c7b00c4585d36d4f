#include "moq/io/internal/os.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace moq::io::internal {
namespace {

using transport::SocketAddress;

constexpr std::size_t kMappedPrefixBytes = 12;
constexpr std::array<std::uint8_t, kMappedPrefixBytes> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                                        0, 0, 0, 0, 0xff, 0xff};

Code code_of(int number) {
  switch (number) {
    case ECONNREFUSED:
      return Code::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
      return Code::unreachable;
    case ETIMEDOUT:
      return Code::timeout;
    case ECONNRESET:
    case EPIPE:
      return Code::closed;
    case EAFNOSUPPORT:
      return Code::unsupported;
    default:
      return Code::io;
  }
}

}  // namespace

Error os_error(int number, std::string_view what) {
  return {code_of(number), std::string(what) + ": " + std::generic_category().message(number)};
}

std::array<std::uint8_t, 16> to_ip6(const SocketAddress& address) {
  if (address.v6) return address.ip;
  std::array<std::uint8_t, 16> ip{};
  std::ranges::copy(kMappedPrefix, ip.begin());
  std::copy_n(address.ip.begin(), 4, ip.begin() + kMappedPrefixBytes);
  return ip;
}

SocketAddress from_ip6(const std::array<std::uint8_t, 16>& ip) {
  SocketAddress address;
  address.v6 = !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin());
  if (address.v6) {
    address.ip = ip;
  } else {
    std::copy_n(ip.begin() + kMappedPrefixBytes, 4, address.ip.begin());
  }
  return address;
}

OsAddress to_os(const SocketAddress& address, bool mapped) {
  OsAddress os;
  if (address.v6 || mapped) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    in.sin6_scope_id = address.scope;
    const auto ip = to_ip6(address);
    std::memcpy(&in.sin6_addr, ip.data(), ip.size());
    std::memcpy(&os.storage, &in, sizeof in);
    os.size = sizeof in;
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.data(), 4);
    std::memcpy(&os.storage, &in, sizeof in);
    os.size = sizeof in;
  }
  return os;
}

SocketAddress from_os(const sockaddr_storage& storage) {
  SocketAddress address;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    std::array<std::uint8_t, 16> ip{};
    std::memcpy(ip.data(), &in.sin6_addr, ip.size());
    address = from_ip6(ip);
    address.port = ntohs(in.sin6_port);
    if (address.v6) address.scope = in.sin6_scope_id;
  } else if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    std::memcpy(address.ip.data(), &in.sin_addr, 4);
    address.port = ntohs(in.sin_port);
  }
  return address;
}

SocketAddress local_address_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return from_os(storage);
}

Result<int> open_socket(const SocketAddress& address, int type) {
  const int fd = ::socket(address.v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(os_error(errno, "socket for " + address.to_string()));
  return fd;
}

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

}  // namespace moq::io::internal

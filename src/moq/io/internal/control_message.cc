#include "moq/io/internal/control_message.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

#include "moq/io/internal/os.h"

namespace moq::io::internal {
namespace {

constexpr std::uint8_t kEcnMask = 3;

template <typename T>
T read_as(const cmsghdr& message) {
  T value{};
  const std::size_t there = message.cmsg_len - CMSG_LEN(0);
  std::memcpy(&value, CMSG_DATA(&message), std::min(sizeof value, there));
  return value;
}

}  // namespace

template <typename T>
void ControlWriter::put(int level, int type, const T& value) {
  MOQ_ASSERT(used_ + CMSG_SPACE(sizeof value) <= buffer_->bytes.size());
  std::byte* at = buffer_->bytes.data() + used_;
  std::memset(at, 0, CMSG_SPACE(sizeof value));
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(sizeof value);
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::memcpy(at, &header, sizeof header);
  std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
  used_ += CMSG_SPACE(sizeof value);
}

void ControlWriter::segment_size(std::size_t size) {
  put(SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(size));
}

void ControlWriter::ecn(std::uint8_t value, bool to_ip4) {
  const int bits = value & kEcnMask;
  if (to_ip4) {
    put(IPPROTO_IP, IP_TOS, bits);
  } else {
    put(IPPROTO_IPV6, IPV6_TCLASS, bits);
  }
}

void ControlWriter::source(const transport::SocketAddress& from, bool v6_socket) {
  if (v6_socket) {
    in6_pktinfo info{};
    const auto ip = to_ip6(from);
    std::memcpy(&info.ipi6_addr, ip.data(), ip.size());
    info.ipi6_ifindex = from.scope;
    put(IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.ip.data(), 4);
    put(IPPROTO_IP, IP_PKTINFO, info);
  }
}

void ControlWriter::finish(msghdr& header) {
  header.msg_control = used_ > 0 ? buffer_->bytes.data() : nullptr;
  header.msg_controllen = used_;
}

void read_control(msghdr& header, transport::ReceivedBatch& batch) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message;
       message = CMSG_NXTHDR(&header, message)) {
    const int level = message->cmsg_level;
    const int type = message->cmsg_type;
    if (level == SOL_UDP && type == UDP_GRO) {
      const int size = read_as<int>(*message);
      if (size > 0) batch.segment_size = static_cast<std::size_t>(size);
    } else if (level == IPPROTO_IP && type == IP_TOS) {
      batch.ecn = read_as<std::uint8_t>(*message) & kEcnMask;
    } else if (level == IPPROTO_IPV6 && type == IPV6_TCLASS) {
      batch.ecn = static_cast<std::uint8_t>(read_as<int>(*message) & kEcnMask);
    } else if (level == IPPROTO_IP && type == IP_PKTINFO) {
      const auto info = read_as<in_pktinfo>(*message);
      batch.to = {};
      std::memcpy(batch.to.ip.data(), &info.ipi_addr, 4);
    } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
      const auto info = read_as<in6_pktinfo>(*message);
      std::array<std::uint8_t, 16> ip{};
      std::memcpy(ip.data(), &info.ipi6_addr, ip.size());
      const std::uint32_t scope = batch.from.scope;
      batch.to = from_ip6(ip);
      if (batch.to.v6) batch.to.scope = scope;
    }
  }
}

}  // namespace moq::io::internal

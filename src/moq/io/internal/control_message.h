#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "moq/transport/datagram_socket.h"

namespace moq::io::internal {

/// Room for the ancillary data of one message: segment size, ECN and packet info.
struct alignas(cmsghdr) ControlBuffer {
  std::array<std::byte, 128> bytes;
};

/// Writes the ancillary data of a message to be sent.
class ControlWriter {
 public:
  explicit ControlWriter(ControlBuffer& buffer) : buffer_(&buffer) {}
  void segment_size(std::size_t size);
  /// `to_ip4`: the packet will be IPv4, whatever the socket is.
  void ecn(std::uint8_t value, bool to_ip4);
  void source(const transport::SocketAddress& from, bool v6_socket);
  /// Attaches what was written to `header`.
  void finish(msghdr& header);

 private:
  template <typename T>
  void put(int level, int type, const T& value);
  ControlBuffer* buffer_;
  std::size_t used_ = 0;
};

/// Reads segment size, ECN and local address of a received message into `batch`.
void read_control(msghdr& header, transport::ReceivedBatch& batch);

}  // namespace moq::io::internal

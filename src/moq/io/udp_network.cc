#include "moq/io/udp_network.h"

#include "moq/io/udp_socket.h"

namespace moq::io {

Result<std::unique_ptr<transport::DatagramSocket>> UdpNetwork::bind(
    const transport::SocketAddress& local) {
  MOQ_TRY(auto socket, UdpSocket::bind(*loop_, local));
  if (!options_.segmentation) socket->disable_segmentation();
  return socket;
}

Result<std::unique_ptr<transport::DatagramSocket>> UdpNetwork::connect(
    const transport::SocketAddress& remote) {
  MOQ_TRY(auto socket, UdpSocket::connect(*loop_, remote, options_.local));
  if (!options_.segmentation) socket->disable_segmentation();
  return socket;
}

}  // namespace moq::io

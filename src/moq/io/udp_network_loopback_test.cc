#include <gtest/gtest.h>

#include "moq/io/udp_network.h"
#include "moq/io/udp_socket.h"

namespace moq::io {
namespace {

using transport::SocketAddress;

SocketAddress address(std::string_view text) { return *SocketAddress::parse(text); }

const UdpSocket& real(const transport::DatagramSocket& socket) {
  return dynamic_cast<const UdpSocket&>(socket);
}

class UdpNetworkTest : public testing::Test {
 protected:
  std::unique_ptr<Loop> loop = *Loop::create();
};

TEST_F(UdpNetworkTest, SendsFromItsOwnAddressBesideOthersOfTheLoop) {
  loop->connect_from(address("127.0.0.3:0"));
  UdpNetwork network(*loop, {.local = address("127.0.0.2:0")});
  const auto socket = network.connect(address("127.0.0.1:9"));
  ASSERT_TRUE(socket) << socket.error().describe();
  EXPECT_TRUE((*socket)->local_address().to_string().starts_with("127.0.0.2:"));
  UdpNetwork plain(*loop, {});
  EXPECT_TRUE((*plain.connect(address("127.0.0.1:9")))
                  ->local_address()
                  .to_string()
                  .starts_with("127.0.0.1:"));
  EXPECT_TRUE((*loop->connect(address("127.0.0.1:9")))
                  ->local_address()
                  .to_string()
                  .starts_with("127.0.0.3:"));
}

TEST_F(UdpNetworkTest, AnyAddressServesBothFamilies) {
  UdpNetwork network(*loop, {.local = address("[::]:0")});
  EXPECT_TRUE(network.connect(address("127.0.0.1:9")));
  UdpNetwork certain(*loop, {.local = address("127.0.0.1:0")});
  EXPECT_EQ(certain.connect(address("[::1]:9")).error().code, Code::unreachable);
}

TEST_F(UdpNetworkTest, SegmentationIsOffWhereEitherSaysSo) {
  UdpNetwork on(*loop, {});
  UdpNetwork off(*loop, {.segmentation = false});
  EXPECT_TRUE(real(**on.connect(address("127.0.0.1:9"))).uses_segmentation());
  EXPECT_FALSE(real(**off.connect(address("127.0.0.1:9"))).uses_segmentation());
  EXPECT_FALSE(real(**off.bind(address("127.0.0.1:0"))).uses_segmentation());
  EXPECT_TRUE(real(**on.bind(address("127.0.0.1:0"))).uses_segmentation());
  loop->disable_segmentation();
  EXPECT_FALSE(real(**on.connect(address("127.0.0.1:9"))).uses_segmentation());
}

}  // namespace
}  // namespace moq::io

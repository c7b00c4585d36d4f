#include "moq/io/internal/os.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "moq/io/internal/control_message.h"

namespace moq::io::internal {
namespace {

using transport::SocketAddress;

SocketAddress address(std::string_view text) { return *SocketAddress::parse(text); }

TEST(OsAddress, AddressesComeBackAsTheyWere) {
  for (const char* text : {"127.0.0.1:1", "255.1.2.3:65535", "[::1]:443", "[2001:db8::9]:0"}) {
    EXPECT_EQ(from_os(to_os(address(text), false).storage), address(text)) << text;
    EXPECT_EQ(from_os(to_os(address(text), true).storage), address(text)) << text;
  }
}

TEST(OsAddress, MappingMakesIPv6OfIPv4) {
  EXPECT_EQ(to_os(address("1.2.3.4:5"), false).storage.ss_family, AF_INET);
  EXPECT_EQ(to_os(address("1.2.3.4:5"), true).storage.ss_family, AF_INET6);
  EXPECT_EQ(to_ip6(address("1.2.3.4:5")), address("[::ffff:1.2.3.4]:0").ip);
}

TEST(OsAddress, TheScopeOfALinkLocalAddressStays) {
  SocketAddress link_local = address("[fe80::1]:7");
  link_local.scope = 3;
  EXPECT_EQ(from_os(to_os(link_local, false).storage), link_local);
}

TEST(OsError, NamesTheCallAndTheCause) {
  EXPECT_EQ(os_error(ECONNREFUSED, "connect").code, Code::refused);
  EXPECT_EQ(os_error(ENETUNREACH, "connect").code, Code::unreachable);
  EXPECT_EQ(os_error(EACCES, "open").code, Code::io);
  EXPECT_EQ(os_error(EACCES, "open").text, "open: Permission denied");
}

/// What a message carries after it was written and read back.
transport::ReceivedBatch round_trip(std::uint8_t ecn, bool ip4) {
  ControlBuffer buffer;
  ControlWriter writer(buffer);
  writer.ecn(ecn, ip4);
  msghdr header{};
  writer.finish(header);
  transport::ReceivedBatch batch;
  read_control(header, batch);
  return batch;
}

TEST(ControlMessage, EcnIsTwoBits) {
  EXPECT_EQ(round_trip(2, true).ecn, 2);
  EXPECT_EQ(round_trip(3, false).ecn, 3);
  EXPECT_EQ(round_trip(0xff, false).ecn, 3);
}

TEST(ControlMessage, AllFieldsFitTheBuffer) {
  ControlBuffer buffer;
  ControlWriter writer(buffer);
  writer.segment_size(1200);
  writer.ecn(1, true);
  writer.source(address("1.2.3.4:0"), true);
  msghdr header{};
  writer.finish(header);
  transport::ReceivedBatch batch;
  read_control(header, batch);
  EXPECT_EQ(batch.ecn, 1);
  EXPECT_EQ(batch.to, address("1.2.3.4:0"));
}

TEST(ControlMessage, NothingWrittenLeavesNothing) {
  ControlBuffer buffer;
  ControlWriter writer(buffer);
  msghdr header{};
  writer.finish(header);
  EXPECT_EQ(header.msg_control, nullptr);
  EXPECT_EQ(header.msg_controllen, 0u);
}

}  // namespace
}  // namespace moq::io::internal

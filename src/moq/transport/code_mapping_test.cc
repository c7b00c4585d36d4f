#include "moq/transport/code_mapping.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace moq::transport {
namespace {

// The published table of draft-ietf-webtrans-http3's mapping for the codes that moq uses.
const std::vector<std::pair<std::uint32_t, std::uint64_t>> kVectors = {
    {0, 0x52e4a40fa8db},    {1, 0x52e4a40fa8dc},         {2, 0x52e4a40fa8dd},
    {3, 0x52e4a40fa8de},    {4, 0x52e4a40fa8df},         {5, 0x52e4a40fa8e0},
    {0x12, 0x52e4a40fa8ed}, {0x1d, 0x52e4a40fa8f8},      {0x1e, 0x52e4a40fa8fa},
    {0x31, 0x52e4a40fa90d}, {0x32, 0x52e4a40fa90e},      {0x33, 0x52e4a40fa90f},
    {0x34, 0x52e4a40fa910}, {0x35, 0x52e4a40fa911},      {0x36, 0x52e4a40fa912},
    {0x37, 0x52e4a40fa913}, {0x38, 0x52e4a40fa914},      {0x39, 0x52e4a40fa915},
    {64, 0x52e4a40fa91d},   {0xffffffff, 0x52e5ac983162}};

TEST(CodeMapping, MapsTheTableBothWays) {
  for (const auto& [code, wire] : kVectors) {
    EXPECT_EQ(to_wire_code(code), wire) << code;
    EXPECT_EQ(from_wire_code(wire), code) << std::hex << wire;
  }
}

TEST(CodeMapping, StandsForNothingOutsideTheRange) {
  EXPECT_EQ(from_wire_code(0), std::nullopt);
  EXPECT_EQ(from_wire_code(0x100), std::nullopt);
  EXPECT_EQ(from_wire_code(kFirstMappedCode - 1), std::nullopt);
  EXPECT_EQ(from_wire_code(kLastMappedCode + 1), std::nullopt);
  EXPECT_EQ(from_wire_code(UINT64_MAX), std::nullopt);
}

TEST(CodeMapping, NeverUsesReservedCodePoints) {
  EXPECT_EQ(from_wire_code(0x52e4a40fa8f9), std::nullopt);
  for (std::uint32_t code = 0; code < 5000; ++code) {
    const std::uint64_t wire = to_wire_code(code);
    ASSERT_NE((wire - 0x21) % 0x1f, 0U) << code;
    ASSERT_EQ(from_wire_code(wire), code);
  }
}

}  // namespace
}  // namespace moq::transport

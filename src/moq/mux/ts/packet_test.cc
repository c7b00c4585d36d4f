#include "moq/mux/ts/packet.h"

#include <gtest/gtest.h>

#include "moq/mux/internal/testing.h"

namespace moq::mux::ts {
namespace {

using Buffer = std::vector<std::uint8_t>;

/// A packet whose body has one value, so that none of it looks like a sync byte.
Buffer packet(std::uint8_t value) {
  Buffer out(kPacketBytes, value);
  out[0] = 0x47;
  return out;
}

/// `count` packets with values from 0 on, each behind `prefix` bytes of arrival time.
Buffer packets(int count, std::size_t prefix = 0) {
  Buffer out;
  for (int i = 0; i < count; ++i) {
    out.insert(out.end(), prefix, 0xaa);
    const Buffer one = packet(static_cast<std::uint8_t>(i));
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

/// The values of the packets in `input`, pushed `piece` bytes at a time.
std::vector<int> values_of(const Buffer& input, std::size_t piece = SIZE_MAX) {
  PacketReader reader;
  std::vector<int> out;
  const auto drain = [&] {
    for (auto next = reader.next(); next && *next; next = reader.next()) {
      EXPECT_EQ((*next)->size(), kPacketBytes);
      out.push_back((**next)[1]);
    }
  };
  for (ByteSpan rest = input; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size()))) {
    reader.push(rest.first(std::min(piece, rest.size())));
    drain();
  }
  reader.end();
  drain();
  return out;
}

TEST(PacketReader, CutsPacketsInPiecesOfAnySize) {
  for (const std::size_t piece : {1U, 7U, 187U, 188U, 189U, 192U, 1000U}) {
    EXPECT_EQ(values_of(packets(8), piece), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(values_of(packets(8, 4), piece), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  }
}

TEST(PacketReader, TakesFewPacketsAtTheEnd) {
  EXPECT_EQ(values_of(packets(1)), (std::vector<int>{0}));
  EXPECT_EQ(values_of(packets(2, 4)), (std::vector<int>{0, 1}));
  EXPECT_EQ(values_of({}), std::vector<int>{});
  EXPECT_EQ(values_of(Buffer(kPacketBytes - 1, 0x47)), std::vector<int>{});
}

TEST(PacketReader, FindsThePacketsAgainAfterOtherBytes) {
  Buffer input = {0x47, 1, 2, 3};  // As when it is joined within a packet.
  const Buffer first = packets(6);
  input.insert(input.end(), first.begin(), first.end() - 10);  // The sixth is cut.
  const Buffer second = packets(7);
  input.insert(input.end(), second.begin(), second.end());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{188}, SIZE_MAX}) {
    // What is in place of the sixth is a packet by its first byte.
    EXPECT_EQ(values_of(input, piece), (std::vector<int>{0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6}));
  }
}

TEST(PacketReader, RefusesWhatIsNoTransportStream) {
  PacketReader reader;
  reader.push(Buffer(kMaxLeadBytes, 0x46));
  EXPECT_TRUE(reader.next());
  reader.push(Buffer(1, 0x46));
  EXPECT_EQ(reader.next().error().code, Code::decode);
}

TEST(PacketReader, ReadsOnAfterAnyAmountOfOtherBytes) {
  Buffer input = packets(5);
  input.insert(input.end(), 2 * kMaxLeadBytes, 0x46);
  const Buffer more = packets(5);
  input.insert(input.end(), more.begin(), more.end());
  EXPECT_EQ(values_of(input, 1000).size(), 10U);
}

TEST(Packet, ReadsItsHeader) {
  Buffer bytes = packet(0xee);
  bytes[1] = 0x41;
  bytes[2] = 0x23;
  bytes[3] = 0x1f;
  auto parsed = parse_packet(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->pid, 0x123);
  EXPECT_TRUE(parsed->unit_start);
  EXPECT_EQ(parsed->counter, 15);
  EXPECT_EQ(parsed->payload.size(), 184U);

  bytes[3] = 0x30;  // An adaptation field of 100 bytes with a discontinuity.
  bytes[4] = 100;
  bytes[5] = 0x80;
  parsed = parse_packet(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->discontinuity);
  EXPECT_EQ(parsed->payload.size(), 83U);
}

TEST(Packet, HasNoPayloadIfItSaysSo) {
  Buffer bytes = packet(0xee);
  bytes[1] = 0;
  bytes[3] = 0x20;
  bytes[4] = 183;
  ASSERT_TRUE(parse_packet(bytes));
  EXPECT_TRUE(parse_packet(bytes)->payload.empty());
}

TEST(Packet, IsOfNoUseDamagedOrScrambled) {
  Buffer bytes = packet(0);
  bytes[3] = 0x10;
  EXPECT_TRUE(parse_packet(bytes));
  bytes[1] = 0x80;
  EXPECT_FALSE(parse_packet(bytes));
  bytes[1] = 0;
  bytes[3] = 0x90;
  EXPECT_FALSE(parse_packet(bytes));
  bytes[3] = 0x30;
  bytes[4] = 184;  // An adaptation field that ends behind the packet.
  EXPECT_FALSE(parse_packet(bytes));
}

}  // namespace
}  // namespace moq::mux::ts

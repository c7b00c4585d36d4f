#include "moq/transport/quic/internal/frame_scan.h"

#include <gtest/gtest.h>

#include <vector>

#include "moq/base/random.h"
#include "moq/base/wire.h"

namespace moq::transport::quic::internal {
namespace {

using Payload = std::vector<std::uint8_t>;

std::vector<FrameScanner::Frame> scan(Payload& payload) {
  std::vector<FrameScanner::Frame> found;
  FrameScanner scanner(payload);
  FrameScanner::Frame frame;
  while (scanner.next(frame)) found.push_back(frame);
  return found;
}

/// One of each frame of RFC 9000 §19 and RFC 9221 that may come before others.
Payload all_frames() {
  Writer out;
  out.varint(0x00).varint(0x01);
  out.varint(0x02).varint(100).varint(5).varint(2).varint(3).varint(1).varint(1).varint(2).varint(
      9);
  out.varint(0x03).varint(70000).varint(5).varint(0).varint(3).varint(1).varint(2).varint(3);
  out.varint(0x06).varint(7).text("crypto");
  out.varint(0x07).text("token");
  out.varint(0x0a).varint(8).text("\x05\x01\x01");
  out.varint(0x0f).varint(8).varint(70000).text("\x05\x01\x01");
  out.varint(0x10).varint(1 << 20);
  out.varint(0x11).varint(4).varint(1 << 20);
  out.varint(0x12).varint(100).varint(0x13).varint(100).varint(0x14).varint(5);
  out.varint(0x15).varint(4).varint(5).varint(0x16).varint(9).varint(0x17).varint(9);
  out.varint(0x18).varint(3).varint(1).u8(4).u32(0x05050505);
  for (int i = 0; i < 16; ++i) out.u8(5);
  out.varint(0x19).varint(3);
  out.varint(0x1a).u64(0x0505050505050505).varint(0x1b).u64(5).varint(0x1e);
  out.varint(0x31).text("\x05\x01\x01");
  return out.take_vector();
}

TEST(FrameScanner, FindsStopSendingBehindEveryOtherFrame) {
  Payload payload = all_frames();
  Writer stop;
  stop.varint(0x05).varint(7).varint(0x52e4a40fa8dc);
  for (const std::uint8_t byte : stop.span()) payload.push_back(byte);
  const auto found = scan(payload);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].reset);
  EXPECT_EQ(found[0].stream_id, 7u);
  EXPECT_EQ(found[0].code, 0x52e4a40fa8dcu);
}

TEST(FrameScanner, FindsSeveralAndTellsThemApart) {
  Writer out;
  out.varint(0x05).varint(3).varint(1);
  out.varint(0x04).varint(70000).varint(2).varint(9);
  Payload payload = out.take_vector();
  const auto found = scan(payload);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[1].reset);
  EXPECT_EQ(found[1].stream_id, 70000u);
  EXPECT_EQ(found[1].code, 2u);
  EXPECT_EQ(found[1].final_size, 9u);
  EXPECT_EQ(found[1].bytes.size(), 1u + 4 + 1 + 1);
}

bool holds_only_acks(Payload payload) {
  FrameScanner scanner(payload);
  FrameScanner::Frame frame;
  while (scanner.next(frame)) {
  }
  return scanner.only_acks();
}

TEST(FrameScanner, KnowsPacketsOfAcknowledgementsAlone) {
  Writer one_range;
  one_range.varint(0x02).varint(100).varint(5).varint(0).varint(3);
  EXPECT_TRUE(holds_only_acks(one_range.take_vector()));
  Writer more;
  more.varint(0).varint(0).varint(0x03).varint(100).varint(5).varint(1).varint(3).varint(1).varint(
      1);
  more.varint(7).varint(0).varint(0).varint(0);
  EXPECT_TRUE(holds_only_acks(more.take_vector()));

  Writer ping;
  ping.varint(0x02).varint(100).varint(5).varint(0).varint(3).varint(0x01);
  Payload pinging = ping.take_vector();
  FrameScanner scanner(pinging);
  FrameScanner::Frame frame;
  EXPECT_FALSE(scanner.next(frame));
  EXPECT_TRUE(scanner.only_acks());
  EXPECT_TRUE(scanner.pinged());

  EXPECT_FALSE(holds_only_acks(all_frames()));
  for (const std::uint64_t other : {0x1e, 0x1c, 0x3f}) {
    Writer out;
    out.varint(0x02).varint(100).varint(5).varint(0).varint(3).varint(other);
    EXPECT_FALSE(holds_only_acks(out.take_vector())) << other;
  }
  Writer stop;
  stop.varint(0x02).varint(100).varint(5).varint(0).varint(3).varint(0x05).varint(3).varint(1);
  EXPECT_FALSE(holds_only_acks(stop.take_vector()));
  Writer cut;
  cut.varint(0x02).varint(100).varint(5).varint(2).varint(3).varint(1);
  EXPECT_FALSE(holds_only_acks(cut.take_vector()));
}

TEST(FrameScanner, LooksIntoNoData) {
  Writer out;
  // To the end of the packet.
  out.varint(0x08).varint(3).bytes(as_bytes(std::string_view("\x05\x01\x01")));
  Payload payload = out.take_vector();
  EXPECT_TRUE(scan(payload).empty());
  Writer datagram;
  datagram.varint(0x30).bytes(as_bytes(std::string_view("\x05\x01\x01")));
  payload = datagram.take_vector();
  EXPECT_TRUE(scan(payload).empty());
}

TEST(FrameScanner, StopsAtAnyCutAndAnyNoise) {
  Payload whole = all_frames();
  whole.insert(whole.end(), {0x05, 0x07, 0x01});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Payload cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(scan(cut).empty()) << size;
  }
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) {
    Payload noise(random.below(100));
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.next());
    scan(noise);  // Ends, within bounds: the sanitizers watch.
  }
}

TEST(OpenBeforeReset, PutsAnEmptyStreamFrameInFrontInTheSamePlace) {
  for (const std::uint64_t id : {2ull, 70ull, 70000ull, (1ull << 30) - 2}) {
    Writer out;
    out.varint(0x01).varint(0x04).varint(id).varint(0x52e4a40fa8dc).varint(1000).varint(0x01);
    Payload payload = out.take_vector();
    const std::size_t size = payload.size();
    auto found = scan(payload);
    ASSERT_EQ(found.size(), 1u);
    ASSERT_TRUE(open_before_reset(found[0])) << id;
    EXPECT_EQ(payload.size(), size);

    Reader in(payload);
    EXPECT_EQ(in.varint(), 0x01u);
    EXPECT_EQ(in.varint(), 0x0au);
    EXPECT_EQ(in.varint(), id);
    EXPECT_EQ(in.varint(), 0u);
    EXPECT_EQ(in.varint(), 0x04u);
    EXPECT_EQ(in.varint(), id);
    EXPECT_EQ(in.varint(), 0u);
    EXPECT_EQ(in.varint(), 1000u);
    while (in.remaining() > 1) EXPECT_EQ(in.u8(), 0u);
    EXPECT_EQ(in.u8(), 1u);
    EXPECT_TRUE(in.ok());
  }
}

TEST(OpenBeforeReset, LeavesAShortFrameAlone) {
  Writer out;
  out.varint(0x04).varint(2).varint(1).varint(0);
  Payload payload = out.take_vector();
  const Payload before = payload;
  auto found = scan(payload);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(open_before_reset(found[0]));
  EXPECT_EQ(payload, before);
}

}  // namespace
}  // namespace moq::transport::quic::internal

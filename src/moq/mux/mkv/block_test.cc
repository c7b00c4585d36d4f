#include "moq/mux/mkv/block.h"

#include <gtest/gtest.h>

#include "moq/mux/internal/testing.h"

namespace moq::mux::mkv {
namespace {

using testing::bytes_of;

constexpr int kXiph = 0x02;
constexpr int kFixed = 0x04;
constexpr int kEbml = 0x06;

/// Track 1, time 0, those flags, and the rest.
Result<Block> parse(int flags, std::vector<int> rest) {
  std::vector<int> all = {0x81, 0, 0, flags};
  all.insert(all.end(), rest.begin(), rest.end());
  return parse_block(bytes_of(all));
}
/// The sizes of the frames; none if the block is broken.
std::vector<std::size_t> sizes_of(int flags, const std::vector<int>& rest) {
  std::vector<std::size_t> out;
  if (const auto block = parse(flags, rest)) {
    for (const Bytes& frame : block->frames) out.push_back(frame.size());
  }
  return out;
}
using Sizes = std::vector<std::size_t>;

TEST(MkvBlock, HasATrackATimeAndAFrame) {
  const auto block = parse_block(bytes_of({0x41, 0x02, 0xff, 0xfe, 0x80, 7, 8}));
  ASSERT_TRUE(block);
  EXPECT_EQ(*block, (Block{.track = 0x102, .time = -2, .frames = {bytes_of({7, 8})}}));
}

TEST(MkvBlock, MayBeLaced) {
  // Three frames of 2, 1 and the rest.
  EXPECT_EQ(parse(kXiph, {2, 2, 1, 1, 1, 2, 3, 3, 3})->frames,
            (std::vector<Bytes>{bytes_of({1, 1}), bytes_of({2}), bytes_of({3, 3, 3})}));
  EXPECT_EQ(parse(kEbml, {2, 0x82, 0xbe, 1, 1, 2, 3, 3, 3})->frames,
            (std::vector<Bytes>{bytes_of({1, 1}), bytes_of({2}), bytes_of({3, 3, 3})}));
  EXPECT_EQ(parse(kFixed, {2, 1, 1, 2, 2, 3, 3})->frames,
            (std::vector<Bytes>{bytes_of({1, 1}), bytes_of({2, 2}), bytes_of({3, 3})}));
  EXPECT_EQ(sizes_of(kXiph, {0, 9, 9}), Sizes{2});  // A lace of one.
}

TEST(MkvBlock, LacedSizesMayBeLong) {
  std::vector<int> xiph = {1, 255, 45};
  xiph.insert(xiph.end(), 301, 0);
  EXPECT_EQ(sizes_of(kXiph, xiph), (Sizes{300, 1}));
  std::vector<int> ebml = {2, 0x41, 0x2c, 0x60, 0x63};  // 300, and 100 more.
  ebml.insert(ebml.end(), 701, 0);
  EXPECT_EQ(sizes_of(kEbml, ebml), (Sizes{300, 400, 1}));
}

TEST(MkvBlock, IsBrokenIfItsSizesDoNotFit) {
  EXPECT_EQ(sizes_of(kXiph, {}), Sizes{});
  EXPECT_EQ(sizes_of(kXiph, {1}), Sizes{});
  EXPECT_EQ(sizes_of(kXiph, {1, 255}), Sizes{});
  EXPECT_EQ(sizes_of(kXiph, {1, 3, 9, 9}), Sizes{});
  EXPECT_EQ(sizes_of(kXiph, {2, 2, 2, 9, 9, 9}), Sizes{});
  EXPECT_EQ(sizes_of(kEbml, {2, 0x82, 0xbc, 9, 9}), Sizes{});  // 2, then -1.
  EXPECT_EQ(sizes_of(kEbml, {2, 0x82}), Sizes{});
  EXPECT_EQ(sizes_of(kFixed, {2, 9, 9, 9, 9}), Sizes{});
}

TEST(MkvBlock, IsBrokenIfItIsCut) {
  const Bytes whole = bytes_of({0x41, 0x02, 0, 0, 0});
  EXPECT_TRUE(parse_block(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_block(whole.slice(0, size)).error().code, Code::decode);
  }
}

}  // namespace
}  // namespace moq::mux::mkv

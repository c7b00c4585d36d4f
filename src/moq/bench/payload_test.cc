#include "moq/bench/payload.h"

#include <gtest/gtest.h>

#include <vector>

namespace moq::bench {
namespace {

constexpr Stamp kStamp{.sent = TimePoint(123'456'789ns), .group = 77, .index = 3};

TEST(Payload, TellsItsStampAtAnySize) {
  for (const std::size_t size :
       {kMinFrameBytes, kMinFrameBytes + 1, std::size_t{4096}, kMaxFrameBytes}) {
    const Bytes frame = make_frame(kStamp, size);
    EXPECT_EQ(frame.size(), size);
    EXPECT_EQ(check_frame(frame), kStamp) << size;
  }
}

TEST(Payload, NoticesAWrongByteAMissingOneAndAnotherPlace) {
  const Bytes frame = make_frame(kStamp, 300);
  for (const std::size_t at : {std::size_t{8}, std::size_t{16}, kMinFrameBytes, std::size_t{299}}) {
    std::vector<std::uint8_t> copy(frame.begin(), frame.end());
    copy[at] ^= 0x40;
    EXPECT_FALSE(check_frame(Bytes::copy(copy))) << at;
  }
  EXPECT_FALSE(check_frame(frame.slice(0, kMinFrameBytes - 1)));
  EXPECT_FALSE(check_frame(Bytes()));
}

}  // namespace
}  // namespace moq::bench

#include "moq/transport/webtransport/internal/stream_prefix.h"

#include <gtest/gtest.h>

#include "moq/transport/webtransport/internal/hex_test.h"
#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {
namespace {

TEST(StreamPrefix, IsTheVector) {
  EXPECT_EQ(uni_prefix(), hex("40 54 00"));
  EXPECT_EQ(bidi_prefix(), hex("40 41 00"));
}

TEST(StreamPrefix, ReadsTypeAndSession) {
  const auto found = read_prefix(from_hex("40 54 04 99"), 0x54);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, 0x54u);
  EXPECT_EQ(found->session_id, 4u);
  EXPECT_EQ(found->size_bytes, 3u);
}

TEST(StreamPrefix, OtherTypesHaveNoSession) {
  const auto found = read_prefix(from_hex("00 04"), 0x54);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, 0u);
  EXPECT_EQ(found->size_bytes, 1u);
}

TEST(StreamPrefix, IsIncompleteUntilItsLastByte) {
  const auto longest = from_hex("c0 00 00 00 00 00 00 54 c0 00 00 00 00 00 00 00");
  EXPECT_EQ(longest.size(), kMaxPrefixBytes);
  for (std::size_t cut = 0; cut < longest.size(); ++cut) {
    EXPECT_FALSE(read_prefix(ByteSpan(longest).first(cut), 0x54)) << cut;
  }
  EXPECT_EQ(read_prefix(longest, 0x54)->size_bytes, kMaxPrefixBytes);
}

}  // namespace
}  // namespace moq::transport::webtransport

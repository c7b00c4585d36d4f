#include "moq/transport/webtransport/internal/tlv_buffer.h"

#include <gtest/gtest.h>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::size_t kLimit = 100;

TEST(TlvBuffer, CutsPiecesHoweverTheyArrive) {
  const auto stream = concat(tlv(0x00, from_hex("aa bb")), tlv(0x1234, {}));
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    TlvBuffer buffer("frame", kLimit);
    std::vector<std::pair<std::uint64_t, std::size_t>> got;
    const auto drain = [&] {
      for (;;) {
        const auto piece = buffer.next();
        ASSERT_TRUE(piece);
        if (!*piece) return;
        got.emplace_back((*piece)->type, (*piece)->value.size());
      }
    };
    buffer.push(ByteSpan(stream).first(cut));
    drain();
    buffer.push(ByteSpan(stream).subspan(cut));
    drain();
    EXPECT_EQ(got, (std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 2}, {0x1234, 0}}));
    EXPECT_TRUE(buffer.at_boundary());
  }
}

TEST(TlvBuffer, IsAtABoundaryOnlyBetweenPieces) {
  const auto piece = tlv(0x40, from_hex("01 02 03"));
  for (std::size_t cut = 1; cut < piece.size(); ++cut) {
    TlvBuffer buffer("frame", kLimit);
    buffer.push(ByteSpan(piece).first(cut));
    const auto got = buffer.next();
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->has_value());
    EXPECT_FALSE(buffer.at_boundary()) << cut;
  }
}

TEST(TlvBuffer, TakesAPieceAtTheLimitAndRefusesALargerOneByItsLength) {
  const std::vector<std::uint8_t> most(kLimit);
  TlvBuffer buffer("frame", kLimit);
  buffer.push(tlv(1, most));
  const auto got = buffer.next();
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->value.size(), kLimit);

  buffer.push(from_hex("01 40 65"));  // Claims 101 bytes; none of them came.
  const auto larger = buffer.next();
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, H3Code::excessive_load);
  EXPECT_NE(larger.error().text.find("101"), std::string::npos);
}

TEST(TlvBuffer, RefusesTheLargestLengthWithoutReservingIt) {
  TlvBuffer buffer("capsule", kLimit);
  buffer.push(from_hex("00 ff ff ff ff ff ff ff ff"));
  EXPECT_FALSE(buffer.next());
  EXPECT_LT(buffer.buffered_bytes(), kLimit);
}

}  // namespace
}  // namespace moq::transport::webtransport

#include "moq/net/lite/hops.h"

#include <gtest/gtest.h>

#include <numeric>

#include "moq/net/lite/limits.h"

namespace moq::net::lite {
namespace {

HopChain chain_of(std::size_t length) {
  HopChain chain(length);
  std::iota(chain.begin(), chain.end(), 1);
  return chain;
}

DecodeError read_error(const Writer& written, Version version) {
  Reader in(written.span(), varint_kind(version));
  read_chain(in, version);
  return in.error();
}

TEST(Hops, AChainHasThirtyTwoIdsAndNoMore) {
  EXPECT_TRUE(check_chain(chain_of(kMaxHops)).has_value());
  EXPECT_EQ(check_chain(chain_of(kMaxHops + 1)).error(), DecodeError::too_many);
  for (const Version version : {Version::lite_03, Version::lite_04, Version::lite_07_wip}) {
    Writer longest(varint_kind(version));
    write_chain(longest, chain_of(kMaxHops), version);
    EXPECT_EQ(read_error(longest, version), DecodeError::none);
    Writer longer(varint_kind(version));
    write_chain(longer, chain_of(kMaxHops + 1), version);
    EXPECT_EQ(read_error(longer, version), DecodeError::too_many);
  }
}

TEST(Hops, AClaimOfAnyLengthAllocatesNothing) {
  Writer claim;
  claim.varint(kMaxVarint);
  EXPECT_EQ(read_error(claim, Version::lite_03), DecodeError::too_many);
}

TEST(Hops, OnlyTheUnknownHopRepeats) {
  EXPECT_TRUE(check_chain({0, 5, 0}).has_value());
  EXPECT_EQ(check_chain({5, 0, 5}).error(), DecodeError::duplicate);
  Writer looped;
  write_chain(looped, {7, 7}, Version::lite_06);
  EXPECT_EQ(read_error(looped, Version::lite_06), DecodeError::duplicate);
}

TEST(Hops, TheSenderAddsItselfUpTo04) {
  EXPECT_EQ(sent_chain({}, 9, Version::lite_02), HopChain());
  EXPECT_EQ(sent_chain({}, 9, Version::lite_03)->size(), 1U);
  EXPECT_EQ(sent_chain({4}, 9, Version::lite_04), (HopChain{4, 9}));
  EXPECT_EQ(sent_chain({4}, 9, Version::lite_05), HopChain{4});
  EXPECT_EQ(sent_chain({4, 9}, 9, Version::lite_04), std::nullopt);
  EXPECT_EQ(sent_chain(chain_of(kMaxHops), 999, Version::lite_04), std::nullopt);
  EXPECT_TRUE(sent_chain(chain_of(kMaxHops), 999, Version::lite_06).has_value());
}

TEST(Hops, TheReceiverAddsTheSenderFrom05) {
  constexpr std::uint64_t kSender = 9;
  constexpr std::uint64_t kOwn = 1000;
  EXPECT_EQ(received_chain({4, 9}, kSender, kOwn, Version::lite_04), (HopChain{4, 9}));
  EXPECT_EQ(received_chain({4}, kSender, kOwn, Version::lite_05), (HopChain{4, 9}));
  EXPECT_EQ(received_chain({}, 0, kOwn, Version::lite_06), HopChain{0});
}

TEST(Hops, LoopsGiveNoRoute) {
  EXPECT_EQ(received_chain({4, 7}, 9, 7, Version::lite_04), std::nullopt);
  EXPECT_EQ(received_chain({4, 7}, 9, 7, Version::lite_06), std::nullopt);
  EXPECT_EQ(received_chain({4, 9}, 9, 7, Version::lite_06), std::nullopt);
  EXPECT_EQ(received_chain({4}, 7, 7, Version::lite_06), std::nullopt);
  // 0 is nobody: neither we nor the sender.
  EXPECT_TRUE(received_chain({0, 0}, 0, 0, Version::lite_06).has_value());
  EXPECT_EQ(received_chain(chain_of(kMaxHops), 999, 1000, Version::lite_06), std::nullopt);
  EXPECT_TRUE(received_chain(chain_of(kMaxHops), 999, 1000, Version::lite_04).has_value());
}

}  // namespace
}  // namespace moq::net::lite

#include "moq/net/internal/sequence_set.h"

#include <gtest/gtest.h>

#include <set>

#include "moq/base/random.h"

namespace moq::net {
namespace {

TEST(SequenceSet, NeighboursJoinIntoRanges) {
  SequenceSet set(10);
  for (const std::uint64_t value : {5, 7, 6, 1, 0, 9}) set.insert(value);
  EXPECT_EQ(set.ranges(), 3U);  // 0-1, 5-7, 9.
  set.insert(8);
  set.insert(8);
  EXPECT_EQ(set.ranges(), 2U);
  EXPECT_TRUE(set.contains(0));
  EXPECT_FALSE(set.contains(2));
  EXPECT_TRUE(set.contains(9));
  EXPECT_FALSE(set.contains(10));
}

TEST(SequenceSet, TellsWhatIsMissing) {
  SequenceSet set(10);
  EXPECT_EQ(set.next_missing(3), 3U);
  for (const std::uint64_t value : {4, 5, 6, 8}) set.insert(value);
  EXPECT_EQ(set.next_missing(0), 0U);
  EXPECT_EQ(set.next_missing(4), 7U);
  EXPECT_EQ(set.next_missing(6), 7U);
  EXPECT_EQ(set.next_missing(7), 7U);
  EXPECT_EQ(set.next_missing(8), 9U);
}

TEST(SequenceSet, TheLowestGapClosesWhenThereAreTooManyRanges) {
  SequenceSet set(3);
  for (const std::uint64_t value : {10, 20, 30}) set.insert(value);
  EXPECT_FALSE(set.contains(15));
  set.insert(40);
  EXPECT_EQ(set.ranges(), 3U);
  EXPECT_TRUE(set.contains(15));
  EXPECT_FALSE(set.contains(25));
  set.insert(0);  // A new lowest: it joins what is far behind.
  EXPECT_EQ(set.ranges(), 3U);
  EXPECT_TRUE(set.contains(5));
}

TEST(SequenceSet, TakesRangesOfAnyLength) {
  SequenceSet set(3);
  set.insert(0, UINT64_MAX - 1);
  EXPECT_EQ(set.ranges(), 1U);
  EXPECT_TRUE(set.contains(UINT64_MAX / 2));
  set.clear();
  EXPECT_FALSE(set.contains(0));
}

TEST(SequenceSet, AgreesWithASetOfNumbers) {
  SeededRandom random(7);
  SequenceSet set(1000);
  std::set<std::uint64_t> expected;
  for (int i = 0; i < 2000; ++i) {
    if (i % 400 == 0) {  // Ranges soon fill everything: begin again.
      set.clear();
      expected.clear();
    }
    const std::uint64_t value = random.below(500);
    const std::uint64_t last = i % 4 == 0 ? value + random.below(6) : value;
    set.insert(value, last);
    for (std::uint64_t each = value; each <= last; ++each) expected.insert(each);
    const std::uint64_t probe = random.below(500);
    ASSERT_EQ(set.contains(probe), expected.contains(probe)) << probe;
    std::uint64_t missing = probe;
    while (expected.contains(missing)) ++missing;
    ASSERT_EQ(set.next_missing(probe), missing) << probe;
  }
}

}  // namespace
}  // namespace moq::net

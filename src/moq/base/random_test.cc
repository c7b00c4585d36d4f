#include "moq/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace moq {
namespace {

// First outputs for seed 1234567, as published with the generator (Vigna, "splitmix64.c" users'
// reference values).
TEST(SeededRandom, IsSplitMix64) {
  SeededRandom random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
  EXPECT_EQ(random.next(), 4593380528125082431U);
  EXPECT_EQ(random.next(), 16408922859458223821U);
}

TEST(SeededRandom, SameSeedSameNumbers) {
  SeededRandom first(5);
  SeededRandom second(5);
  SeededRandom other(6);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = first.next();
    EXPECT_EQ(value, second.next());
    differs |= value != other.next();
  }
  EXPECT_TRUE(differs);
}

/// Yields one number for ever.
class Stuck : public Random {
 public:
  explicit Stuck(std::uint64_t value) : value_(value) {}
  std::uint64_t next() override { return value_; }

 private:
  std::uint64_t value_;
};

TEST(Random, BelowReachesBothEndsAndNoFurther) {
  EXPECT_EQ(Stuck(0).below(10), 0U);
  EXPECT_EQ(Stuck(UINT64_MAX).below(10), 9U);
  EXPECT_EQ(Stuck(UINT64_MAX).below(1), 0U);
  EXPECT_EQ(Stuck(UINT64_MAX).below(0), 0U);
  EXPECT_EQ(Stuck(UINT64_MAX).below(UINT64_MAX), UINT64_MAX - 1);
}

TEST(Random, BelowIsEven) {
  SeededRandom random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen[random.below(seen.size())];
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
}

TEST(Random, FractionStaysBelowOne) {
  EXPECT_EQ(Stuck(0).fraction(), 0.0);
  EXPECT_LT(Stuck(UINT64_MAX).fraction(), 1.0);
  EXPECT_GT(Stuck(UINT64_MAX).fraction(), 0.999999);
}

TEST(SystemRandom, DoesNotRepeat) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 64; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 64U);
}

}  // namespace
}  // namespace moq

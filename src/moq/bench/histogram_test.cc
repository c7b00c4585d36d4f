#include "moq/bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "moq/base/random.h"

namespace moq::bench {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.percentile(0.5), 0ns);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.add(Duration(i));
  EXPECT_EQ(histogram.percentile(0.5), 50ns);
  EXPECT_EQ(histogram.percentile(0), 1ns);
  EXPECT_EQ(histogram.percentile(1), 100ns);
}

TEST(Histogram, PercentilesAreWithinTheirPrecision) {
  SeededRandom random(7);
  Histogram histogram;
  std::vector<Duration> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = Duration(static_cast<Duration::rep>(random.next() >> random.below(60)) >> 1);
    values.push_back(value);
    histogram.add(value);
  }
  std::ranges::sort(values);
  for (const double fraction : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = values[static_cast<std::size_t>(fraction * 20'000) - 1];
    const Duration got = histogram.percentile(fraction);
    EXPECT_GE(got, exact) << fraction;
    EXPECT_LE(got - exact, exact / 64 + 1ns) << fraction;
  }
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, TakesTheLongestDurationAndNegativeOnes) {
  Histogram histogram;
  histogram.add(Duration::max());
  histogram.add(-5ns);
  EXPECT_EQ(histogram.max(), Duration::max());
  EXPECT_EQ(histogram.percentile(0.5), 0ns);
  EXPECT_EQ(histogram.percentile(1), Duration::max());
}

TEST(Histogram, AddsUpAnother) {
  Histogram one;
  Histogram two;
  one.add(10ns);
  two.add(30ns);
  one.add(two);
  EXPECT_EQ(one.count(), 2);
  EXPECT_EQ(one.percentile(0.5), 10ns);
  EXPECT_EQ(one.max(), 30ns);
}

}  // namespace
}  // namespace moq::bench

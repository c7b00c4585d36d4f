#include "moq/base/time.h"

#include <gtest/gtest.h>

namespace moq {
namespace {

TEST(Time, MillisecondsFromAPeerSaturate) {
  EXPECT_EQ(from_ms(0), 0s);
  EXPECT_EQ(from_ms(1500), 1500ms);
  EXPECT_EQ(from_ms(9'223'372'036'854), 9'223'372'036'854ms);
  EXPECT_EQ(from_ms(9'223'372'036'855), Duration::max());
  EXPECT_EQ(from_ms(UINT64_MAX), Duration::max());
}

TEST(Time, AfterSaturatesAtBothEnds) {
  const TimePoint zero{};
  EXPECT_EQ(after(zero, 3s) - zero, 3s);
  EXPECT_EQ(after(zero + 1s, Duration::max()), TimePoint::max());
  EXPECT_EQ(after(TimePoint::max(), 1ns), TimePoint::max());
  EXPECT_EQ(after(TimePoint::max(), -1ns), TimePoint::max() - 1ns);
  EXPECT_EQ(after(zero - 2s, Duration::min()), TimePoint::min());
}

TEST(Time, WholeMillisecondsAreCutOff) {
  EXPECT_EQ(to_ms(1999us), 1);
  EXPECT_EQ(to_ms(-1999us), -1);
}

}  // namespace
}  // namespace moq

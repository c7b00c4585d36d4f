#include "moq/cli/progress.h"

#include <gtest/gtest.h>

namespace moq::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr Duration kBegin = 1000s;

/// 30 frames and 50 000 bytes a second, each frame `delay` after its time.
mux::Progress after(Duration time, Duration delay = {}) {
  mux::Progress totals;
  totals.frames = static_cast<std::uint64_t>(time / 1s) * 30;
  totals.bytes = static_cast<std::uint64_t>(time / 1s) * 50000;
  totals.media_us = static_cast<std::uint64_t>(duration_cast<microseconds>(time - delay).count());
  return totals;
}

TEST(Progress, SaysWhatGoesThroughAndHow) {
  Progress progress;
  EXPECT_EQ(progress.line(0, false), "connecting");
  for (int second = 0; second <= 40; ++second) {
    progress.sample(TimePoint(kBegin + second * 1s), after(second * 1s));
  }
  EXPECT_EQ(progress.line(1, true),
            "epoch 1 · 30.0 fps · 0.40 Mbit/s · 1 200 frames · 0 ms behind");
  EXPECT_EQ(progress.line(2, false),
            "epoch 2 (reconnecting) · 30.0 fps · 0.40 Mbit/s · 1 200 frames · 0 ms behind");
}

TEST(Progress, RatesFallToNothingInAnOutage) {
  Progress progress;
  for (int second = 0; second <= 10; ++second) {
    progress.sample(TimePoint(kBegin + second * 1s), after(std::min(second, 5) * 1s));
  }
  EXPECT_EQ(progress.line(1, false),
            "epoch 1 (reconnecting) · 0.0 fps · 0.00 Mbit/s · 150 frames · 0 ms behind");
}

TEST(Progress, BehindIsTheDelayAboveTheLeastOne) {
  Progress progress;
  progress.sample(TimePoint(kBegin), after(0s));
  progress.sample(TimePoint(kBegin + 1s), after(1s));
  EXPECT_NE(progress.line(1, true).find("· 0 ms behind"), std::string::npos);
  progress.sample(TimePoint(kBegin + 2s), after(2s, 250ms));
  EXPECT_NE(progress.line(1, true).find("· 250 ms behind"), std::string::npos);
}

TEST(Progress, DigitsComeInThrees) {
  EXPECT_EQ(group_digits(0), "0");
  EXPECT_EQ(group_digits(999), "999");
  EXPECT_EQ(group_digits(1000), "1 000");
  EXPECT_EQ(group_digits(1234567), "1 234 567");
}

}  // namespace
}  // namespace moq::cli

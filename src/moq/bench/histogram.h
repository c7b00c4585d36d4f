#pragma once

#include <array>
#include <cstdint>

#include "moq/base/time.h"

namespace moq::bench {

/// Counts durations in buckets whose width is 1/64 of their value, so a percentile is right within
/// 1.6 %, in 30 KB, however many there are.
class Histogram {
 public:
  /// Negative durations count as zero.
  void add(Duration value);
  void add(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration max() const { return max_; }
  /// The value that `fraction` of all stay at or below, as the upper edge of its bucket, but no
  /// more than the maximum; zero if there are none.
  [[nodiscard]] Duration percentile(double fraction) const;

 private:
  static constexpr unsigned kPrecisionBits = 6;
  /// Values below 2^6 have a bucket each; each further power of two has 64.
  static constexpr std::size_t kBuckets = (64 - kPrecisionBits + 1) << kPrecisionBits;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_edge(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace moq::bench

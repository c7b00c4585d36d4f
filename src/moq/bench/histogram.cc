#include "moq/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace moq::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  constexpr std::uint64_t kLinear = std::uint64_t{1} << kPrecisionBits;
  if (value < kLinear) return static_cast<std::size_t>(value);
  // The leading 1 bit chooses the power of two, the six bits behind it the bucket in there.
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPrecisionBits;
  return (static_cast<std::size_t>(shift) << kPrecisionBits) +
         static_cast<std::size_t>(value >> shift);
}

std::uint64_t Histogram::upper_edge(std::size_t bucket) {
  constexpr std::size_t kLinear = std::size_t{1} << kPrecisionBits;
  if (bucket < kLinear) return bucket;
  const std::size_t shift = (bucket >> kPrecisionBits) - 1;
  const std::uint64_t lead = kLinear + (bucket & (kLinear - 1));
  return ((lead + 1) << shift) - 1;
}

void Histogram::add(Duration value) {
  value = std::max(value, Duration::zero());
  ++counts_[bucket_of(static_cast<std::uint64_t>(value.count()))];
  ++count_;
  max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::percentile(double fraction) const {
  if (count_ == 0) return Duration::zero();
  const double exact = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) {
      return std::min(max_, Duration(static_cast<Duration::rep>(upper_edge(i))));
    }
  }
  return max_;
}

}  // namespace moq::bench

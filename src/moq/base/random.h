#pragma once

#include <cstdint>

namespace moq {

/// A source of numbers. Seeded in tests; `SystemRandom` reads the operating system.
class Random {
 public:
  virtual ~Random() = default;
  /// Uniform over all 64 bits.
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); 0 if `bound` is 0. The bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<__uint128_t>(next()) * bound) >> 64);
  }
  /// Uniform in [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

/// SplitMix64: small, fast, good enough for tests and jitter; never for keys.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// The operating system's generator; fit for keys and ids.
class SystemRandom : public Random {
 public:
  std::uint64_t next() override;
};

}  // namespace moq

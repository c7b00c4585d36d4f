#pragma once

#include <cstdint>
#include <optional>

namespace moq::mux {

/// Counts on where a counter of `Bits` bits starts over: each value is taken for the one nearest to
/// the last.
template <unsigned Bits>
class Unwrapper {
 public:
  std::int64_t unwrap(std::uint64_t value) {
    const auto wrapped = static_cast<std::int64_t>(value & (kPeriod - 1));
    if (!last_) return *(last_ = wrapped);
    const auto period = static_cast<std::int64_t>(kPeriod);
    std::int64_t step = (wrapped - *last_) % period;
    if (step < -period / 2) step += period;
    if (step >= period / 2) step -= period;
    *last_ += step;
    return *last_;
  }

 private:
  static_assert(Bits < 62);
  static constexpr std::uint64_t kPeriod = std::uint64_t{1} << Bits;
  std::optional<std::int64_t> last_;
};

}  // namespace moq::mux

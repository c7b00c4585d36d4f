#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/result.h"
#include "moq/capi/internal/table.h"
#include "moq/native/reconnect.h"

namespace moq::capi {

/// The numbers by which a session tells of its connections: 1, 2, ... without gaps. Several
/// connections between two looks are told as one; one that took over from another, without an
/// outage between, counts as well.
class Epochs {
 public:
  /// `told`: the last number that was told before, for tests of the end.
  explicit Epochs(std::int32_t told = 0) : told_(told) {}

  /// The number to tell, if a connection is up that was not told of. Fails past the last number.
  Result<std::optional<std::int32_t>> next(const native::Reconnect::State& state) {
    if (state.status != native::Status::connected || state.epoch == seen_) {
      return std::optional<std::int32_t>();
    }
    seen_ = state.epoch;
    if (told_ == HandleNumbers::kMax) return fail(Code::too_many, "the epochs have run out");
    return std::optional(++told_);
  }

 private:
  std::uint64_t seen_ = 0;  ///< As the loop that dials counts.
  std::int32_t told_;
};

}  // namespace moq::capi

#pragma once

#include <cstdint>
#include <optional>

#include "moq/mux/mp4/fragment.h"

namespace moq::mux {

/// Watches the times of one track's samples, and repairs what ffmpeg 5.1 gets wrong with a fragment
/// per frame: at the end of a video fragment it stamps an audio sample with the time at which the
/// sample ends, and without a duration.
class SampleClock {
 public:
  void repair(mp4::Sample& sample) {
    const bool ahead = expected_ && sample.duration == 0 && sample.dts > *expected_;
    // A longer gap is a gap.
    if (ahead && sample.dts - *expected_ <= 2 * std::uint64_t{last_duration_}) {
      sample.duration = static_cast<std::uint32_t>(sample.dts - *expected_);
      sample.dts = *expected_;
    }
    if (sample.duration != 0) last_duration_ = sample.duration;
    expected_ = sample.dts + sample.duration;
  }

 private:
  std::optional<std::uint64_t> expected_;  ///< When the next sample should begin.
  std::uint32_t last_duration_ = 0;
};

}  // namespace moq::mux

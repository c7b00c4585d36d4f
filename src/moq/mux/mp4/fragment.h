#pragma once

#include <cstdint>
#include <vector>

#include "moq/mux/mp4/movie.h"

namespace moq::mux::mp4 {

/// Samples of one fragment. A run may describe samples without a byte each, so their count needs
/// its own limit: 20 minutes of AAC.
inline constexpr std::size_t kMaxFragmentSamples = std::size_t{1} << 16;

/// One coded frame. Times are in the track's timescale.
struct Sample {
  std::uint64_t dts = 0;                ///< When to decode.
  std::int32_t composition_offset = 0;  ///< From `dts` to when to present.
  std::uint32_t duration = 0;           ///< 0 = unknown.
  bool keyframe = false;                ///< Decodable without what came before.
  Bytes payload;

  /// When to present; not below 0.
  [[nodiscard]] std::uint64_t pts() const {
    const auto back = static_cast<std::uint64_t>(-std::int64_t{composition_offset});
    if (composition_offset >= 0) return dts + static_cast<std::uint64_t>(composition_offset);
    return dts < back ? 0 : dts - back;
  }
  bool operator==(const Sample&) const = default;
};

/// The samples of one track in one fragment, in decode order.
struct Fragment {
  std::uint32_t track_id = 0;
  std::vector<Sample> samples;
  bool operator==(const Fragment&) const = default;
};

/// A sample whose bytes are still to be found: `offset` counts from the start of the file.
struct Placement {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
struct PlacedFragment {
  Fragment fragment;
  std::vector<Placement> placements;  ///< One per sample.
};

/// Reads the body of the `moof` that begins at `position` in the file. Tracks that `movie` does not
/// have, or that are neither video nor audio, are left out. Fails on times or sizes that overflow.
Result<std::vector<PlacedFragment>> parse_fragment(const Movie& movie, ByteSpan moof,
                                                   std::uint64_t position);

/// Gives the samples their payloads, slices of `data`, which begins at `position` in the file.
/// Fails if a sample is not wholly in there.
Result<Fragment> resolve(PlacedFragment placed, const Bytes& data, std::uint64_t position);

/// Reads a frame of the cmaf container: its one `moof` and `mdat`, in any legal form.
Result<std::vector<Sample>> read_cmaf_frame(const Track& track, const Bytes& frame);

/// One `moof` and one `mdat` with `samples` of one track, as CMAF and the peers' readers want it:
/// sizes, flags and durations with each sample, `tfdt` in 64 bits, offsets from the `moof`.
/// `samples` must not be empty; `sequence` counts the fragments of what they are written to.
Bytes write_fragment(std::uint32_t sequence, std::uint32_t track_id,
                     std::span<const Sample> samples);

}  // namespace moq::mux::mp4

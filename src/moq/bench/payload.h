#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/bytes.h"
#include "moq/base/time.h"

namespace moq::bench {

/// The machine's monotonic time, read now; a loop's clock stands still during a turn.
TimePoint read_clock();

/// What a frame says of itself; the rest of it is a pattern that both sides know.
struct Stamp {
  TimePoint sent;           ///< On this machine's monotonic clock.
  std::uint64_t group = 0;  ///< The group's sequence.
  std::uint32_t index = 0;  ///< The frame's place in the group.
  bool operator==(const Stamp&) const = default;
};

/// The smallest frame: a stamp and nothing else.
inline constexpr std::size_t kMinFrameBytes = 20;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{4} << 20;

/// A frame of `size_bytes`, from `kMinFrameBytes` to `kMaxFrameBytes`.
Bytes make_frame(const Stamp& stamp, std::size_t size_bytes);
/// The stamp of a frame that came whole; none if a byte of it is wrong.
std::optional<Stamp> check_frame(const Bytes& frame);

}  // namespace moq::bench

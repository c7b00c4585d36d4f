#pragma once

#include <map>
#include <memory>

#include "moq/mux/demuxer.h"
#include "moq/mux/internal/frame_reader.h"

namespace moq::mux {

/// Holds back the beginning of a container until all of its tracks are known: a reader that waits
/// for the broadcast is to see them all in the first catalog, not one that has to be taken back.
class StartGate {
 public:
  /// How much is held while a track, or the parameters of one, are waited for: at most that much
  /// media, as between two key frames,
  static constexpr std::int64_t kMaxHeldUs = 3'000'000;
  /// and that much payload.
  static constexpr std::size_t kMaxHeldBytes = std::size_t{16} << 20;

  /// Takes what was found; returns what may go on. `found_all`: no further track is expected.
  Found pass(Found found, bool found_all);
  /// What is still held; nothing is from here on.
  Found open();

 private:
  void note(const FoundTrack& track);
  void note(const FoundFrame& frame);

  bool open_ = false;
  Found held_;
  std::map<std::uint32_t, std::unique_ptr<FrameReader>> readers_;  ///< Of tracks not known yet.
  std::size_t bytes_ = 0;
  std::optional<std::int64_t> first_us_;  ///< Of what is held, the earliest time,
  std::optional<std::int64_t> last_us_;   ///< and the latest.
};

}  // namespace moq::mux

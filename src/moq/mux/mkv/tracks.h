#pragma once

#include <string>
#include <vector>

#include "moq/mux/demuxer.h"
#include "moq/mux/mkv/ebml.h"

namespace moq::mux::mkv {

/// Tracks of one file; more than a broadcast may have renditions is of no use.
inline constexpr std::size_t kMaxTracks = 64;
/// What encoders hold back is well below a second; more is nonsense and not believed.
inline constexpr std::uint64_t kMaxCodecDelayNs = 10'000'000'000;

/// One TrackEntry, RFC 9559 §5.1.4.1.
struct TrackEntry {
  std::uint64_t number = 0;
  std::string codec_id;
  Bytes codec_private;
  std::uint64_t default_duration_ns = 0;  ///< Of a frame; 0 = not said.
  std::uint64_t codec_delay_ns = 0;       ///< What times are to be moved back by.
  double sample_rate = 8000;              ///< Audio, Hz.
  std::uint64_t channels = 1;             ///< Audio.
  Bytes stripped;                         ///< What each frame began with.
  bool encoded = false;                   ///< Frames are compressed or encrypted.
  bool operator==(const TrackEntry&) const = default;
};

/// Reads the body of Tracks. `Code::too_many` above `kMaxTracks`.
Result<std::vector<TrackEntry>> parse_tracks(ByteSpan body);

/// The track as it is found, without the `init` of MP3, which is in its frames. None if the codec
/// is unknown, or lacks what its decoder starts with.
std::optional<FoundTrack> found_track(const TrackEntry& entry);

}  // namespace moq::mux::mkv

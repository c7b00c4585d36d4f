#pragma once

#include <cstdint>
#include <vector>

#include "moq/mux/mp4/sample_entry.h"

namespace moq::mux::mp4 {

/// Tracks of one movie; more than any broadcast may have renditions is of no use.
inline constexpr std::size_t kMaxTracks = 64;

/// What samples have unless their fragment says otherwise (`trex`).
struct SampleDefaults {
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
  bool operator==(const SampleDefaults&) const = default;
};

struct Track {
  enum class Kind : std::uint8_t {
    video,
    audio,
    other,  ///< Subtitles, time codes and so on: only `id` and `handler` are set.
  };
  std::uint32_t id = 0;
  Kind kind = Kind::other;
  FourCc handler;
  std::uint32_t timescale = 0;  ///< Units per second; not 0.
  SampleEntry entry;
  SampleDefaults defaults;
  /// What the edit list moves presentation by, in `timescale`: back over the encoder's delay,
  /// forward by a pause before the media.
  std::int64_t edit_shift = 0;
};

struct Movie {
  std::vector<Track> tracks;
  bool fragmented = false;  ///< Has `mvex`: the samples are in fragments, not in here.

  /// The track with that id, or null.
  [[nodiscard]] const Track* find(std::uint32_t id) const;
};

/// Reads the body of `moov`. The tracks' bytes share it.
Result<Movie> parse_movie(const Bytes& moov);
/// Moves all tracks forward by one time, so that no edit list takes any below 0.
void lift_edits(Movie& movie);
/// Reads an init segment: `ftyp` and `moov`.
Result<Movie> parse_init(const Bytes& init);

/// `ftyp` and `moov` of fragmented `tracks`, each with its `entry.box`. Of one track: what the
/// catalog's cmaf container holds. Edit lists are not written: fragments carry the shifted times.
Bytes write_init(std::span<const Track> tracks);

}  // namespace moq::mux::mp4

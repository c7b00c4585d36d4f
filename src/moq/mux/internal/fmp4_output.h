#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "moq/base/time.h"
#include "moq/mux/mp4/fragment.h"

namespace moq::mux {

/// Writes one fragmented MP4 stream: times that only go forward, also when a source starts over.
class Fmp4Output {
 public:
  /// As `Exporter::Options::fragment_duration`.
  explicit Fmp4Output(std::optional<Duration> fragment_duration)
      : fragment_duration_(fragment_duration) {}

  /// Sets the tracks and writes an init segment if they differ from the last one's. Index 0 is the
  /// video track if there is any.
  void set_tracks(std::vector<mp4::Track> tracks);
  [[nodiscard]] bool begun() const { return !tracks_.empty(); }
  /// Adds a sample of the track with that index.
  void add(std::size_t index, mp4::Sample sample);
  /// The sources start over: the next sample continues where the last one ended, whatever its time.
  void start_over();
  /// Writes out what is held back.
  void flush();
  /// The next bytes.
  std::optional<Bytes> pop();

 private:
  struct OutputTrack {
    mp4::Track track;
    std::vector<mp4::Sample> held;  ///< Of the fragment that is not complete.
    std::uint64_t held_bytes = 0;
    std::optional<std::uint64_t> last_dts;    ///< As written.
    std::uint64_t end = 0;                    ///< When its last sample ends.
    std::uint64_t epoch = 0;                  ///< In which its source is.
    std::int64_t shift_us = 0;                ///< What its samples are moved by.
    bool starts_over = false;                 ///< Its next sample belongs to the newest epoch.
    std::optional<std::uint64_t> source_dts;  ///< Of its last sample, as it came.
  };

  /// The track that takes the place of `former` in the output.
  static OutputTrack successor(const OutputTrack& former, const mp4::Track& track);
  void begin_epoch();
  /// Moves a sample to the times of the output.
  void place(OutputTrack& out, mp4::Sample& sample);
  [[nodiscard]] bool completes_fragment(const OutputTrack& out, const mp4::Sample& next) const;
  void write_held(OutputTrack& out);
  [[nodiscard]] std::uint64_t end_us() const;

  std::optional<Duration> fragment_duration_;
  std::vector<OutputTrack> tracks_;
  std::deque<Bytes> ready_;
  std::uint32_t sequence_ = 1;
  std::uint64_t epoch_ = 0;  ///< Counts how often sources started over.
  std::optional<std::int64_t> shift_us_ =
      0;  ///< Of the newest epoch; none before its first sample.
};

}  // namespace moq::mux

#pragma once

#include "moq/mux/internal/frame_reader.h"
#include "moq/mux/track_writer.h"

namespace moq::mux {

/// A codec track on its way out: its groups, its frames in the legacy container, and its rendition
/// in the catalog, which stays there until it is retired.
class CodecTrack {
 public:
  struct Options {
    bool is_audio = false;
    std::optional<std::string> label;
    MediaTrack::Hint hint;
    MediaTrack::AudioGroups audio_groups = MediaTrack::AudioGroups::each_frame;
  };
  CodecTrack(TrackWriter writer, hang::SharedCatalog catalog, Options options);

  [[nodiscard]] const TrackWriter& writer() const { return writer_; }
  /// Writes what is known of the track into the catalog, if it is not there.
  Result<void> describe(const Description& description);
  /// As `MediaTrack::write`.
  Result<void> write(EncodedFrame frame, std::uint64_t timestamp_us);
  void cut();
  Result<void> seek(std::uint64_t sequence);
  Result<void> discontinuity();
  /// Tells readers how long the track may hold a frame; beside what its frame rate says.
  Result<void> note_jitter(std::uint64_t jitter_ms);
  /// Takes the rendition out of the catalog.
  void retire();
  void finish() &&;
  void abort(const Error& error) &&;

 private:
  [[nodiscard]] hang::VideoRendition video_rendition() const;
  [[nodiscard]] hang::AudioRendition audio_rendition() const;
  Result<void> list();
  Result<void> begin_group();
  /// Whether the frame goes into the open group.
  [[nodiscard]] bool takes(const EncodedFrame& frame) const;

  TrackWriter writer_;
  hang::SharedCatalog catalog_;
  Options options_;
  std::optional<Description> description_;  ///< As the catalog has it.
  std::uint64_t jitter_ms_ = 0;
  std::optional<std::uint64_t> next_sequence_;  ///< Of the next group, if one was asked for.
  bool lost_group_ = false;  ///< The open group outgrew its limits: what belongs to it is lost.
};

}  // namespace moq::mux

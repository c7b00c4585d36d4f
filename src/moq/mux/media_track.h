#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/hang/shared_catalog.h"
#include "moq/net/broadcast.h"

namespace moq::mux {

/// One codec track that is fed with encoded frames: describes it in the catalog and cuts its
/// groups.
///
/// Audio is in the catalog from the start, video once its parameters are known: from `init`, or
/// from the stream. Video groups begin at key frames, which carry in front the parameter sets that
/// their format has in the stream. Frames are in the legacy container. Not for two threads at once.
class MediaTrack {
 public:
  /// How frames look, and what `Options::init` holds.
  enum class Format : std::uint8_t {
    avc1,  ///< H.264 access units, length-prefixed; avcC, required.
    avc3,  ///< H.264 access units, Annex-B; parameter sets, may be empty.
    hvc1,  ///< H.265 access units, length-prefixed; hvcC, required.
    hev1,  ///< H.265 access units, Annex-B; parameter sets, may be empty.
    av01,  ///< AV1 temporal units; OBUs or av1C, may be empty.
    vp8,   ///< VP8 frames; empty.
    vp9,   ///< VP9 frames or superframes; empty.
    aac,   ///< Raw AAC frames; AudioSpecificConfig, required.
    opus,  ///< Opus packets; OpusHead, required.
    flac,  ///< FLAC frames; `fLaC` and STREAMINFO, required.
    mp3,   ///< MPEG layer III frames; the header of one, required.
  };
  /// The format of that name (`h264`, `avcc`, `av1C`, ...; case counts); none if there is none.
  static std::optional<Format> parse_format(std::string_view name);
  static bool is_audio(Format format);
  /// Its usual name, `avc3`: what tracks end with.
  static std::string_view to_string(Format format);

  /// What the publisher knows of a video track. It stands in the catalog in place of what the
  /// stream says.
  struct Hint {
    std::optional<std::uint32_t> coded_width;
    std::optional<std::uint32_t> coded_height;
    std::optional<std::uint64_t> bitrate;  ///< Bits per second.
    std::optional<double> framerate;
    std::optional<bool> optimize_for_latency;
  };
  enum class AudioGroups : std::uint8_t {
    each_frame,  ///< A group is one frame.
    until_cut,   ///< A group lasts until `cut()`, `seek()` or the limits of a group.
  };
  struct Options {
    Format format = Format::avc3;
    Bytes init = {};
    std::string suffix = {};  ///< Of the name `N.suffix`; empty = the format's usual name.
    std::optional<std::string> label = {};
    Hint hint = {};
    AudioGroups audio_groups = AudioGroups::each_frame;
    Duration max_age = 30s;  ///< How long relays keep a group that is not the newest.
  };

  /// Creates the track in `broadcast`, under the first name `N.suffix` that is neither written nor
  /// listed. Fails with `decode` if `init` is missing or broken: then there is no track.
  /// `clock` measures the jitter and must outlive the track.
  static Result<MediaTrack> create(net::broadcast::Producer& broadcast, hang::SharedCatalog catalog,
                                   kio::Clock& clock, Options options);
  /// Takes over a track that was asked for by name and accepted with `info()`. If it fails, `track`
  /// is dropped.
  static Result<MediaTrack> create(net::track::Producer track, hang::SharedCatalog catalog,
                                   kio::Clock& clock, Options options);
  /// What a track of that format is created with.
  static net::track::Info info(Format format, Duration max_age = 30s);

  MediaTrack(MediaTrack&&) noexcept;
  MediaTrack& operator=(MediaTrack&&) noexcept;
  /// Aborts the track unless it was finished, and takes it out of the catalog.
  ~MediaTrack();

  /// Publishes one frame, in decode order; `timestamp_us` is when to present it. A payload that
  /// holds parameter sets alone is kept for the next key frame. Fails with `decode` for what cannot
  /// be read, `malformed_track` for a frame that depends on others and has no group to go to,
  /// `invalid_argument` for a time of 2^62 or more; then nothing was published, and the track goes
  /// on. Other errors are the track's own.
  Result<void> write(const Bytes& payload, std::uint64_t timestamp_us);
  /// Ends the open group. The next frame begins another: of video, it must be a key frame.
  void cut();
  /// As `cut()`; the next group gets that number. Fails with `invalid_argument` unless it is above
  /// all earlier ones and at most 2^62-1.
  Result<void> seek(std::uint64_t sequence);
  /// Notes that the frame of that time has left the encoder just now. The catalog tells readers by
  /// how much that varies: the jitter.
  void flush(std::uint64_t timestamp_us);
  /// Marks a break in the timeline, with a group of no frames; then as after `cut()`.
  Result<void> discontinuity();
  /// Ends the track and takes it out of the catalog.
  Result<void> finish() &&;
  void abort(const Error& error) &&;

  /// For its name, and who reads it. Writing to it is not for others.
  [[nodiscard]] const net::track::Producer& track() const;

 private:
  struct State;
  explicit MediaTrack(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moq::mux

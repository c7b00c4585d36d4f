#pragma once

#include <memory>
#include <optional>
#include <string>

#include "moq/mux/media_track.h"

namespace moq::mux {

/// What a decoder has to know of a codec track: what the catalog says of it.
struct Description {
  std::string codec;
  std::optional<Bytes> configuration;  ///< None if it is in the stream, or none is needed.
  std::uint32_t width = 0;             ///< Video, pixels; 0 if unknown.
  std::uint32_t height = 0;
  std::optional<double> framerate;
  std::uint32_t sample_rate = 0;  ///< Audio, Hz.
  std::uint32_t channels = 0;
  bool operator==(const Description&) const = default;
};

/// A frame as it is published.
struct EncodedFrame {
  bool keyframe = false;
  Bytes payload;
};

/// One codec's half of a media track.
class FrameReader {
 public:
  virtual ~FrameReader() = default;
  /// Takes what the track begins with; as it is, like a frame.
  virtual Result<void> initialize(const Bytes& init) {
    MOQ_CHECK(read(init));
    return {};
  }
  /// A frame with what it needs in front; none if it holds parameters alone. `Code::decode` for one
  /// that cannot be read.
  virtual Result<std::optional<EncodedFrame>> read(const Bytes& payload) = 0;
  /// What is known of the track; none before its parameters have come.
  [[nodiscard]] const std::optional<Description>& description() const { return description_; }

 protected:
  std::optional<Description> description_;
};

/// Fails with `decode` if `init` is missing or broken.
Result<std::unique_ptr<FrameReader>> make_frame_reader(MediaTrack::Format format,
                                                       const Bytes& init);
/// The same for the formats of video, and of audio.
Result<std::unique_ptr<FrameReader>> make_video_reader(MediaTrack::Format format,
                                                       const Bytes& init);
Result<std::unique_ptr<FrameReader>> make_audio_reader(MediaTrack::Format format,
                                                       const Bytes& init);

}  // namespace moq::mux

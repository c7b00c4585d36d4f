#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "moq/av/codecs.h"
#include "moq/av/loader.h"
#include "moq/capi/internal/guarded.h"
#include "moq/hang/shared_catalog.h"
#include "moq/mux/media_track.h"

namespace moq::capi {

/// Tracks of encoded audio: a group per packet, in the legacy container.
inline constexpr net::track::Info kEncodedAudio{
    .priority = hang::kAudioPriority, .max_age = 30s, .timescale = 1'000'000};

/// An audio encoder with the track that its packets go to.
class AudioPublication {
 public:
  AudioPublication(av::AudioEncoder encoder, net::track::Producer track,
                   hang::SharedCatalog catalog)
      : encoder_(std::move(encoder)), track_(std::move(track)), catalog_(std::move(catalog)) {}

  Result<void> encode(std::uint64_t timestamp_us, ByteSpan pcm);
  /// Ends the track with what the encoder holds still, and takes it out of the catalog. If that
  /// fails, the track is aborted.
  Result<void> finish() &&;
  [[nodiscard]] const net::track::Producer& track() const { return track_; }

 private:
  Result<void> publish(const av::Made<av::Packet>& made);

  av::AudioEncoder encoder_;
  net::track::Producer track_;
  hang::SharedCatalog catalog_;
};

/// A video encoder with the track that its packets go to.
class VideoPublication {
 public:
  VideoPublication(av::VideoEncoder encoder, mux::MediaTrack track)
      : encoder_(std::move(encoder)), track_(std::move(track)) {}

  Result<void> encode(std::uint64_t timestamp_us, ByteSpan picture, bool keyframe);
  Result<void> set_bitrate(std::uint64_t bitrate) { return encoder_.set_bitrate(bitrate); }
  Result<void> finish() &&;
  [[nodiscard]] const net::track::Producer& track() const { return track_.track(); }

 private:
  Result<void> publish(const av::Made<av::Packet>& made);

  av::VideoEncoder encoder_;
  mux::MediaTrack track_;
};

/// The object of an audio encoder's handle. The guard is the encoder's own lock: who encodes blocks
/// nobody but others that use the same encoder.
struct AudioEncoder {
  explicit AudioEncoder(AudioPublication made) : publication(std::move(made)) {}
  Guarded<AudioPublication> publication;
};

/// The object of a video encoder's handle.
struct VideoEncoder {
  explicit VideoEncoder(VideoPublication made) : publication(std::move(made)) {}
  Guarded<VideoPublication> publication;
  std::atomic<bool> cut = false;  ///< The next picture becomes a key frame.
};

}  // namespace moq::capi

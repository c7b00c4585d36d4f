#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "moq/av/codecs.h"
#include "moq/av/loader.h"
#include "moq/capi/internal/call.h"
#include "moq/capi/internal/guarded.h"
#include "moq/hang/shared_catalog.h"
#include "moq/mux/media_track.h"
#include "moq/net/bandwidth.h"

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

/// A video encoder with the track that its packets go to. With a reservation it encodes at what is
/// granted, up to the bitrate that was set.
class VideoPublication {
 public:
  VideoPublication(av::VideoEncoder encoder, mux::MediaTrack track,
                   std::shared_ptr<net::Reservation> reservation)
      : encoder_(std::move(encoder)),
        track_(std::move(track)),
        reservation_(std::move(reservation)),
        ceiling_(encoder_.info().bitrate),
        bitrate_(ceiling_) {}

  Result<void> encode(std::uint64_t timestamp_us, ByteSpan picture, bool keyframe);
  Result<void> set_bitrate(std::uint64_t bitrate);
  Result<void> finish() &&;
  [[nodiscard]] const net::track::Producer& track() const { return track_.track(); }

 private:
  Result<void> publish(const av::Made<av::Packet>& made);

  /// Retunes the encoder if what is granted has changed by enough.
  void follow_grant();

  av::VideoEncoder encoder_;
  mux::MediaTrack track_;
  std::shared_ptr<net::Reservation> reservation_;  ///< May be null.
  std::uint64_t ceiling_;
  std::uint64_t bitrate_;  ///< What the encoder was told last.
};

/// The object of an audio encoder's handle. The guard is the encoder's own lock: who encodes blocks
/// nobody but others that use the same encoder.
struct AudioEncoder {
  AudioEncoder(AudioPublication made, std::shared_ptr<net::Reservation> claim)
      : publication(std::move(made)), reservation(std::move(claim)) {}
  Guarded<AudioPublication> publication;
  /// Its share, for others to know of: the encoder keeps its bitrate. May be null.
  const std::shared_ptr<net::Reservation> reservation;
};

/// The object of a video encoder's handle.
struct VideoEncoder {
  VideoEncoder(VideoPublication made, std::shared_ptr<net::Reservation> claim)
      : publication(std::move(made)), reservation(std::move(claim)) {}
  Guarded<VideoPublication> publication;
  const std::shared_ptr<net::Reservation> reservation;  ///< May be null.
  std::atomic<bool> cut = false;                        ///< The next picture becomes a key frame.
};

/// The claim of an encoder on what `bandwidth` shares; null without one.
std::shared_ptr<net::Reservation> reserve(const net::Bandwidth* bandwidth,
                                          const net::track::Producer& track, std::uint64_t bitrate);
/// A handle on it, or 0 for none: a view, which the encoder's claim does not depend on.
std::int32_t add_view(Call& call, const std::shared_ptr<net::Reservation>& reservation);

}  // namespace moq::capi

#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "moq/av/ffmpeg/internal/resampler.h"

namespace moq::av::ffmpeg {

/// PCM of any layout into the packets of a codec.
class AudioEncoder {
 public:
  using Sink = std::function<void(const PacketView&)>;

  /// `unsupported` for a codec that is not known; `invalid_argument` for a rate, channels or a
  /// frame duration that it does not have.
  static Result<AudioEncoder> create(const AudioEncoderConfig& config);

  [[nodiscard]] AudioEncoderInfo info() const;
  Result<void> encode(const PcmView& pcm, const Sink& sink);
  Result<void> flush(const Sink& sink);

 private:
  /// From sample `position` of the output on, time is counted from `timestamp_us`.
  struct Anchor {
    std::int64_t position = 0;
    std::uint64_t timestamp_us = 0;
  };

  AudioEncoder(const char* catalog_codec, const AudioEncoderConfig& config,
               Owned<AVCodecContext> codec, Resampler resampler, Owned<AVAudioFifo> fifo);
  Result<void> follow(std::uint64_t timestamp_us, const Sink& sink);
  [[nodiscard]] std::uint64_t time_of(std::int64_t position) const;
  Result<void> pad(const Sink& sink);
  Result<void> add(const AVFrame& samples);
  Result<void> drain_fifo(int least, const Sink& sink);
  Result<void> send(const AVFrame* samples, const Sink& sink);
  Result<void> receive(const Sink& sink);

  const char* catalog_codec_;
  SampleFormat input_format_;
  std::uint32_t input_channels_;
  Owned<AVCodecContext> codec_;
  Resampler resampler_;
  Owned<AVAudioFifo> fifo_;
  Owned<AVPacket> packet_;
  int frame_samples_;           ///< Of one packet, per channel.
  std::deque<Anchor> anchors_;  ///< Those that packets still to come need, oldest first.
  std::int64_t written_ = 0;    ///< Samples that have gone into the fifo.
  std::int64_t sent_ = 0;       ///< Samples that have gone into the codec.
};

}  // namespace moq::av::ffmpeg

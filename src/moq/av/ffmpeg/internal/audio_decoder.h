#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "moq/av/ffmpeg/internal/resampler.h"

namespace moq::av::ffmpeg {

/// The packets of a codec into PCM of one layout.
class AudioDecoder {
 public:
  using Sink = std::function<void(const PcmView&)>;

  /// `unsupported` for a codec that is not known.
  static Result<AudioDecoder> create(const AudioDecoderConfig& config);

  /// `decode` for a packet that the codec refuses; it goes on with the next.
  Result<void> decode(const PacketView& packet, const Sink& sink);
  Result<void> flush(const Sink& sink);

 private:
  AudioDecoder(const AudioDecoderConfig& config, Owned<AVCodecContext> codec);
  Result<void> receive(const Sink& sink);
  Result<void> convert(const AVFrame& decoded, const Sink& sink);
  Result<void> fit(const AVFrame& decoded, const Sink& sink);
  void give(const AVFrame& samples, std::uint64_t timestamp_us, const Sink& sink);

  SampleFormat output_format_;
  int output_rate_;
  int output_channels_;
  Owned<AVCodecContext> codec_;
  Owned<AVPacket> packet_;
  Owned<AVFrame> frame_;
  std::optional<Resampler> resampler_;  ///< Once it is known what the codec makes.
  std::uint64_t next_us_ = 0;           ///< When what comes next begins.
  std::vector<std::uint8_t> joined_;    ///< The planes of one output, one after the other.
};

}  // namespace moq::av::ffmpeg

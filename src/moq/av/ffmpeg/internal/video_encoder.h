#pragma once

#include <deque>
#include <functional>

#include "moq/av/ffmpeg/internal/picture.h"

namespace moq::av::ffmpeg {

/// Pictures into Annex B, one packet each and in their order, parameter sets before key frames.
class VideoEncoder {
 public:
  using Sink = std::function<void(const PacketView&)>;

  /// `invalid_argument` for a size or rate out of range; `unsupported` if there is no such encoder,
  /// with what was tried.
  static Result<VideoEncoder> create(const VideoEncoderConfig& config);

  [[nodiscard]] VideoEncoderInfo info() const;
  Result<void> encode(const PictureView& picture, bool keyframe, const Sink& sink);
  Result<void> set_bitrate(std::uint64_t bitrate);
  Result<void> flush(const Sink& sink);

 private:
  VideoEncoder(const VideoEncoderConfig& config, Owned<AVCodecContext> codec);
  Result<Owned<AVFrame>> load(const PictureView& picture);
  Result<void> receive(const Sink& sink);

  PixelFormat format_;
  Owned<AVCodecContext> codec_;
  std::uint64_t opening_bitrate_;
  Owned<AVPacket> packet_;
  Scaler scaler_;
  std::int64_t pictures_ = 0;           ///< Their number is the codec's time.
  std::deque<std::uint64_t> times_us_;  ///< Of the pictures inside the codec, oldest first.
  std::vector<std::uint8_t> joined_;    ///< Parameter sets and a key frame.
};

}  // namespace moq::av::ffmpeg

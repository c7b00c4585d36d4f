#pragma once

#include <functional>
#include <vector>

#include "moq/av/ffmpeg/internal/picture.h"

namespace moq::av::ffmpeg {

/// H.264 and H.265 into pictures of one format.
class VideoDecoder {
 public:
  using Sink = std::function<void(const PictureView&)>;

  /// `unsupported` for a codec that is not one of them.
  static Result<VideoDecoder> create(const VideoDecoderConfig& config);

  /// `decode` for a packet that the codec refuses, as it does with all before the first key frame;
  /// it goes on with the next.
  Result<void> decode(const PacketView& packet, const Sink& sink);
  Result<void> flush(const Sink& sink);

 private:
  VideoDecoder(const VideoDecoderConfig& config, Owned<AVCodecContext> codec);
  Result<void> receive(const Sink& sink);
  Result<void> convert(const AVFrame& decoded, const Sink& sink);

  PixelFormat format_;
  std::uint32_t width_;  ///< As asked for; 0: the stream's.
  std::uint32_t height_;
  Owned<AVCodecContext> codec_;
  Owned<AVPacket> packet_;
  Owned<AVFrame> frame_;
  bool has_keyframe_ = false;
  Scaler scaler_;
  std::vector<std::uint8_t> output_;
};

}  // namespace moq::av::ffmpeg

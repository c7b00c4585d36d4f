#include "moq/av/ffmpeg/internal/video_decoder.h"

#include <string_view>

#include "moq/av/ffmpeg/internal/decoding.h"

namespace moq::av::ffmpeg {
namespace {

constexpr int kMicros = 1'000'000;

AVCodecID codec_id(std::string_view name) {
  if (name.starts_with("avc1") || name.starts_with("avc3")) return AV_CODEC_ID_H264;
  if (name.starts_with("hvc1") || name.starts_with("hev1")) return AV_CODEC_ID_HEVC;
  return AV_CODEC_ID_NONE;
}

bool is_full_range(const AVFrame& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || frame.format == AV_PIX_FMT_YUVJ420P;
}

/// Whether the pixels are ours as they are, so that no more than their padding has to go.
bool is_plain(const Scaler::Source& from) {
  const bool ours = from.matrix == AVCOL_SPC_UNSPECIFIED || from.matrix == AVCOL_SPC_SMPTE170M ||
                    from.matrix == AVCOL_SPC_BT470BG;
  return from.format == AV_PIX_FMT_YUV420P && ours && !from.full_range;
}

void copy_planes(const AVFrame& frame, const Scaler::Target& to, const Planes& planes) {
  for (int i = 0; i < 3; ++i) {
    const int rows = i == 0 ? to.height : to.height / 2;
    av_image_copy_plane(planes.data[i], planes.strides[i], frame.data[i], frame.linesize[i],
                        planes.strides[i], rows);
  }
}

}  // namespace

VideoDecoder::VideoDecoder(const VideoDecoderConfig& config, Owned<AVCodecContext> codec)
    : format_(config.output_format),
      width_(config.output_width),
      height_(config.output_height),
      codec_(std::move(codec)),
      packet_(av_packet_alloc()),
      frame_(av_frame_alloc()) {
  MOQ_ASSERT(packet_ != nullptr && frame_ != nullptr);
}

Result<VideoDecoder> VideoDecoder::create(const VideoDecoderConfig& config) {
  if (!is_known(config.output_format)) return fail(Code::invalid_argument, "unknown pixel format");
  if (config.output_width != 0 || config.output_height != 0) {
    MOQ_CHECK(check_size(config.output_width, config.output_height));
  }
  const std::string_view name = config.codec == nullptr ? "" : config.codec;
  const AVCodecID id = codec_id(name);
  const AVCodec* codec = id == AV_CODEC_ID_NONE ? nullptr : avcodec_find_decoder(id);
  if (codec == nullptr) {
    return fail(Code::unsupported, "video codec '" + std::string(name) + "' is not supported");
  }
  Owned<AVCodecContext> context = make_context(*codec);
  MOQ_CHECK(set_description(*context, config.description, config.description_size));
  context->pkt_timebase = {1, kMicros};
  context->max_pixels = static_cast<std::int64_t>(kMaxPicturePixels);
  context->thread_type = FF_THREAD_SLICE;
  context->thread_count = worker_threads();
  const int opened = avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) {
    return std::unexpected(error_of(Code::invalid_argument, opened, codec->name));
  }
  return VideoDecoder(config, std::move(context));
}

Result<void> VideoDecoder::decode(const PacketView& packet, const Sink& sink) {
  MOQ_CHECK(check_packet(packet));
  // What refers to pictures that were never there would be shown as grey and smears.
  if (!has_keyframe_ && !packet.keyframe) return fail(Code::decode, "no key frame yet");
  has_keyframe_ = true;
  MOQ_CHECK(send_packet(*codec_, *packet_, packet));
  return receive(sink);
}

Result<void> VideoDecoder::receive(const Sink& sink) {
  return receive_frames(*codec_, *frame_,
                        [&](const AVFrame& decoded) { return convert(decoded, sink); });
}

Result<void> VideoDecoder::convert(const AVFrame& decoded, const Sink& sink) {
  // A side that is not even loses its last row or column.
  const Scaler::Source from{.format = static_cast<AVPixelFormat>(decoded.format),
                            .width = decoded.width & ~1,
                            .height = decoded.height & ~1,
                            .matrix = decoded.colorspace,
                            .full_range = is_full_range(decoded)};
  const std::uint32_t width = width_ != 0 ? width_ : static_cast<std::uint32_t>(from.width);
  const std::uint32_t height = height_ != 0 ? height_ : static_cast<std::uint32_t>(from.height);
  if (!check_size(static_cast<std::uint32_t>(from.width),
                  static_cast<std::uint32_t>(from.height))) {
    return fail(Code::decode, "a picture of " + std::to_string(decoded.width) + "x" +
                                  std::to_string(decoded.height));
  }
  const Scaler::Target to{to_av(format_), static_cast<int>(width), static_cast<int>(height)};
  output_.resize(picture_bytes(format_, width, height));
  const Planes planes = planes_of(format_, width, height, output_.data());
  if (format_ == PixelFormat::i420 && is_plain(from) && to.width == from.width &&
      to.height == from.height) {
    copy_planes(decoded, to, planes);
  } else {
    MOQ_CHECK(scaler_.scale(from, decoded.data, decoded.linesize, to, planes));
  }
  const std::int64_t pts = decoded.best_effort_timestamp;
  const std::uint64_t time = pts == AV_NOPTS_VALUE ? 0 : static_cast<std::uint64_t>(pts);
  sink({time, width, height, output_.data(), output_.size()});
  return {};
}

Result<void> VideoDecoder::flush(const Sink& sink) {
  const int sent = avcodec_send_packet(codec_.get(), nullptr);
  MOQ_CHECK(check(sent == AVERROR_EOF ? 0 : sent, codec_->codec->name));
  return receive(sink);
}

}  // namespace moq::av::ffmpeg

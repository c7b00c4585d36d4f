#include "moq/av/ffmpeg/internal/video_encoder.h"

#include <algorithm>
#include <string_view>

namespace moq::av::ffmpeg {
namespace {

struct Option {
  const char* name;
  const char* value;
};
/// An encoder that has been tried, with what makes it answer each picture at once.
struct Known {
  const char* name;
  VideoCodec codec;
  bool hardware;
  bool retunes;  ///< Takes another bitrate while it runs.
  Option options[5];
};

constexpr Known kKnown[] = {
    {"h264_nvenc",
     VideoCodec::h264,
     true,
     true,
     {{"preset", "p4"}, {"tune", "ull"}, {"rc", "cbr"}, {"zerolatency", "1"}, {"forced-idr", "1"}}},
    {"hevc_nvenc",
     VideoCodec::h265,
     true,
     true,
     {{"preset", "p4"}, {"tune", "ull"}, {"rc", "cbr"}, {"zerolatency", "1"}, {"forced-idr", "1"}}},
    {"libx264",
     VideoCodec::h264,
     false,
     true,
     {{"preset", "veryfast"}, {"tune", "zerolatency"}, {"forced-idr", "1"}, {"sc_threshold", "0"}}},
    {"libopenh264", VideoCodec::h264, false, false, {{"allow_skip_frames", "0"}}},
    {"libx265",
     VideoCodec::h265,
     false,
     false,
     {{"preset", "superfast"},
      {"tune", "zerolatency"},
      {"forced-idr", "1"},
      {"x265-params", "log-level=none:scenecut=0:open-gop=0:frame-threads=1"}}},
};

AVCodecID codec_id(VideoCodec codec) {
  return codec == VideoCodec::h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
}
std::string_view word(VideoCodec codec) { return codec == VideoCodec::h265 ? "H.265" : "H.264"; }

const Known* find(std::string_view name) {
  const auto* found =
      std::ranges::find_if(kKnown, [name](const Known& known) { return known.name == name; });
  return found == std::end(kKnown) ? nullptr : found;
}

Result<void> check_config(const VideoEncoderConfig& config) {
  if (!is_known(config.input_format)) return fail(Code::invalid_argument, "unknown pixel format");
  if (config.codec > VideoCodec::h265) return fail(Code::invalid_argument, "unknown codec");
  MOQ_CHECK(check_size(config.width, config.height));
  if (config.framerate < 1 || config.framerate > kMaxFramerate) {
    return fail(Code::invalid_argument, "the framerate is from 1 to 1000");
  }
  if (config.bitrate != 0 && (config.bitrate < kMinBitrate || config.bitrate > kMaxBitrate)) {
    return fail(Code::invalid_argument, "the bitrate is from 1 kbit/s to 1 Gbit/s");
  }
  if (config.gop > 1'000'000) return fail(Code::invalid_argument, "the gop is too long");
  return {};
}

/// What is good enough for live pictures: 4.4 Mbit/s for 1080p30.
std::uint64_t default_bitrate(const VideoEncoderConfig& config) {
  const std::uint64_t pixels = std::uint64_t{config.width} * config.height * config.framerate;
  return std::clamp(pixels * 7 / 100, std::uint64_t{64'000}, kMaxBitrate);
}

void set_rate(AVCodecContext& context, std::uint64_t bitrate) {
  context.bit_rate = static_cast<std::int64_t>(bitrate);
  context.rc_max_rate = context.bit_rate;
  // A second of it, so that a key frame may be larger than the others.
  context.rc_buffer_size = static_cast<int>(bitrate);
}

void configure(AVCodecContext& context, const VideoEncoderConfig& config) {
  context.width = static_cast<int>(config.width);
  context.height = static_cast<int>(config.height);
  context.pix_fmt = AV_PIX_FMT_YUV420P;
  context.framerate = {static_cast<int>(config.framerate), 1};
  context.time_base = {1, static_cast<int>(config.framerate)};
  set_rate(context, config.bitrate == 0 ? default_bitrate(config) : config.bitrate);
  context.gop_size = static_cast<int>(config.gop == 0 ? config.framerate * 2 : config.gop);
  context.max_b_frames = 0;
  // Slices, as each picture that is encoded beside others would wait for them.
  context.thread_type = FF_THREAD_SLICE;
  context.thread_count = worker_threads();
  context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_LOW_DELAY;
  context.color_range = AVCOL_RANGE_MPEG;
  context.colorspace = AVCOL_SPC_SMPTE170M;
  context.color_primaries = AVCOL_PRI_SMPTE170M;
  context.color_trc = AVCOL_TRC_SMPTE170M;
}

Result<Owned<AVCodecContext>> open_codec(const char* name, const VideoEncoderConfig& config) {
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  if (codec == nullptr) return fail(Code::unsupported, std::string(name) + " is not there");
  if (codec->id != codec_id(config.codec)) {
    return fail(Code::unsupported,
                std::string(name) + " does not make " + std::string(word(config.codec)));
  }
  Owned<AVCodecContext> context = make_context(*codec);
  configure(*context, config);
  if (const Known* known = find(name)) {
    for (const Option& option : known->options) {
      if (option.name != nullptr) av_opt_set(context->priv_data, option.name, option.value, 0);
    }
  }
  const int opened = avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) return std::unexpected(error_of(Code::unsupported, opened, name));
  if (context->extradata_size == 0) {
    return fail(Code::unsupported, std::string(name) + " does not tell its parameter sets");
  }
  return context;
}

/// The first encoder that opens, of those that the kind allows.
Result<Owned<AVCodecContext>> open_any(const VideoEncoderConfig& config) {
  std::string tried;
  for (const Known& known : kKnown) {
    if (known.codec != config.codec) continue;
    if (config.kind == EncoderKind::hardware && !known.hardware) continue;
    if (config.kind == EncoderKind::software && known.hardware) continue;
    auto context = open_codec(known.name, config);
    if (context) return context;
    tried += (tried.empty() ? " (" : "; ") + context.error().text;
  }
  return fail(Code::unsupported, "no encoder for " + std::string(word(config.codec)) + tried +
                                     (tried.empty() ? "" : ")"));
}

}  // namespace

VideoEncoder::VideoEncoder(const VideoEncoderConfig& config, Owned<AVCodecContext> codec)
    : format_(config.input_format),
      codec_(std::move(codec)),
      opening_bitrate_(static_cast<std::uint64_t>(codec_->bit_rate)),
      packet_(av_packet_alloc()) {
  MOQ_ASSERT(packet_ != nullptr);
}

Result<VideoEncoder> VideoEncoder::create(const VideoEncoderConfig& config) {
  MOQ_CHECK(check_config(config));
  if (config.kind > EncoderKind::named) return fail(Code::invalid_argument, "unknown kind");
  if (config.kind == EncoderKind::named) {
    MOQ_TRY(Owned<AVCodecContext> codec,
            open_codec(config.encoder == nullptr ? "" : config.encoder, config));
    return VideoEncoder(config, std::move(codec));
  }
  MOQ_TRY(Owned<AVCodecContext> codec, open_any(config));
  return VideoEncoder(config, std::move(codec));
}

VideoEncoderInfo VideoEncoder::info() const {
  return {.encoder = codec_->codec->name,
          .parameter_sets = codec_->extradata,
          .parameter_sets_size = static_cast<std::size_t>(codec_->extradata_size),
          .bitrate = static_cast<std::uint64_t>(codec_->bit_rate)};
}

Result<void> VideoEncoder::encode(const PictureView& picture, bool keyframe, const Sink& sink) {
  MOQ_TRY(const Owned<AVFrame> frame, load(picture));
  frame->pts = pictures_++;
  frame->pict_type = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  times_us_.push_back(picture.timestamp_us);
  MOQ_CHECK(check(avcodec_send_frame(codec_.get(), frame.get()), codec_->codec->name));
  return receive(sink);
}

/// The picture as the codec wants it, in memory of its own.
Result<Owned<AVFrame>> VideoEncoder::load(const PictureView& picture) {
  const auto width = static_cast<std::uint32_t>(codec_->width);
  const auto height = static_cast<std::uint32_t>(codec_->height);
  const std::size_t size = picture_bytes(format_, width, height);
  if (picture.width != width || picture.height != height || picture.size != size) {
    return fail(Code::invalid_argument,
                std::to_string(picture.size) + " bytes are no picture of " + std::to_string(size));
  }
  if (picture.timestamp_us > kMaxTimestamp) {
    return fail(Code::invalid_argument, "timestamp out of range");
  }
  Owned<AVFrame> frame(av_frame_alloc());
  MOQ_ASSERT(frame != nullptr);
  frame->format = codec_->pix_fmt;
  frame->width = codec_->width;
  frame->height = codec_->height;
  MOQ_CHECK(check(av_frame_get_buffer(frame.get(), 0), "a buffer for a picture"));
  // Only read, but swscale takes planes that are not const.
  const Planes from = planes_of(format_, width, height, const_cast<std::uint8_t*>(picture.data));
  if (format_ == PixelFormat::i420) {
    const std::uint8_t* const data[4] = {from.data[0], from.data[1], from.data[2], nullptr};
    for (int i = 0; i < 3; ++i) {
      const int rows = i == 0 ? frame->height : frame->height / 2;
      av_image_copy_plane(frame->data[i], frame->linesize[i], data[i], from.strides[i],
                          from.strides[i], rows);
    }
    return frame;
  }
  Planes to;
  std::copy_n(frame->data, 4, to.data);
  std::copy_n(frame->linesize, 4, to.strides);
  MOQ_CHECK(scaler_.scale({AV_PIX_FMT_RGBA, frame->width, frame->height}, from.data, from.strides,
                          {codec_->pix_fmt, frame->width, frame->height}, to));
  return frame;
}

Result<void> VideoEncoder::receive(const Sink& sink) {
  for (;;) {
    const int received = avcodec_receive_packet(codec_.get(), packet_.get());
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return {};
    MOQ_CHECK(check(received, codec_->codec->name));
    if (times_us_.empty()) return fail(Code::internal, "a packet without a picture");
    PacketView view{.timestamp_us = times_us_.front(),
                    .keyframe = (packet_->flags & AV_PKT_FLAG_KEY) != 0,
                    .data = packet_->data,
                    .size = static_cast<std::size_t>(packet_->size)};
    times_us_.pop_front();
    if (view.keyframe) {
      joined_.assign(codec_->extradata, codec_->extradata + codec_->extradata_size);
      joined_.insert(joined_.end(), view.data, view.data + view.size);
      view.data = joined_.data();
      view.size = joined_.size();
    }
    sink(view);
    av_packet_unref(packet_.get());
  }
}

Result<void> VideoEncoder::set_bitrate(std::uint64_t bitrate) {
  if (bitrate == static_cast<std::uint64_t>(codec_->bit_rate)) return {};
  const Known* known = find(codec_->codec->name);
  if (known == nullptr || !known->retunes) {
    return fail(Code::invalid_argument,
                std::string(codec_->codec->name) + " cannot change its bitrate while it runs");
  }
  if (bitrate < kMinBitrate || bitrate > opening_bitrate_) {
    return fail(Code::invalid_argument, "the bitrate is from 1 kbit/s to that at opening, " +
                                            std::to_string(opening_bitrate_));
  }
  set_rate(*codec_, bitrate);
  return {};
}

Result<void> VideoEncoder::flush(const Sink& sink) {
  if (pictures_ == 0) return {};
  MOQ_CHECK(check(avcodec_send_frame(codec_.get(), nullptr), codec_->codec->name));
  return receive(sink);
}

}  // namespace moq::av::ffmpeg

#include "moq/av/ffmpeg/internal/audio_decoder.h"

#include <algorithm>
#include <string_view>

#include "moq/av/ffmpeg/internal/decoding.h"

namespace moq::av::ffmpeg {
namespace {

constexpr int kMicros = 1'000'000;
/// Samples per channel that one packet may make; the longest block of FLAC is one less.
constexpr int kMaxPacketSamples = 65'536;

AVCodecID codec_id(std::string_view name) {
  struct Known {
    std::string_view name;
    AVCodecID id;
  };
  constexpr Known kKnown[] = {
      {"opus", AV_CODEC_ID_OPUS}, {"flac", AV_CODEC_ID_FLAC},   {"pcm", AV_CODEC_ID_PCM_F32LE},
      {"mp3", AV_CODEC_ID_MP3},   {"mp2", AV_CODEC_ID_MP2},     {"ac-3", AV_CODEC_ID_AC3},
      {"ec-3", AV_CODEC_ID_EAC3}, {"mp4a.6b", AV_CODEC_ID_MP3},
  };
  if (name.starts_with("mp4a.40.")) return AV_CODEC_ID_AAC;
  const auto* found = std::ranges::find(kKnown, name, &Known::name);
  return found == std::end(kKnown) ? AV_CODEC_ID_NONE : found->id;
}

Result<void> check_output(const AudioDecoderConfig& config) {
  if (!is_known(config.output_format)) return fail(Code::invalid_argument, "unknown sample format");
  if (config.output_channels > kMaxChannels) {
    return fail(Code::invalid_argument, "more than 8 channels");
  }
  if (config.output_rate != 0 &&
      (config.output_rate < kMinSampleRate || config.output_rate > kMaxSampleRate)) {
    return fail(Code::invalid_argument, "sample rates are from 8000 to 192000");
  }
  return {};
}

/// What the catalog says of the stream counts for nothing unless it can be.
std::uint32_t usable_rate(std::uint32_t rate) {
  return rate < kMinSampleRate || rate > kMaxSampleRate ? 0 : rate;
}
std::uint32_t usable_channels(std::uint32_t channels) {
  return channels > kMaxChannels ? 0 : channels;
}

}  // namespace

AudioDecoder::AudioDecoder(const AudioDecoderConfig& config, Owned<AVCodecContext> codec)
    : output_format_(config.output_format),
      output_rate_(static_cast<int>(config.output_rate != 0 ? config.output_rate
                                                            : usable_rate(config.stream_rate))),
      output_channels_(static_cast<int>(config.output_channels != 0
                                            ? config.output_channels
                                            : usable_channels(config.stream_channels))),
      codec_(std::move(codec)),
      packet_(av_packet_alloc()),
      frame_(av_frame_alloc()) {
  MOQ_ASSERT(packet_ != nullptr && frame_ != nullptr);
}

Result<AudioDecoder> AudioDecoder::create(const AudioDecoderConfig& config) {
  MOQ_CHECK(check_output(config));
  const std::string_view name = config.codec == nullptr ? "" : config.codec;
  const AVCodecID id = codec_id(name);
  const AVCodec* codec = id == AV_CODEC_ID_NONE ? nullptr : avcodec_find_decoder(id);
  if (codec == nullptr) {
    return fail(Code::unsupported, "audio codec '" + std::string(name) + "' is not supported");
  }
  Owned<AVCodecContext> context = make_context(*codec);
  MOQ_CHECK(set_description(*context, config.description, config.description_size));
  context->sample_rate = static_cast<int>(usable_rate(config.stream_rate));
  if (const std::uint32_t channels = usable_channels(config.stream_channels)) {
    av_channel_layout_default(&context->ch_layout, static_cast<int>(channels));
  }
  context->pkt_timebase = {1, kMicros};
  context->max_samples = kMaxPacketSamples;
  const int opened = avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) {
    return std::unexpected(error_of(Code::invalid_argument, opened, codec->name));
  }
  return AudioDecoder(config, std::move(context));
}

Result<void> AudioDecoder::decode(const PacketView& packet, const Sink& sink) {
  MOQ_CHECK(check_packet(packet));
  MOQ_CHECK(send_packet(*codec_, *packet_, packet));
  return receive(sink);
}

Result<void> AudioDecoder::receive(const Sink& sink) {
  return receive_frames(*codec_, *frame_,
                        [&](const AVFrame& decoded) { return convert(decoded, sink); });
}

Result<void> AudioDecoder::convert(const AVFrame& decoded, const Sink& sink) {
  const int channels = decoded.ch_layout.nb_channels;
  const auto rate = static_cast<std::uint32_t>(std::max(decoded.sample_rate, 0));
  if (channels < 1 || channels > static_cast<int>(kMaxChannels) || usable_rate(rate) == 0) {
    return fail(Code::decode, "a stream of " + std::to_string(channels) + " channels at " +
                                  std::to_string(decoded.sample_rate) + " Hz");
  }
  MOQ_CHECK(fit(decoded, sink));
  if (decoded.pts != AV_NOPTS_VALUE) {
    const std::int64_t held = av_rescale(resampler_->delay(), kMicros, resampler_->out().rate);
    next_us_ = static_cast<std::uint64_t>(std::max<std::int64_t>(decoded.pts - held, 0));
  }
  MOQ_TRY(const Owned<AVFrame> samples,
          resampler_->convert(decoded.extended_data, decoded.nb_samples));
  give(*samples, next_us_, sink);
  return {};
}

/// Sees that the resampler takes what the codec makes now.
Result<void> AudioDecoder::fit(const AVFrame& decoded, const Sink& sink) {
  const PcmLayout in{static_cast<AVSampleFormat>(decoded.format), decoded.sample_rate,
                     decoded.ch_layout.nb_channels};
  if (resampler_ && resampler_->in() == in) return {};
  if (resampler_) {
    MOQ_TRY(const Owned<AVFrame> rest, resampler_->flush());
    give(*rest, next_us_, sink);
  }
  // Unless something else is asked for, the first packet decides for good.
  if (output_rate_ == 0) output_rate_ = in.rate;
  if (output_channels_ == 0) output_channels_ = in.channels;
  MOQ_TRY(resampler_,
          Resampler::create(in, {to_av(output_format_), output_rate_, output_channels_}));
  return {};
}

void AudioDecoder::give(const AVFrame& samples, std::uint64_t timestamp_us, const Sink& sink) {
  if (samples.nb_samples == 0) return;
  const std::size_t unit =
      bytes_per_sample(output_format_, static_cast<std::uint32_t>(output_channels_));
  const std::size_t size = unit * static_cast<std::size_t>(samples.nb_samples);
  const std::uint8_t* data = samples.extended_data[0];
  if (av_sample_fmt_is_planar(static_cast<AVSampleFormat>(samples.format)) != 0) {
    const std::size_t plane = size / static_cast<std::size_t>(output_channels_);
    joined_.clear();
    for (int i = 0; i < output_channels_; ++i) {
      const std::uint8_t* from = samples.extended_data[i];
      joined_.insert(joined_.end(), from, from + plane);
    }
    data = joined_.data();
  }
  next_us_ = timestamp_us +
             static_cast<std::uint64_t>(av_rescale(samples.nb_samples, kMicros, output_rate_));
  sink({timestamp_us, data, size});
}

Result<void> AudioDecoder::flush(const Sink& sink) {
  const int sent = avcodec_send_packet(codec_.get(), nullptr);
  MOQ_CHECK(check(sent == AVERROR_EOF ? 0 : sent, codec_->codec->name));
  MOQ_CHECK(receive(sink));
  if (!resampler_) return {};
  MOQ_TRY(const Owned<AVFrame> rest, resampler_->flush());
  give(*rest, next_us_, sink);
  return {};
}

}  // namespace moq::av::ffmpeg

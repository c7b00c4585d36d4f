#include "moq/av/ffmpeg/internal/audio_encoder.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace moq::av::ffmpeg {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
/// Input this far behind what the samples before it add up to is a gap and no jitter.
constexpr std::uint64_t kGapUs = 100'000;
/// Samples per channel that are converted at a time.
constexpr int kChunkSamples = 8'192;
constexpr std::uint64_t kDefaultFrameUs = 20'000;

struct Known {
  std::string_view name;
  const char* encoder;  ///< FFmpeg's.
  const char* catalog;
  AVSampleFormat format;
  std::span<const std::uint32_t> rates;  ///< Ascending; none: any.
  std::uint64_t bitrate_per_channel;     ///< Where nothing is asked for; 0: by itself.
};

constexpr std::uint32_t kOpusRates[] = {8'000, 12'000, 16'000, 24'000, 48'000};
constexpr std::uint32_t kAacRates[] = {8'000,  11'025, 12'000, 16'000, 22'050, 24'000,
                                       32'000, 44'100, 48'000, 64'000, 88'200, 96'000};
constexpr Known kKnown[] = {
    {"opus", "libopus", "opus", AV_SAMPLE_FMT_FLT, kOpusRates, 48'000},
    {"aac", "aac", "mp4a.40.2", AV_SAMPLE_FMT_FLTP, kAacRates, 64'000},
    {"pcm", "pcm_f32le", "pcm", AV_SAMPLE_FMT_FLT, {}, 0},
};

Result<const Known*> find(std::string_view name) {
  const auto* found = std::ranges::find(kKnown, name, &Known::name);
  if (found == std::end(kKnown)) {
    return fail(Code::unsupported, "audio codec '" + std::string(name) + "' is not known");
  }
  return found;
}

Result<void> check_input(const AudioEncoderConfig& config) {
  if (!is_known(config.input_format)) return fail(Code::invalid_argument, "unknown sample format");
  if (config.input_channels < 1 || config.input_channels > kMaxChannels ||
      config.output_channels > kMaxChannels) {
    return fail(Code::invalid_argument, "channels are from 1 to 8");
  }
  if (config.input_rate < kMinSampleRate || config.input_rate > kMaxSampleRate ||
      (config.output_rate != 0 &&
       (config.output_rate < kMinSampleRate || config.output_rate > kMaxSampleRate))) {
    return fail(Code::invalid_argument, "sample rates are from 8000 to 192000");
  }
  if (config.bitrate > kMaxBitrate) return fail(Code::invalid_argument, "bitrate out of range");
  return {};
}

Result<std::uint32_t> choose_rate(const Known& codec, const AudioEncoderConfig& config) {
  const std::uint32_t wanted = config.output_rate == 0 ? config.input_rate : config.output_rate;
  if (codec.rates.empty()) return wanted;
  const auto found = std::ranges::lower_bound(codec.rates, wanted);
  if (found != codec.rates.end() && *found == wanted) return wanted;
  if (config.output_rate != 0) {
    return fail(Code::invalid_argument,
                std::string(codec.name) + " has no rate of " + std::to_string(wanted) + " Hz");
  }
  return found == codec.rates.end() ? codec.rates.back() : *found;
}

/// Samples of a packet of `duration` (0: the default), if the codec leaves that to us.
Result<int> choose_frame(const Known& codec, std::uint64_t duration, std::uint32_t rate) {
  if (codec.name == "aac") {
    if (duration == 0) return 0;
    return fail(Code::invalid_argument, "aac frames have 1024 samples, whatever the duration");
  }
  if (duration == 0) duration = kDefaultFrameUs;
  constexpr std::uint64_t kOpusFrames[] = {2'500, 5'000, 10'000, 20'000, 40'000, 60'000};
  const std::uint64_t scaled = duration * rate;
  const bool good = codec.name == "opus" ? std::ranges::count(kOpusFrames, duration) == 1
                                         : duration <= 1'000'000 && scaled % kMicros == 0;
  if (!good) {
    return fail(Code::invalid_argument,
                std::string(codec.name) + " has no frames of " + std::to_string(duration) + " us");
  }
  return static_cast<int>(scaled / kMicros);
}

struct Settings {
  std::uint32_t rate = 0;
  std::uint32_t channels = 0;
  int frame_samples = 0;
  std::uint64_t bitrate = 0;
};

Result<Settings> choose(const Known& known, const AudioEncoderConfig& config) {
  MOQ_CHECK(check_input(config));
  Settings settings;
  MOQ_TRY(settings.rate, choose_rate(known, config));
  settings.channels = config.output_channels == 0 ? config.input_channels : config.output_channels;
  if (known.name == "opus" && settings.channels > 2) {
    return fail(Code::invalid_argument, "opus has one channel or two here; set the output's");
  }
  MOQ_TRY(settings.frame_samples, choose_frame(known, config.frame_duration_us, settings.rate));
  if (known.bitrate_per_channel == 0) {
    if (config.bitrate != 0) {
      return fail(Code::invalid_argument, "the bitrate of pcm follows from its rate and channels");
    }
    settings.bitrate = std::uint64_t{32} * settings.rate * settings.channels;
  } else {
    settings.bitrate =
        config.bitrate == 0 ? known.bitrate_per_channel * settings.channels : config.bitrate;
  }
  return settings;
}

Result<Owned<AVCodecContext>> open_codec(const Known& known, const Settings& settings) {
  const AVCodec* codec = avcodec_find_encoder_by_name(known.encoder);
  if (codec == nullptr) {
    return fail(Code::internal, std::string("FFmpeg here has no encoder ") + known.encoder);
  }
  Owned<AVCodecContext> context = make_context(*codec);
  context->sample_fmt = known.format;
  context->sample_rate = static_cast<int>(settings.rate);
  av_channel_layout_default(&context->ch_layout, static_cast<int>(settings.channels));
  context->bit_rate = static_cast<std::int64_t>(settings.bitrate);
  context->time_base = {1, context->sample_rate};
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (known.name == "opus") {
    const double milliseconds = 1'000.0 * settings.frame_samples / settings.rate;
    av_opt_set_double(context->priv_data, "frame_duration", milliseconds, 0);
  }
  const int opened = avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) return std::unexpected(error_of(Code::invalid_argument, opened, known.encoder));
  return context;
}

}  // namespace

AudioEncoder::AudioEncoder(const char* catalog_codec, const AudioEncoderConfig& config,
                           Owned<AVCodecContext> codec, Resampler resampler,
                           Owned<AVAudioFifo> fifo)
    : catalog_codec_(catalog_codec),
      input_format_(config.input_format),
      input_channels_(config.input_channels),
      codec_(std::move(codec)),
      resampler_(std::move(resampler)),
      fifo_(std::move(fifo)),
      packet_(av_packet_alloc()),
      frame_samples_(codec_->frame_size) {
  MOQ_ASSERT(packet_ != nullptr && fifo_ != nullptr);
}

Result<AudioEncoder> AudioEncoder::create(const AudioEncoderConfig& config) {
  MOQ_TRY(const Known* known, find(config.codec == nullptr ? "" : config.codec));
  MOQ_TRY(const Settings settings, choose(*known, config));
  MOQ_TRY(Owned<AVCodecContext> codec, open_codec(*known, settings));
  if (codec->frame_size == 0) codec->frame_size = settings.frame_samples;

  const PcmLayout in{to_av(config.input_format), static_cast<int>(config.input_rate),
                     static_cast<int>(config.input_channels)};
  const PcmLayout out{known->format, codec->sample_rate, codec->ch_layout.nb_channels};
  MOQ_TRY(Resampler resampler, Resampler::create(in, out));
  Owned<AVAudioFifo> fifo(av_audio_fifo_alloc(out.format, out.channels, codec->frame_size));
  return AudioEncoder(known->catalog, config, std::move(codec), std::move(resampler),
                      std::move(fifo));
}

AudioEncoderInfo AudioEncoder::info() const {
  return {.codec = catalog_codec_,
          .description = codec_->extradata,
          .description_size = static_cast<std::size_t>(codec_->extradata_size),
          .sample_rate = static_cast<std::uint32_t>(codec_->sample_rate),
          .channels = static_cast<std::uint32_t>(codec_->ch_layout.nb_channels),
          .bitrate = static_cast<std::uint64_t>(codec_->bit_rate)};
}

Result<void> AudioEncoder::encode(const PcmView& pcm, const Sink& sink) {
  const std::size_t unit = bytes_per_sample(input_format_, input_channels_);
  if (pcm.size % unit != 0) {
    return fail(
        Code::invalid_argument,
        std::to_string(pcm.size) + " bytes are no whole samples of " + std::to_string(unit));
  }
  if (pcm.size > kMaxPcmBytes) return fail(Code::invalid_argument, "more than 16 MiB at a time");
  if (pcm.timestamp_us > kMaxTimestamp) {
    return fail(Code::invalid_argument, "timestamp out of range");
  }
  if (pcm.size == 0) return {};
  MOQ_CHECK(follow(pcm.timestamp_us, sink));

  const bool planar = av_sample_fmt_is_planar(resampler_.in().format) != 0;
  const std::size_t planes = planar ? input_channels_ : 1;
  const std::size_t stride = planar ? unit / input_channels_ : unit;
  const std::size_t total = pcm.size / unit;
  for (std::size_t at = 0; at < total;) {
    const std::size_t count = std::min<std::size_t>(total - at, kChunkSamples);
    std::array<const std::uint8_t*, kMaxChannels> from{};
    for (std::size_t i = 0; i < planes; ++i) from[i] = pcm.data + (i * total + at) * stride;
    MOQ_TRY(const Owned<AVFrame> samples, resampler_.convert(from.data(), static_cast<int>(count)));
    MOQ_CHECK(add(*samples));
    MOQ_CHECK(drain_fifo(frame_samples_, sink));
    at += count;
  }
  return {};
}

/// Decides which time the samples of a call that begins now have.
Result<void> AudioEncoder::follow(std::uint64_t timestamp_us, const Sink& sink) {
  const bool first = anchors_.empty();
  if (!first && timestamp_us <= time_of(written_ + resampler_.delay()) + kGapUs) return {};
  if (!first) MOQ_CHECK(pad(sink));
  anchors_.push_back({written_, timestamp_us});
  return {};
}

std::uint64_t AudioEncoder::time_of(std::int64_t position) const {
  const Anchor* anchor = &anchors_.front();
  for (const Anchor& later : anchors_) {
    if (later.position <= position) anchor = &later;
  }
  const std::int64_t samples = std::max<std::int64_t>(position - anchor->position, 0);
  return anchor->timestamp_us +
         static_cast<std::uint64_t>(av_rescale(samples, kMicros, codec_->sample_rate));
}

/// Fills what has begun up with silence, to whole packets.
Result<void> AudioEncoder::pad(const Sink& sink) {
  MOQ_TRY(const Owned<AVFrame> rest, resampler_.flush());
  MOQ_CHECK(add(*rest));
  MOQ_CHECK(drain_fifo(frame_samples_, sink));
  const int missing = frame_samples_ - av_audio_fifo_size(fifo_.get());
  if (missing == frame_samples_) return {};
  Owned<AVFrame> silence(av_frame_alloc());
  MOQ_ASSERT(silence != nullptr);
  silence->format = codec_->sample_fmt;
  silence->nb_samples = missing;
  av_channel_layout_copy(&silence->ch_layout, &codec_->ch_layout);
  MOQ_CHECK(check(av_frame_get_buffer(silence.get(), 0), "a buffer for silence"));
  av_samples_set_silence(silence->extended_data, 0, missing, codec_->ch_layout.nb_channels,
                         codec_->sample_fmt);
  MOQ_CHECK(add(*silence));
  return drain_fifo(frame_samples_, sink);
}

Result<void> AudioEncoder::add(const AVFrame& samples) {
  if (samples.nb_samples == 0) return {};
  auto** data = reinterpret_cast<void**>(samples.extended_data);
  MOQ_CHECK(check(av_audio_fifo_write(fifo_.get(), data, samples.nb_samples), "a buffer"));
  written_ += samples.nb_samples;
  return {};
}

/// Encodes whole packets for as long as there are `least` samples.
Result<void> AudioEncoder::drain_fifo(int least, const Sink& sink) {
  while (av_audio_fifo_size(fifo_.get()) >= least) {
    Owned<AVFrame> frame(av_frame_alloc());
    MOQ_ASSERT(frame != nullptr);
    frame->format = codec_->sample_fmt;
    frame->sample_rate = codec_->sample_rate;
    frame->nb_samples = std::min(av_audio_fifo_size(fifo_.get()), frame_samples_);
    av_channel_layout_copy(&frame->ch_layout, &codec_->ch_layout);
    MOQ_CHECK(check(av_frame_get_buffer(frame.get(), 0), "a buffer for samples"));
    auto** data = reinterpret_cast<void**>(frame->extended_data);
    MOQ_CHECK(check(av_audio_fifo_read(fifo_.get(), data, frame->nb_samples), "a buffer"));
    frame->pts = sent_;
    sent_ += frame->nb_samples;
    MOQ_CHECK(send(frame.get(), sink));
  }
  return {};
}

Result<void> AudioEncoder::send(const AVFrame* samples, const Sink& sink) {
  MOQ_CHECK(check(avcodec_send_frame(codec_.get(), samples), codec_->codec->name));
  return receive(sink);
}

Result<void> AudioEncoder::receive(const Sink& sink) {
  for (;;) {
    const int received = avcodec_receive_packet(codec_.get(), packet_.get());
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return {};
    MOQ_CHECK(check(received, codec_->codec->name));
    // The codec counts from before its lookahead; a packet has the time of the first sample that
    // went into it.
    const std::int64_t position = packet_->pts + codec_->initial_padding;
    while (anchors_.size() > 1 && anchors_[1].position <= position) anchors_.pop_front();
    sink({.timestamp_us = time_of(position),
          .keyframe = true,
          .data = packet_->data,
          .size = static_cast<std::size_t>(packet_->size)});
    av_packet_unref(packet_.get());
  }
}

Result<void> AudioEncoder::flush(const Sink& sink) {
  if (anchors_.empty()) return {};
  MOQ_TRY(const Owned<AVFrame> rest, resampler_.flush());
  MOQ_CHECK(add(*rest));
  MOQ_CHECK(drain_fifo(frame_samples_, sink));
  // The codec pads the last one by itself.
  MOQ_CHECK(drain_fifo(1, sink));
  return send(nullptr, sink);
}

}  // namespace moq::av::ffmpeg

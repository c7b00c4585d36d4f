#include "moq/av/ffmpeg/internal/resampler.h"

#include <vector>

namespace moq::av::ffmpeg {
namespace {

AVChannelLayout default_layout(int channels) {
  AVChannelLayout layout{};
  av_channel_layout_default(&layout, channels);
  return layout;
}

/// Swresample's own matrix would make each of them quieter.
Result<void> spread_mono(SwrContext& context, int channels) {
  const std::vector<double> matrix(static_cast<std::size_t>(channels), 1.0);
  return check(swr_set_matrix(&context, matrix.data(), 1), "swresample: mixing");
}

}  // namespace

AVSampleFormat to_av(SampleFormat format) {
  switch (format) {
    case SampleFormat::u8:
      return AV_SAMPLE_FMT_U8;
    case SampleFormat::s16:
      return AV_SAMPLE_FMT_S16;
    case SampleFormat::s32:
      return AV_SAMPLE_FMT_S32;
    case SampleFormat::f32:
      return AV_SAMPLE_FMT_FLT;
    case SampleFormat::u8_planar:
      return AV_SAMPLE_FMT_U8P;
    case SampleFormat::s16_planar:
      return AV_SAMPLE_FMT_S16P;
    case SampleFormat::s32_planar:
      return AV_SAMPLE_FMT_S32P;
    case SampleFormat::f32_planar:
      return AV_SAMPLE_FMT_FLTP;
  }
  return AV_SAMPLE_FMT_NONE;
}

std::size_t bytes_per_sample(SampleFormat format, std::uint32_t channels) {
  return static_cast<std::size_t>(av_get_bytes_per_sample(to_av(format))) * channels;
}

Result<Resampler> Resampler::create(const PcmLayout& in, const PcmLayout& out) {
  AVChannelLayout from = default_layout(in.channels);
  AVChannelLayout to = default_layout(out.channels);
  SwrContext* made = nullptr;
  MOQ_CHECK(check(swr_alloc_set_opts2(&made, &to, out.format, out.rate, &from, in.format, in.rate,
                                      kQuiet, nullptr),
                  "swresample"));
  Owned<SwrContext> context(made);
  // What is mixed is made quieter rather than cut off at full level.
  MOQ_CHECK(check(av_opt_set_double(made, "rematrix_maxval", 1.0, 0), "swresample"));
  if (in.channels == 1 && out.channels > 1) MOQ_CHECK(spread_mono(*context, out.channels));
  MOQ_CHECK(check(swr_init(context.get()), "swresample"));
  return Resampler(std::move(context), in, out);
}

Result<Owned<AVFrame>> Resampler::convert(const std::uint8_t* const* planes, int samples) {
  return run(planes, samples);
}

Result<Owned<AVFrame>> Resampler::flush() {
  MOQ_TRY(Owned<AVFrame> rest, run(nullptr, 0));
  // A context that has been emptied takes nothing more.
  MOQ_TRY(*this, create(in_, out_));
  return rest;
}

std::int64_t Resampler::delay() const { return swr_get_delay(context_.get(), out_.rate); }

Result<Owned<AVFrame>> Resampler::run(const std::uint8_t* const* planes, int samples) {
  Owned<AVFrame> frame(av_frame_alloc());
  MOQ_ASSERT(frame != nullptr);
  frame->format = out_.format;
  frame->sample_rate = out_.rate;
  frame->ch_layout = default_layout(out_.channels);
  frame->nb_samples = swr_get_out_samples(context_.get(), samples);
  MOQ_CHECK(check(frame->nb_samples, "swresample"));
  if (frame->nb_samples == 0) return frame;
  MOQ_CHECK(check(av_frame_get_buffer(frame.get(), 0), "a buffer for samples"));
  // Before version 7 of FFmpeg the planes are not const, though nothing writes to them.
  auto** in = const_cast<const std::uint8_t**>(planes);
  const int made =
      swr_convert(context_.get(), frame->extended_data, frame->nb_samples, in, samples);
  MOQ_CHECK(check(made, "swresample"));
  frame->nb_samples = made;
  return frame;
}

}  // namespace moq::av::ffmpeg

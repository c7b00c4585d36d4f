#pragma once

#include <cstdint>
#include <optional>

#include "moq/av/codec_table.h"
#include "moq/av/ffmpeg/internal/handles.h"
#include "moq/base/result.h"

namespace moq::av::ffmpeg {

AVSampleFormat to_av(SampleFormat format);
inline bool is_known(SampleFormat format) { return format <= SampleFormat::f32_planar; }
/// Bytes of one sample of all channels.
std::size_t bytes_per_sample(SampleFormat format, std::uint32_t channels);

/// How PCM is laid out. Channels are in the usual order of their count.
struct PcmLayout {
  AVSampleFormat format = AV_SAMPLE_FMT_NONE;
  int rate = 0;
  int channels = 0;
  bool operator==(const PcmLayout&) const = default;
};

/// Turns PCM of one layout into that of another. A single channel becomes each of the others at
/// its full level.
class Resampler {
 public:
  static Result<Resampler> create(const PcmLayout& in, const PcmLayout& out);

  /// Takes `samples` per channel from `planes` (one, unless the format is planar), and returns what
  /// comes out by now, which may be nothing.
  Result<Owned<AVFrame>> convert(const std::uint8_t* const* planes, int samples);
  /// What is held back still. `convert` may follow, with what has nothing to do with it.
  Result<Owned<AVFrame>> flush();
  /// Samples, at the rate of the output, that are held back.
  [[nodiscard]] std::int64_t delay() const;
  [[nodiscard]] const PcmLayout& in() const { return in_; }
  [[nodiscard]] const PcmLayout& out() const { return out_; }

 private:
  Resampler(Owned<SwrContext> context, const PcmLayout& in, const PcmLayout& out)
      : context_(std::move(context)), in_(in), out_(out) {}
  Result<Owned<AVFrame>> run(const std::uint8_t* const* planes, int samples);

  Owned<SwrContext> context_;
  PcmLayout in_;
  PcmLayout out_;
};

}  // namespace moq::av::ffmpeg

#include "moq/mux/internal/shaper.h"

#include <algorithm>
#include <cmath>

#include "moq/hang/container.h"
#include "moq/mux/aac.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/h264/sps.h"
#include "moq/mux/opus.h"

namespace moq::mux {
namespace {

using mp4::Sample;
using mp4::Track;

constexpr std::uint64_t kMicroseconds = 1'000'000;
/// A longer step is a gap, not a frame.
constexpr std::uint64_t kMaxFrameUs = 1'000'000;

/// The sample entry of a rendition that comes without one.
Result<mp4::SampleEntry> entry_of(const Rendition& rendition, Bytes description) {
  mp4::SampleEntry entry{.codec = rendition.codec,
                         .description = std::move(description),
                         .width = rendition.width,
                         .height = rendition.height,
                         .sample_rate = rendition.sample_rate,
                         .channels = rendition.channels,
                         .bitrate = rendition.bitrate};
  if (entry.description.empty() && rendition.codec.starts_with("mp4a.40")) {
    const aac::Config config{.sample_rate = rendition.sample_rate, .channels = rendition.channels};
    entry.description = config.encode();
  }
  return mp4::build_sample_entry(std::move(entry));
}

/// cmaf: all is there.
class Passthrough : public Shaper {
 public:
  explicit Passthrough(const Track& track) {
    track_ = track;
    track_->edit_shift = 0;  // The samples are shifted already.
  }
  Result<std::optional<Sample>> shape(Sample sample) override { return sample; }
  [[nodiscard]] std::uint64_t timescale() const override { return track_->timescale; }
};

/// Video with presentation times alone. Without a description it is avc3, whose configuration comes
/// with the key frames.
class TimedVideo : public Shaper {
 public:
  explicit TimedVideo(const Rendition& rendition)
      : rendition_(rendition), times_(rendition.framerate) {}

  Result<void> describe(Bytes description) {
    Track track{.kind = Track::Kind::video, .timescale = kMicroseconds};
    MOQ_TRY(track.entry, entry_of(rendition_, std::move(description)));
    track_ = std::move(track);
    return {};
  }

  Result<std::optional<Sample>> shape(Sample sample) override {
    if (rendition_.description.empty()) {
      if (sample.keyframe) MOQ_CHECK(find_description(sample.payload));
      if (!track_) return std::nullopt;
      sample.payload = h264::to_length_prefixed(sample.payload.span(), sets_);
    }
    const std::uint64_t pts = sample.dts;
    sample.dts = times_.next(pts);
    const auto offset = static_cast<std::int64_t>(pts) - static_cast<std::int64_t>(sample.dts);
    sample.composition_offset =
        static_cast<std::int32_t>(std::clamp<std::int64_t>(offset, INT32_MIN, INT32_MAX));
    sample.duration = static_cast<std::uint32_t>(times_.frame_us());
    return sample;
  }
  [[nodiscard]] std::uint64_t timescale() const override { return kMicroseconds; }

 private:
  Result<void> find_description(const Bytes& payload) {
    const std::optional<h264::AvcConfig> config = h264::find_config(payload);
    if (!config || config_ == config) return {};
    MOQ_TRY(const h264::Sps sps, h264::Sps::decode(config->sps.front().span()));
    MOQ_TRY(Bytes avcc, config->encode());
    rendition_.width = sps.width;
    rendition_.height = sps.height;
    if (config_) {
      // The catalog spoke of the first configuration, and so does the header that players know
      // which read none within a stream.
      times_.set_framerate(sps.framerate);
      sets_ = h264::ParameterSets::keep;
    }
    config_ = config;
    return describe(std::move(avcc));
  }

  Rendition rendition_;
  DecodeTimes times_;
  std::optional<h264::AvcConfig> config_;
  h264::ParameterSets sets_ = h264::ParameterSets::drop;
};

/// Audio with times in microseconds: told again in samples, so that frames follow one another.
class TimedAudio : public Shaper {
 public:
  static Result<std::unique_ptr<Shaper>> create(const Rendition& rendition) {
    if (rendition.sample_rate == 0) return fail(Code::unsupported, "audio without a sample rate");
    auto out = std::make_unique<TimedAudio>();
    out->is_opus_ = rendition.codec.starts_with("opus");
    Track track{.kind = Track::Kind::audio,
                .timescale = out->is_opus_ ? opus::kSampleRate : rendition.sample_rate};
    MOQ_TRY(track.entry, entry_of(rendition, rendition.description));
    out->track_ = std::move(track);
    return out;
  }

  Result<std::optional<Sample>> shape(Sample sample) override {
    const std::uint64_t rate = track_->timescale;
    // Half a unit more, so that it is rounded.
    const std::uint64_t half = kMicroseconds / rate / 2;
    const auto units = hang::rescale(sample.dts + half, kMicroseconds, rate);
    if (!units) return fail(Code::decode, "a time out of range");
    sample.dts = *units;
    sample.duration = aac::kFrameSamples;
    if (is_opus_) {
      const std::optional<Duration> length = opus::packet_duration(sample.payload.span());
      const auto ns = static_cast<std::uint64_t>(length.value_or(20ms).count());
      sample.duration = static_cast<std::uint32_t>(ns * rate / 1'000'000'000);
    }
    return sample;
  }
  [[nodiscard]] std::uint64_t timescale() const override { return track_->timescale; }

 private:
  bool is_opus_ = false;
};

/// H.264 out of any container, to Annex-B.
class AnnexB : public Shaper {
 public:
  AnnexB(std::optional<h264::AvcConfig> config, std::uint64_t timescale)
      : config_(std::move(config)), timescale_(timescale) {}

  Result<std::optional<Sample>> shape(Sample sample) override {
    if (config_) {
      MOQ_TRY(sample.payload, h264::to_annex_b(*config_, sample.payload.span(), sample.keyframe));
    }
    return sample;
  }
  [[nodiscard]] std::uint64_t timescale() const override { return timescale_; }

 private:
  std::optional<h264::AvcConfig> config_;  ///< None: the payload is Annex-B already.
  std::uint64_t timescale_;
};

}  // namespace

void DecodeTimes::set_framerate(std::optional<double> framerate) {
  is_given_ = framerate && *framerate >= 1 && *framerate <= 1000;
  frame_us_.reset();
  if (is_given_) frame_us_ = static_cast<std::uint64_t>(std::llround(1e6 / *framerate));
}

std::uint64_t DecodeTimes::next(std::uint64_t pts_us) {
  // The shortest distance between neighbours, in whatever order, is a frame.
  if (!is_given_ && last_pts_) {
    const std::uint64_t step = std::max(pts_us, *last_pts_) - std::min(pts_us, *last_pts_);
    if (step > 0 && step < kMaxFrameUs) frame_us_ = std::min(frame_us_.value_or(step), step);
  }
  last_pts_ = pts_us;
  std::uint64_t dts = pts_us;
  if (last_) {
    const std::uint64_t step = frame_us_.value_or(pts_us);
    // After a gap in the times there is nothing to keep pace with.
    const bool is_gap = pts_us > *last_ + kMaxFrameUs;
    if (!is_gap) dts = std::max(*last_ + 1, std::min(pts_us, *last_ + step));
  }
  last_ = dts;
  return dts;
}

Result<std::unique_ptr<Shaper>> make_mp4_shaper(const Rendition& rendition,
                                                const FrameDecoder& decoder) {
  if (decoder.track()) return std::make_unique<Passthrough>(*decoder.track());
  if (rendition.kind == Track::Kind::audio) return TimedAudio::create(rendition);
  auto video = std::make_unique<TimedVideo>(rendition);
  if (!rendition.description.empty()) MOQ_CHECK(video->describe(rendition.description));
  return video;
}

Result<std::unique_ptr<Shaper>> make_annex_b_shaper(const Rendition& rendition,
                                                    const FrameDecoder& decoder) {
  const std::optional<Track>& track = decoder.track();
  const Bytes& description = track ? track->entry.description : rendition.description;
  std::optional<h264::AvcConfig> config;
  if (!description.empty()) {
    MOQ_TRY(config, h264::AvcConfig::decode(description));
  } else if (track) {
    return fail(Code::decode, "cmaf: H.264 without its configuration");
  }
  return std::make_unique<AnnexB>(std::move(config), decoder.timescale());
}

}  // namespace moq::mux

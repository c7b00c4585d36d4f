#include "moq/mux/internal/codec_track.h"

#include <algorithm>
#include <cmath>

#include "moq/base/log.h"
#include "moq/base/wire.h"
#include "moq/hang/container.h"
#include "moq/mux/internal/group_schedule.h"
#include "moq/net/limits.h"

namespace moq::mux {
namespace {

constexpr std::uint64_t kMicroseconds = 1'000'000;
/// What the container adds to a frame: its time.
constexpr std::size_t kLegacyBytes = 8;

std::optional<std::uint32_t> known(std::uint32_t value) {
  return value != 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

CodecTrack::CodecTrack(TrackWriter writer, hang::SharedCatalog catalog, Options options)
    : writer_(std::move(writer)), catalog_(std::move(catalog)), options_(std::move(options)) {}

Result<void> CodecTrack::describe(const Description& description) {
  if (description_ == description) return {};
  const std::optional<Description> before = std::exchange(description_, description);
  Result<void> listed = list();
  if (!listed) description_ = before;
  return listed;
}

hang::VideoRendition CodecTrack::video_rendition() const {
  const MediaTrack::Hint& hint = options_.hint;
  hang::VideoRendition out;
  out.label = options_.label;
  out.codec = description_->codec;
  out.description = description_->configuration;
  out.coded_width = hint.coded_width ? hint.coded_width : known(description_->width);
  out.coded_height = hint.coded_height ? hint.coded_height : known(description_->height);
  out.bitrate = hint.bitrate;
  out.framerate = hint.framerate ? hint.framerate : description_->framerate;
  out.optimize_for_latency = hint.optimize_for_latency;
  // A frame is held until it is whole: as long as it lasts.
  const bool usable = out.framerate && *out.framerate >= 1;
  const auto frame_ms =
      usable ? static_cast<std::uint64_t>(std::ceil(1000 / *out.framerate)) : std::uint64_t{0};
  if (const std::uint64_t jitter = std::max(frame_ms, jitter_ms_); jitter != 0) {
    out.jitter_ms = jitter;
  }
  return out;
}

hang::AudioRendition CodecTrack::audio_rendition() const {
  hang::AudioRendition out;
  out.label = options_.label;
  out.codec = description_->codec;
  out.sample_rate = description_->sample_rate;
  out.channels = description_->channels;
  out.description = description_->configuration;
  if (jitter_ms_ != 0) out.jitter_ms = jitter_ms_;
  return out;
}

Result<void> CodecTrack::list() {
  return catalog_.edit([this](hang::Catalog& catalog) -> Result<void> {
    if (options_.is_audio) {
      catalog.audio.renditions[writer_.name()] = audio_rendition();
    } else {
      catalog.video.renditions[writer_.name()] = video_rendition();
    }
    return {};
  });
}

bool CodecTrack::takes(const EncodedFrame& frame) const {
  if (!writer_.has_group()) return false;
  if (!options_.is_audio) return !frame.keyframe;
  return options_.audio_groups == MediaTrack::AudioGroups::until_cut &&
         writer_.frames() < net::kMaxGroupFrames &&
         writer_.bytes() + frame.payload.size() + kLegacyBytes <= net::kMaxGroupBytes;
}

Result<void> CodecTrack::begin_group() {
  MOQ_CHECK(writer_.begin_group(next_sequence_));
  next_sequence_.reset();
  lost_group_ = false;
  return {};
}

Result<void> CodecTrack::write(EncodedFrame frame, std::uint64_t timestamp_us) {
  const auto timestamp = hang::rescale(timestamp_us, kMicroseconds, writer_.timescale());
  if (timestamp_us > kMaxVarint || !timestamp || *timestamp > kMaxVarint) {
    return fail(Code::invalid_argument, "a time of 2^62 or more");
  }
  if (!takes(frame)) {
    if (!frame.keyframe && lost_group_) return {};
    if (!frame.keyframe) return fail(Code::malformed_track, "no key frame came before");
    if (!description_) return fail(Code::decode, "a key frame without its parameters");
    MOQ_CHECK(begin_group());
  }
  const hang::Frame out{.timestamp_us = timestamp_us,
                        .keyframe = frame.keyframe,
                        .payload = std::move(frame.payload)};
  MOQ_CHECK(writer_.write(*timestamp, hang::encode_legacy(out)));
  lost_group_ = !writer_.has_group();
  const bool is_whole =
      options_.is_audio && options_.audio_groups == MediaTrack::AudioGroups::each_frame;
  if (is_whole) writer_.finish_group();
  return {};
}

void CodecTrack::cut() {
  writer_.finish_group();
  lost_group_ = false;
}

Result<void> CodecTrack::seek(std::uint64_t sequence) {
  MOQ_CHECK(check_sequence(sequence, writer_.last_sequence()));
  cut();
  next_sequence_ = sequence;
  return {};
}

Result<void> CodecTrack::discontinuity() {
  cut();
  MOQ_CHECK(begin_group());
  writer_.finish_group();
  return {};
}

Result<void> CodecTrack::note_jitter(std::uint64_t jitter_ms) {
  jitter_ms_ = jitter_ms;
  return description_ ? list() : Result<void>();
}

void CodecTrack::retire() {
  if (!description_) return;
  const Result<void> retired = catalog_.edit([this](hang::Catalog& catalog) -> Result<void> {
    if (options_.is_audio) {
      catalog.audio.renditions.erase(writer_.name());
    } else {
      catalog.video.renditions.erase(writer_.name());
    }
    return {};
  });
  if (!retired) {
    MOQ_LOG(warn, "mux", "'{}' stays listed: {}", writer_.name(), retired.error().describe());
  }
  description_.reset();
}

void CodecTrack::finish() && { std::move(writer_).finish(); }

void CodecTrack::abort(const Error& error) && { std::move(writer_).abort(error); }

}  // namespace moq::mux

#include "moq/mux/media_track.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "moq/base/log.h"
#include "moq/base/wire.h"
#include "moq/mux/internal/codec_track.h"
#include "moq/mux/internal/import_stream.h"

namespace moq::mux {
namespace {

using Format = MediaTrack::Format;

struct FormatName {
  std::string_view name;
  Format format;
};
/// The first name of each format is its usual one.
constexpr std::array<FormatName, 19> kFormatNames = {{{"avc1", Format::avc1},
                                                      {"avcc", Format::avc1},
                                                      {"avc3", Format::avc3},
                                                      {"h264", Format::avc3},
                                                      {"hvc1", Format::hvc1},
                                                      {"hvcc", Format::hvc1},
                                                      {"hev1", Format::hev1},
                                                      {"av01", Format::av01},
                                                      {"av1", Format::av01},
                                                      {"av1c", Format::av01},
                                                      {"av1C", Format::av01},
                                                      {"vp8", Format::vp8},
                                                      {"vp08", Format::vp8},
                                                      {"vp9", Format::vp9},
                                                      {"vp09", Format::vp9},
                                                      {"aac", Format::aac},
                                                      {"opus", Format::opus},
                                                      {"flac", Format::flac},
                                                      {"mp3", Format::mp3}}};

/// Measures by how much the time between a frame's presentation and its handing over varies.
class Jitter {
 public:
  explicit Jitter(kio::Clock& clock) : clock_(&clock), start_(clock.now()) {}

  /// The jitter to tell readers, if it has grown: rounded up, so that it does seldom.
  std::optional<std::uint64_t> note(std::uint64_t timestamp_us) {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(clock_->now() - start_);
    const std::int64_t behind = now.count() - static_cast<std::int64_t>(timestamp_us);
    least_ = std::min(least_.value_or(behind), behind);
    const std::int64_t late_ms = (behind - *least_ + 999) / 1000;
    if (late_ms > kMaxMs) {
      least_ = behind;  // The times started over, or nobody marked a break.
      return std::nullopt;
    }
    const std::int64_t rounded = (late_ms + kStepMs - 1) / kStepMs * kStepMs;
    if (rounded <= told_ms_) return std::nullopt;
    told_ms_ = rounded;
    return static_cast<std::uint64_t>(rounded);
  }
  void start_over() { least_.reset(); }

 private:
  static constexpr std::int64_t kStepMs = 10;
  static constexpr std::int64_t kMaxMs = 10'000;
  kio::Clock* clock_;
  TimePoint start_;
  std::optional<std::int64_t> least_;
  std::int64_t told_ms_ = 0;
};

}  // namespace

std::optional<Format> MediaTrack::parse_format(std::string_view name) {
  const auto* const found = std::ranges::find(kFormatNames, name, &FormatName::name);
  return found != kFormatNames.end() ? std::optional(found->format) : std::nullopt;
}

bool MediaTrack::is_audio(Format format) { return format >= Format::aac; }

std::string_view MediaTrack::to_string(Format format) {
  return std::ranges::find(kFormatNames, format, &FormatName::format)->name;
}

struct MediaTrack::State {
  std::unique_ptr<FrameReader> reader;
  CodecTrack track;
  Jitter jitter;

  ~State() { track.retire(); }
};

MediaTrack::MediaTrack(std::unique_ptr<State> state) : state_(std::move(state)) {}
MediaTrack::MediaTrack(MediaTrack&&) noexcept = default;
MediaTrack& MediaTrack::operator=(MediaTrack&&) noexcept = default;
MediaTrack::~MediaTrack() = default;

net::track::Info MediaTrack::info(Format format, Duration max_age) {
  return {.priority = is_audio(format) ? hang::kAudioPriority : hang::kVideoPriority,
          .max_age = max_age,
          .timescale = 1'000'000};
}

Result<MediaTrack> MediaTrack::create(net::broadcast::Producer& broadcast,
                                      hang::SharedCatalog catalog, kio::Clock& clock,
                                      Options options) {
  // First whether there can be a track, so that nobody sees one that ends at once.
  MOQ_CHECK(make_frame_reader(options.format, options.init));
  const std::string_view name =
      options.suffix.empty() ? to_string(options.format) : std::string_view(options.suffix);
  MOQ_TRY(net::track::Producer track,
          create_numbered_track(broadcast, catalog, "." + std::string(name),
                                info(options.format, options.max_age)));
  return create(std::move(track), std::move(catalog), clock, std::move(options));
}

Result<MediaTrack> MediaTrack::create(net::track::Producer track, hang::SharedCatalog catalog,
                                      kio::Clock& clock, Options options) {
  MOQ_TRY(std::unique_ptr<FrameReader> reader, make_frame_reader(options.format, options.init));
  CodecTrack::Options out{.is_audio = is_audio(options.format),
                          .label = std::move(options.label),
                          .hint = options.hint,
                          .audio_groups = options.audio_groups};
  auto state =
      std::unique_ptr<State>(new State{.reader = std::move(reader),
                                       .track = CodecTrack(TrackWriter(std::move(track), nullptr),
                                                           std::move(catalog), std::move(out)),
                                       .jitter = Jitter(clock)});
  if (const auto& known = state->reader->description()) MOQ_CHECK(state->track.describe(*known));
  return MediaTrack(std::move(state));
}

Result<void> MediaTrack::write(const Bytes& payload, std::uint64_t timestamp_us) {
  if (payload.empty()) return fail(Code::decode, "an empty frame");
  MOQ_TRY(std::optional<EncodedFrame> frame, state_->reader->read(payload));
  if (const auto& known = state_->reader->description()) MOQ_CHECK(state_->track.describe(*known));
  if (!frame) return {};
  return state_->track.write(*std::move(frame), timestamp_us);
}

void MediaTrack::cut() { state_->track.cut(); }

Result<void> MediaTrack::seek(std::uint64_t sequence) { return state_->track.seek(sequence); }

void MediaTrack::flush(std::uint64_t timestamp_us) {
  if (timestamp_us > kMaxVarint) return;
  const std::optional<std::uint64_t> jitter_ms = state_->jitter.note(timestamp_us);
  if (!jitter_ms) return;
  const Result<void> noted = state_->track.note_jitter(*jitter_ms);
  if (!noted) MOQ_LOG(warn, "mux", "'{}': {}", track().name(), noted.error().describe());
}

Result<void> MediaTrack::discontinuity() {
  state_->jitter.start_over();
  return state_->track.discontinuity();
}

Result<void> MediaTrack::finish() && {
  const std::unique_ptr<State> state = std::move(state_);
  state->track.retire();
  std::move(state->track).finish();
  return {};
}

void MediaTrack::abort(const Error& error) && {
  const std::unique_ptr<State> state = std::move(state_);
  state->track.retire();
  std::move(state->track).abort(error);
}

const net::track::Producer& MediaTrack::track() const { return state_->track.writer().track(); }

}  // namespace moq::mux

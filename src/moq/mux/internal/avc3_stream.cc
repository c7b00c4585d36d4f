#include <algorithm>
#include <cmath>

#include "moq/mux/h264/access_unit.h"
#include "moq/mux/internal/codec_track.h"
#include "moq/mux/internal/group_schedule.h"
#include "moq/mux/internal/import_stream.h"

namespace moq::mux {
namespace {

/// Times for a stream that has none: the cadence that its SPS says, as long as that agrees with
/// when the frames come; else just that.
class Cadence {
 public:
  explicit Cadence(kio::Clock& clock) : clock_(&clock), start_(clock.now()) {}

  /// The presentation time of the next frame, in microseconds; always later than the one before.
  std::uint64_t next(std::optional<double> framerate) {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(clock_->now() - start_);
    const auto arrival = static_cast<double>(now.count());
    const bool usable = framerate && *framerate >= 1 && *framerate <= 1000;
    double time = usable ? last_ + 1e6 / *framerate : arrival;
    if (!begun_) time = arrival;
    // The source paused: its cadence began anew when it went on.
    if (arrival - time > kMaxLagUs) time = arrival;
    if (begun_) time = std::max(time, last_ + 1);
    begun_ = true;
    last_ = time;
    return static_cast<std::uint64_t>(std::llround(time));
  }

 private:
  static constexpr double kMaxLagUs = 1e6;
  kio::Clock* clock_;
  TimePoint start_;
  double last_ = 0;
  bool begun_ = false;
};

class Avc3Stream : public Importer::Stream {
 public:
  explicit Avc3Stream(ImportContext& context) : context_(&context), cadence_(*context.clock) {}

  Result<void> push(const Bytes& data) override {
    MOQ_TRY(const std::vector<h264::AccessUnit> units, reader_.push(data.span()));
    return publish(units);
  }

  /// Groups begin at key frames anyway.
  void cut() override {}

  Result<void> seek(std::uint64_t sequence) override {
    MOQ_CHECK(check_sequence(sequence, sequence_));
    if (track_) MOQ_CHECK(check_sequence(sequence, track_->writer().last_sequence()));
    sequence_ = next_sequence_ = sequence;
    return {};
  }

  Result<void> finish() override {
    MOQ_TRY(const std::vector<h264::AccessUnit> units, reader_.finish());
    MOQ_CHECK(publish(units));
    if (!track_) return fail(Code::decode, "h264: the stream ended before its first key frame");
    std::move(*track_).finish();
    return {};
  }

  void abort(const Error& error) override {
    if (track_) std::move(*track_).abort(error);
  }

 private:
  Result<void> publish(const std::vector<h264::AccessUnit>& units) {
    for (const h264::AccessUnit& unit : units) MOQ_CHECK(publish(unit));
    return {};
  }

  Result<void> publish(const h264::AccessUnit& unit) {
    // Nothing decodes before the first key frame and its SPS.
    if (unit.sps) MOQ_CHECK(describe(*unit.sps));
    if (!track_ || (!unit.keyframe && !track_->writer().has_group())) return {};
    const std::uint64_t timestamp_us = cadence_.next(framerate_);
    context_->count(true, unit.payload.size(), timestamp_us);
    if (unit.keyframe && next_sequence_) {
      MOQ_CHECK(track_->seek(*std::exchange(next_sequence_, std::nullopt)));
    }
    return track_->write({.keyframe = unit.keyframe, .payload = unit.payload}, timestamp_us);
  }

  Result<void> describe(const h264::Sps& sps) {
    framerate_ = sps.framerate;
    const Description description{.codec = sps.codec("avc3"),
                                  .width = sps.width,
                                  .height = sps.height,
                                  .framerate = sps.framerate};
    if (!track_) {
      MOQ_TRY(TrackWriter writer, context_->create_track(".avc3", true, 1'000'000));
      context_->events.push(TrackBegan{writer.name(), description.codec, "legacy"});
      track_.emplace(std::move(writer), context_->catalog.clone(), CodecTrack::Options{});
    }
    return track_->describe(description);
  }

  ImportContext* context_;
  Cadence cadence_;
  h264::AccessUnitReader reader_;
  std::optional<CodecTrack> track_;  ///< From the first key frame on.
  std::optional<double> framerate_;
  std::optional<std::uint64_t> sequence_;       ///< That was sought last,
  std::optional<std::uint64_t> next_sequence_;  ///< and is for the next group.
};

}  // namespace

std::unique_ptr<Importer::Stream> make_avc3_stream(ImportContext& context) {
  return std::make_unique<Avc3Stream>(context);
}

}  // namespace moq::mux

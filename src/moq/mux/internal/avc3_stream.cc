#include <algorithm>
#include <cmath>

#include "moq/hang/container.h"
#include "moq/mux/h264/access_unit.h"
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
    if (writer_) MOQ_CHECK(check_sequence(sequence, writer_->last_sequence()));
    sequence_ = next_sequence_ = sequence;
    return {};
  }

  Result<void> finish() override {
    MOQ_TRY(const std::vector<h264::AccessUnit> units, reader_.finish());
    MOQ_CHECK(publish(units));
    if (!writer_) return fail(Code::decode, "h264: the stream ended before its first key frame");
    std::move(*writer_).finish();
    return {};
  }

  void abort(const Error& error) override {
    if (writer_) std::move(*writer_).abort(error);
  }

 private:
  Result<void> publish(const std::vector<h264::AccessUnit>& units) {
    for (const h264::AccessUnit& unit : units) MOQ_CHECK(publish(unit));
    return {};
  }

  Result<void> publish(const h264::AccessUnit& unit) {
    // Nothing decodes before the first key frame and its SPS.
    if (unit.sps) MOQ_CHECK(begin_group(*unit.sps));
    if (!writer_ || !writer_->has_group()) return {};
    const hang::Frame frame{.timestamp_us = cadence_.next(sps_->framerate),
                            .keyframe = unit.keyframe,
                            .payload = unit.payload};
    context_->count(true, frame.payload.size(), frame.timestamp_us);
    return writer_->write(frame.timestamp_us, hang::encode_legacy(frame));
  }

  Result<void> begin_group(const h264::Sps& sps) {
    if (!writer_) {
      MOQ_TRY(writer_, context_->create_track(".avc3", true, 1'000'000));
      context_->events.push(TrackBegan{writer_->name(), sps.codec("avc3"), "legacy"});
    }
    if (sps_ != sps) MOQ_CHECK(publish_catalog(sps));
    return writer_->begin_group(std::exchange(next_sequence_, std::nullopt));
  }

  Result<void> publish_catalog(const h264::Sps& sps) {
    sps_ = sps;
    return context_->catalog.edit([&](hang::Catalog& catalog) -> Result<void> {
      hang::VideoRendition& out = catalog.video.renditions[writer_->name()];
      out.codec = sps.codec("avc3");
      out.coded_width = sps.width;
      out.coded_height = sps.height;
      out.framerate = sps.framerate;
      if (sps.framerate && *sps.framerate >= 1) {
        out.jitter_ms = static_cast<std::uint64_t>(std::ceil(1000 / *sps.framerate));
      }
      return {};
    });
  }

  ImportContext* context_;
  Cadence cadence_;
  h264::AccessUnitReader reader_;
  std::optional<TrackWriter> writer_;
  std::optional<h264::Sps> sps_;                ///< As the catalog says it.
  std::optional<std::uint64_t> sequence_;       ///< That was sought last,
  std::optional<std::uint64_t> next_sequence_;  ///< and is for the next group.
};

}  // namespace

std::unique_ptr<Importer::Stream> make_avc3_stream(ImportContext& context) {
  return std::make_unique<Avc3Stream>(context);
}

}  // namespace moq::mux

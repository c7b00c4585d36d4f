#include <vector>

#include "moq/base/log.h"
#include "moq/bench/stage.h"

namespace moq::bench {
namespace {

constexpr std::uint64_t kTimescale = 1'000'000;

/// One broadcast with one track, and the group that is being written.
class Source {
 public:
  static Result<Source> create(net::origin::Producer& origin, const net::Path& path) {
    net::broadcast::Producer broadcast;
    MOQ_TRY(auto track, broadcast.create_track("data", {.timescale = kTimescale}));
    MOQ_TRY(auto announcement, origin.announce(path, broadcast.consume()));
    return Source(std::move(broadcast), std::move(track), std::move(announcement));
  }

  /// The next frame; of the next group, of `frames()` frames, if that is due.
  template <typename Frames>
  Result<void> write(std::size_t size_bytes, Frames frames) {
    if (!group_) {
      MOQ_TRY(group_, track_.append_group());
      index_ = 0;
      group_frames_ = frames();
    }
    const Stamp stamp{.sent = read_clock(), .group = group_->sequence(), .index = index_++};
    const auto time_us = static_cast<std::uint64_t>(stamp.sent.time_since_epoch() / 1us);
    MOQ_CHECK(group_->write_frame(time_us, make_frame(stamp, size_bytes)));
    if (index_ == group_frames_) {
      std::move(*group_).finish();
      group_.reset();
    }
    return {};
  }

 private:
  Source(net::broadcast::Producer broadcast, net::track::Producer track,
         net::origin::Announcement announcement)
      : broadcast_(std::move(broadcast)),
        track_(std::move(track)),
        announcement_(std::move(announcement)) {}

  net::broadcast::Producer broadcast_;
  net::track::Producer track_;
  net::origin::Announcement announcement_;
  std::optional<net::group::Producer> group_;
  std::uint32_t index_ = 0;
  std::uint64_t group_frames_ = 0;
};

/// Writes frames at the scenario's rate, for ever.
kio::Task<void> write_frames(Stage& stage, std::vector<Source>& sources, double fps) {
  const Scenario& scenario = stage.plan.scenario;
  if (fps == 0) co_return;
  kio::Clock& clock = stage.executor.clock();
  const double interval_ns = 1e9 / fps;
  // Publishers are not in step with each other.
  const TimePoint first =
      clock.now() + Duration(static_cast<Duration::rep>(stage.random.fraction() * interval_ns));
  kio::Timer timer(clock);
  for (std::uint64_t n = 0;; ++n) {
    const TimePoint due =
        first + Duration(static_cast<Duration::rep>(static_cast<double>(n) * interval_ns));
    timer.set(due);
    co_await kio::wait([&timer](const kio::Waiter& waiter) { return timer.poll(waiter); });
    const TimePoint now = read_clock();
    if (stage.counts(now)) {
      stage.tally.update([&](Totals& totals) { totals.lateness.add(now - due); });
    }
    for (Source& source : sources) {
      const auto written = source.write(scenario.frame_bytes.pick(stage.random),
                                        [&] { return scenario.group_frames.pick(stage.random); });
      if (!written) MOQ_LOG(error, "bench", "write: {}", written.error().describe());
    }
  }
}

}  // namespace

kio::Task<void> publish(Stage& stage, std::uint64_t index) {
  const Plan& plan = stage.plan;
  net::origin::Producer origin(1 + stage.random.below(std::uint64_t{1} << 52));
  std::vector<Source> sources;
  const Cast::Publisher& self = plan.cast.publishers[index];
  for (std::uint64_t i = 0; i < self.broadcasts; ++i) {
    auto source = Source::create(origin, plan.broadcast(self.first + i));
    if (!source) {
      MOQ_LOG(error, "bench", "announce: {}", source.error().describe());
      co_return;
    }
    sources.push_back(*std::move(source));
  }
  net::SessionOptions options;
  options.publish = origin.consume();
  auto joined = co_await join(stage, plan.cast.watchers + index, std::move(options));
  if (!joined) co_return;
  const kio::Spawned<void> writing = stage.executor.spawn(write_frames(stage, sources, self.fps));
  co_await outlive(stage, joined->session);
}

}  // namespace moq::bench

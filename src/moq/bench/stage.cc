#include "moq/bench/stage.h"

#include <algorithm>

#include "moq/base/log.h"

namespace moq::bench {

Schedule Schedule::of(const Scenario& scenario, TimePoint start) {
  Schedule schedule;
  schedule.start = start;
  schedule.counted = start + scenario.ramp + scenario.warmup;
  schedule.end = schedule.counted + scenario.duration;
  return schedule;
}

net::Path Plan::broadcast(std::uint64_t number) const {
  return *prefix.join(net::Path::of(std::to_string(number)));
}

TimePoint Plan::turn_of(std::uint64_t connection) const {
  const auto place = static_cast<double>(connection) / static_cast<double>(cast.connections());
  return schedule.start +
         std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::nano>(
             static_cast<double>(scenario.ramp.count()) * place));
}

void GroupCount::add(std::uint64_t sequence) {
  lowest = std::min(lowest, sequence);
  highest = std::max(highest, sequence);
  ++count;
}

std::uint64_t GroupCount::missing() const { return count == 0 ? 0 : highest - lowest + 1 - count; }

kio::Task<void> wait_for_turn(Stage& stage, std::uint64_t connection) {
  kio::Clock& clock = stage.executor.clock();
  const Duration wait = stage.plan.turn_of(connection) - clock.now();
  co_await kio::sleep(clock, std::max(wait, Duration::zero()));
}

kio::Task<std::optional<Joined>> join(Stage& stage, std::uint64_t connection,
                                      net::SessionOptions options) {
  co_await wait_for_turn(stage, connection);
  const TimePoint dialed = read_clock();
  auto established = co_await stage.client.connect(stage.plan.url, std::move(options));
  if (!established) {
    MOQ_LOG(warn, "bench", "connection {}: {}", connection, established.error().describe());
    stage.tally.update([](Totals& totals) { ++totals.failed; });
    co_return std::nullopt;
  }
  stage.tally.update([](Totals& totals) { ++totals.connected; });
  stage.tally.note_version(established->session.version());
  co_return Joined{std::move(established->session), dialed};
}

kio::Task<void> outlive(Stage& stage, const net::Session& session) {
  const Error error = co_await session.closed();
  MOQ_LOG(warn, "bench", "a session ended: {}", error.describe());
  stage.tally.update([](Totals& totals) { ++totals.lost; });
}

}  // namespace moq::bench

#include <algorithm>
#include <unordered_set>

#include "moq/bench/stage.h"

namespace moq::bench {
namespace {

/// How stale a group may get. Generous: what is lost, is lost by the relay.
constexpr Duration kMaxAge = 2s;

/// Reads and checks the frames of one group.
kio::Task<void> read_group(Stage& stage, net::group::Consumer group, GroupCount& groups) {
  const bool counted = stage.counts(read_clock());
  if (counted) {
    groups.add(group.sequence());
    stage.tally.update([](Totals& totals) { ++totals.groups; });
  }
  for (;;) {
    auto frame = co_await group.read_frame();
    if (frame && !*frame) co_return;
    const TimePoint now = read_clock();
    if (!frame) {
      if (counted) stage.tally.update([](Totals& totals) { ++totals.broken_groups; });
      co_return;
    }
    if (!stage.counts(now)) continue;
    const Bytes& payload = (*frame)->second;
    const auto stamp = check_frame(payload);
    stage.tally.update([&](Totals& totals) {
      if (!stamp || stamp->group != group.sequence()) {
        ++totals.corrupt_frames;
        return;
      }
      ++totals.frames;
      totals.bytes += payload.size();
      totals.latency.add(now - stamp->sent);
    });
  }
}

/// Notes when the first frame of a group has come.
kio::Task<void> note_join(Stage& stage, net::group::Consumer group, TimePoint dialed) {
  auto frame = co_await group.read_frame();
  if (!frame || !*frame) co_return;
  const Duration taken = read_clock() - dialed;
  stage.tally.update([taken](Totals& totals) { totals.join.add(taken); });
}

kio::Task<void> read_broadcast(Stage& stage, const net::origin::Consumer& origin,
                               std::uint64_t number, TimePoint dialed) {
  auto announced = origin.announced_exactly(stage.plan.broadcast(number));
  std::optional<net::broadcast::Consumer> broadcast;
  while (!broadcast) {
    auto update = co_await announced.next();
    broadcast = std::move(update.broadcast);
  }
  GroupCount& count = stage.group_counts.emplace_back();
  auto track = broadcast->subscribe("data", {.max_age = kMaxAge});
  kio::TaskGroup groups(stage.executor);
  for (bool first = true;; first = false) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return;
    if (first) groups.spawn(note_join(stage, (*group)->clone(), dialed));
    groups.spawn(read_group(stage, **std::move(group), count));
  }
}

}  // namespace

kio::Task<void> subscribe(Stage& stage, std::uint64_t index) {
  const Plan& plan = stage.plan;
  const net::origin::Producer origin(1 + stage.random.below(std::uint64_t{1} << 52));
  net::SessionOptions options;
  options.subscribe = origin.clone();
  const std::uint64_t connection = plan.cast.watchers + plan.cast.publishers.size() + index;
  auto joined = co_await join(stage, connection, std::move(options));
  if (!joined) co_return;
  const net::origin::Consumer consumer = origin.consume();
  kio::TaskGroup readings(stage.executor);
  const Cast::Subscriber& self = plan.cast.subscribers[index];
  for (std::uint64_t i = 0; i < self.subscriptions; ++i) {
    const std::uint64_t number = (self.first + i) % plan.cast.broadcasts;
    readings.spawn(read_broadcast(stage, consumer, number, joined->dialed));
  }
  co_await outlive(stage, joined->session);
}

namespace {

/// Notes when all broadcasts have been seen at once.
kio::Task<void> see_all(Stage& stage, const net::origin::Consumer& origin, TimePoint dialed) {
  const Plan& plan = stage.plan;
  auto announced = origin.announced(plan.prefix);
  std::unordered_set<std::string> seen;
  while (seen.size() < plan.cast.broadcasts) {
    auto update = co_await announced.next();
    if (update.route) {
      seen.insert(update.path.text());
    } else {
      seen.erase(update.path.text());
    }
  }
  // The storm begins when the last publisher is dialled.
  const TimePoint storm = plan.turn_of(plan.cast.watchers + plan.cast.publishers.size() - 1);
  const Duration taken = read_clock() - std::max(storm, dialed);
  stage.tally.update([taken](Totals& totals) { totals.settle.add(taken); });
}

}  // namespace

kio::Task<void> watch(Stage& stage, std::uint64_t index) {
  const net::origin::Producer origin(1 + stage.random.below(std::uint64_t{1} << 52));
  net::SessionOptions options;
  options.subscribe = origin.clone();
  auto joined = co_await join(stage, index, std::move(options));
  if (!joined) co_return;
  const net::origin::Consumer consumer = origin.consume();
  const kio::Spawned<void> watching =
      stage.executor.spawn(see_all(stage, consumer, joined->dialed));
  co_await outlive(stage, joined->session);
}

}  // namespace moq::bench

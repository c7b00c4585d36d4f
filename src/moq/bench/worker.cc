#include "moq/bench/worker.h"

namespace moq::bench {
namespace {

/// What closing all connections may take.
constexpr Duration kCloseLimit = 2s;

kio::Task<void> run(Stage& stage, unsigned thread) {
  kio::Clock& clock = stage.executor.clock();
  const Cast& cast = stage.plan.cast;
  {
    kio::TaskGroup connections(stage.executor);
    const auto start = [&](auto role, std::uint64_t count) {
      for (std::uint64_t i = thread; i < count; i += stage.plan.threads) {
        connections.spawn(role(stage, i));
      }
    };
    start(watch, cast.watchers);
    start(publish, cast.publishers.size());
    start(subscribe, cast.subscribers.size());
    start(stall, cast.stalled);
    co_await kio::sleep(clock, stage.plan.schedule.end - clock.now());
  }
  std::uint64_t lost_groups = 0;
  for (const GroupCount& groups : stage.group_counts) lost_groups += groups.missing();
  stage.tally.update([lost_groups](Totals& totals) { totals.lost_groups += lost_groups; });
  kio::Timer timer(clock);
  timer.set_after(kCloseLimit);
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (stage.client.poll_idle(waiter) || timer.poll(waiter)) return kio::Unit{};
    return kio::kPending;
  });
}

}  // namespace

Result<void> run_worker(const Plan& plan, unsigned thread, Tally& tally) {
  MOQ_TRY(auto loop, io::Loop::create());
  io::Resolver resolver;
  SystemRandom random;
  const native::Environment environment(*loop, resolver, random);
  MOQ_TRY(const auto client, native::Client::create(environment, plan.client));
  transport::quic::Client raw_client(environment.quic());
  Stage stage{.plan = plan,
              .tally = tally,
              .executor = *loop,
              .environment = environment,
              .client = client,
              .raw_client = raw_client,
              .random = SeededRandom(plan.seed + thread),
              .group_counts = {}};
  loop->run(run(stage, thread));
  return {};
}

}  // namespace moq::bench

#include "moq/conformance/runner.h"

#include <fmt/format.h>

#include "moq/conformance/tap.h"

namespace moq::conformance {
namespace {

/// One case of one version.
struct Planned {
  const Protocol* protocol = nullptr;
  const Case* what = nullptr;
};

std::vector<Planned> plan(const std::vector<Protocol>& all, const Options& options) {
  std::vector<Planned> out;
  for (const Protocol& protocol : all) {
    for (const Case& one : protocol.cases) {
      if (is_chosen(options, protocol.name, one.name)) out.push_back({&protocol, &one});
    }
  }
  return out;
}

/// A script that goes on is slow, not stuck; but at some time it is over.
constexpr std::uint64_t kMostLimits = 20;

/// The task's verdict, or that it did not go on within `limit`, and what it waited for.
kio::Task<Verdict> within(Bench& bench, kio::Task<Verdict> task, Duration limit) {
  kio::Spawned<Verdict> running = bench.loop->spawn(std::move(task));
  kio::Timer timer(bench.loop->clock());
  timer.set_after(limit);
  std::uint64_t steps = bench.steps;
  std::uint64_t limits = 0;
  auto verdict = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    if (auto joined = running.poll_join(waiter)) return joined;
    while (timer.poll(waiter)) {
      const bool stuck = std::exchange(steps, bench.steps) == bench.steps;
      if (stuck || ++limits == kMostLimits) {
        return Verdict(fail(Code::timeout, fmt::format("expected {}, got nothing for {} s",
                                                       bench.waiting, to_ms(limit) / 1000)));
      }
      timer.set_after(limit);
    }
    return kio::kPending;
  });
  co_return verdict;
}

kio::Task<Verdict> run_case(Bench& bench, const Planned& planned, Duration limit,
                            std::string path) {
  Script script(bench, planned.protocol->name, path);
  auto verdict = co_await within(bench, planned.what->run(script), limit);
  const bool skipped = !verdict && verdict.error().code == kSkip;
  if (!planned.what->hostile || skipped) co_return verdict;
  // Whatever a peer did to it, it must serve others.
  Script after(bench, planned.protocol->name, path + "/after");
  auto served = co_await within(bench, planned.protocol->still_serves(after), limit);
  if (verdict && !served) {
    co_return std::unexpected(served.error().with_context("afterwards"));
  }
  co_return verdict;
}

}  // namespace

kio::Task<bool> run_cases(Bench& bench, const Options& options, const Print& print) {
  const std::vector<Protocol> all = protocols();
  const std::vector<Planned> chosen = plan(all, options);
  const std::string root = fmt::format("conformance-{:016x}", bench.random->next());
  print(tap::plan(chosen.size()));
  bool good = true;
  std::size_t number = 0;
  for (const Planned& planned : chosen) {
    ++number;
    auto verdict =
        co_await run_case(bench, planned, options.timeout, fmt::format("{}/{}", root, number));
    const std::string name = planned.protocol->name + " " + std::string(planned.what->name);
    print(tap::result(number, name, planned.what->section, verdict));
    if (verdict || verdict.error().code == kSkip) continue;
    good = false;
    if (verdict.error().code == Code::refused || verdict.error().code == Code::name_not_found) {
      print(tap::bail_out(verdict.error().describe()));
      break;
    }
  }
  co_return good;
}

std::string list_cases(const Options& options) {
  const std::vector<Protocol> all = protocols();
  std::string out;
  for (const Planned& planned : plan(all, options)) {
    out += fmt::format("{} {} ({})\n", planned.protocol->name, planned.what->name,
                       planned.what->section);
  }
  return out;
}

}  // namespace moq::conformance

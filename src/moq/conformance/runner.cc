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
      if ((one.ends & static_cast<Ends>(options.end)) == 0) continue;
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

/// How cases are run.
struct Ways {
  Duration limit;
  const Print* print;
};

/// A case with a client of its own.
kio::Task<Verdict> run_with_client(Bench& bench, const Planned& planned, Ways ways,
                                   std::string path) {
  Door& door = *bench.door;
  MOQ_CO_CHECK(door.open(planned.protocol->name));
  if (!door.has_command()) {
    (*ways.print)(tap::comment(fmt::format("{} {} waits for a client at {}", planned.protocol->name,
                                           planned.what->name, door.url())));
  }
  Verdict verdict;
  {
    Script script(bench, planned.protocol->name, path);
    verdict = co_await within(bench, planned.what->run(script), ways.limit);
  }
  auto ended = co_await door.close();
  if (verdict && !ended) verdict = std::unexpected(ended.error());
  co_return verdict;
}

kio::Task<Verdict> run_case(Bench& bench, const Planned& planned, Ways ways, std::string path) {
  if (bench.door != nullptr) {
    auto alone = co_await run_with_client(bench, planned, ways, path);
    co_return alone;
  }
  Script script(bench, planned.protocol->name, path);
  auto verdict = co_await within(bench, planned.what->run(script), ways.limit);
  const bool skipped = !verdict && verdict.error().code == kSkip;
  if (!planned.what->hostile || skipped) co_return verdict;
  // Whatever a peer did to it, it must serve others.
  Script after(bench, planned.protocol->name, path + "/after");
  auto served = co_await within(bench, planned.protocol->still_serves(after), ways.limit);
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
    const Ways ways{.limit = options.timeout, .print = &print};
    auto verdict = co_await run_case(bench, planned, ways, fmt::format("{}/{}", root, number));
    const std::string name = planned.protocol->name + " " + std::string(planned.what->name);
    print(tap::result(number, name, planned.what->section, verdict));
    if (verdict || verdict.error().code == kSkip) continue;
    good = false;
    const Code why = verdict.error().code;
    const bool nobody = bench.door != nullptr && !bench.door->anybody_came();
    if (nobody || why == Code::refused || why == Code::name_not_found) {
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

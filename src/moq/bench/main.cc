#include <malloc.h>
#include <sys/resource.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <thread>

#include "moq/app/events.h"
#include "moq/app/start.h"
#include "moq/bench/report.h"
#include "moq/bench/worker.h"
#include "moq/io/signals.h"

namespace moq::bench {
namespace {

/// Beyond the cores a machine has, threads only wait for each other.
constexpr unsigned kMaxThreads = 256;
/// From the start of the program to the first connection: threads start meanwhile.
constexpr Duration kLead = 100ms;
/// What malloc asks the system for at a time: else a storm of announcements is spent in the kernel.
constexpr int kHeapStepBytes = 16 << 20;

struct Options {
  app::ClientFlags client;
  Scenario scenario;
  std::string prefix;
  unsigned threads = 1;
  std::optional<pid_t> pid;
  std::uint64_t seed = 1;
  Duration interval = 1s;
  log::Level log_level = log::Level::warn;
};

int report(const Error& error) {
  app::Event("failed").add("error", error.describe()).write(log::Level::error);
  return app::kFailed;
}

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

template <typename Number>
app::Settings::Setter into(Number& value, Number min, Number max) {
  return [&value, min, max](const std::string& text) -> Result<void> {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && value >= min && value <= max) {
      return {};
    }
    return fail(Code::bad_config, "'" + text + "' is not a number from " + std::to_string(min) +
                                      " to " + std::to_string(max));
  };
}

void add(app::Settings& settings, Options& options) {
  options.scenario.add(settings);
  settings.add_text("prefix", "", options.prefix, "Publish and read below this path (random)");
  settings.add("threads", "", into(options.threads, 1U, kMaxThreads), "Event loops (1)")
      ->type_name("N");
  settings
      .add(
          "pid", "",
          [&options](const std::string& text) -> Result<void> {
            options.pid.emplace();
            return into(*options.pid, 1, INT32_MAX)(text);
          },
          "The relay's process: also reports its processor time and memory")
      ->type_name("PID");
  settings
      .add("seed", "", into(options.seed, std::uint64_t{0}, UINT64_MAX),
           "Of frame sizes and phases (1)")
      ->type_name("N");
  settings.add_duration("interval", "", options.interval, "Time from report to report (1s)");
  settings.add(
      "log-level", "",
      [&options](const std::string& text) -> Result<void> {
        MOQ_TRY(options.log_level, app::parse_level(text));
        return {};
      },
      "error, warn (default), info, debug, trace");
  options.client.add(settings);
}

Result<Plan> make_plan(Options& options) {
  MOQ_CHECK(options.scenario.check());
  MOQ_CHECK(options.client.finish());
  if (options.interval < 10ms) return fail(Code::bad_config, "--interval is at least 10ms");
  if (options.client.url.empty()) {
    return fail(Code::bad_config, "where to? --connect URL is missing");
  }
  if (options.pid) MOQ_CHECK(sample_process(*options.pid));
  Plan plan;
  MOQ_TRY(plan.url, native::Url::parse(options.client.url));
  if (options.prefix.empty()) {
    options.prefix = "bench-" + std::to_string(SystemRandom().below(1'000'000));
  }
  if (options.scenario.stalled.max > 0 && !plan.url.raw_quic()) {
    return fail(Code::bad_config, "--stalled needs a moqt:// URL");
  }
  MOQ_TRY(plan.prefix, net::Path::parse(options.prefix));
  plan.client = options.client.options;
  plan.client.user_agent = "moq-bench/" MOQ_VERSION;
  plan.scenario = options.scenario;
  plan.cast = Cast::draw(plan.scenario, options.seed);
  plan.seed = options.seed;
  plan.threads = options.threads;
  return plan;
}

/// A socket a connection: as many as the system lets us have.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Collects what the workers tally, and reports.
class Collector {
 public:
  Collector(const Plan& plan, const Options& options, std::span<Tally> tallies)
      : plan_(plan), options_(options), tallies_(tallies) {}

  /// Until the schedule's end, or a signal, which makes it fail.
  kio::Task<Result<void>> run(kio::Clock& clock, io::Signals& signals) {
    whole_.begin = sample();
    const Schedule& schedule = plan_.schedule;
    TimePoint shown = schedule.start;
    kio::Timer timer(clock);
    for (;;) {
      const bool counting = use_.begin.has_value();
      TimePoint next = std::min(shown + options_.interval, schedule.end);
      if (!counting) next = std::min(next, schedule.counted);
      timer.set(next);
      bool stopped = false;
      co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
        stopped = signals.poll_next(waiter).ready();
        if (stopped || timer.poll(waiter)) return kio::Unit{};
        return kio::kPending;
      });
      if (stopped) co_return fail(Code::closed, "stopped by a signal");
      if (!counting && next == schedule.counted) use_.begin = sample().value_or(ProcessSample());
      if (next >= shown + options_.interval) show(next, next - std::exchange(shown, next));
      if (next == schedule.end) break;
    }
    use_.end = sample();
    whole_.end = use_.end;
    if (!options_.pid) use_ = {};
    co_return Result<void>();
  }

  /// After the workers have ended: the result; whether nothing went wrong.
  bool finish() {
    collect();
    std::optional<net::Version> version;
    for (Tally& tally : tallies_) {
      if (!version) version = tally.version();
    }
    print(result_line(plan_, all_, version, use_, whole_));
    return all_.failed == 0 && all_.lost == 0 && all_.corrupt_frames == 0;
  }

 private:
  [[nodiscard]] std::optional<ProcessSample> sample() const {
    if (!options_.pid) return std::nullopt;
    const auto sampled = sample_process(*options_.pid);
    return sampled ? std::optional(*sampled) : std::nullopt;
  }
  Totals collect() {
    Totals fresh;
    for (Tally& tally : tallies_) fresh.add(tally.take());
    all_.add(fresh);
    return fresh;
  }
  void show(TimePoint now, Duration interval) {
    print(interval_line(now - plan_.schedule.start, interval, collect(), sample()));
  }

  const Plan& plan_;
  const Options& options_;
  std::span<Tally> tallies_;
  Totals all_;
  ProcessUse use_;
  ProcessUse whole_;
};

int run(Plan plan, const Options& options) {
  raise_file_limit();
  mallopt(M_TOP_PAD, kHeapStepBytes);
  if (plan.threads == 1) mallopt(M_ARENA_MAX, 1);  // The others grow page by page.
  auto loop = io::Loop::create();
  if (!loop) return report(loop.error());
  constexpr std::array kSignals = {SIGINT, SIGTERM};
  auto signals = io::Signals::create(**loop, kSignals);  // Before the threads, which inherit it.
  if (!signals) return report(signals.error());
  plan.schedule = Schedule::of(plan.scenario, read_clock() + kLead);
  print(start_line(plan));

  std::vector<Tally> tallies(plan.threads);
  std::vector<Result<void>> results(plan.threads);
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < plan.threads; ++i) {
    threads.emplace_back([&, i] { results[i] = run_worker(plan, i, tallies[i]); });
  }
  Collector collector(plan, options, tallies);
  const auto collected = (*loop)->run(collector.run((*loop)->clock(), **signals));
  if (!collected) {
    // The threads are in the middle of it, and there is nothing to be kept.
    report(collected.error());
    std::fflush(nullptr);
    std::_Exit(app::kFailed);
  }
  threads.clear();
  for (const auto& result : results) {
    if (!result) return report(result.error());
  }
  return collector.finish() ? 0 : app::kFailed;
}

int main(int argc, char** argv) {
  CLI::App app(
      "Loads a relay with synthetic broadcasts, checks what it delivers, and measures it.\n"
      "Reports JSON lines on stdout, the last one with type=result.\n"
      "Try it: moq-bench --connect http://localhost:4443/ --preset fanout --pid $(pidof moq-relay)",
      "moq-bench");
  app.set_version_flag("--version", "moq-bench " MOQ_VERSION);
  app::Settings settings(app);
  Options options;
  add(settings, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fputs(app::describe_usage_error(app, error).c_str(), stderr);
    return app::kBadUsage;
  }
  Result<Plan> plan = Plan();
  if (auto applied = settings.apply(); !applied) {
    plan = std::unexpected(std::move(applied).error());
  } else {
    plan = make_plan(options);
  }
  if (!plan) {
    std::fputs(app::describe_usage_error(app, plan.error()).c_str(), stderr);
    return app::kBadUsage;
  }
  app::start_log("moq-bench", options.log_level);
  return run(*std::move(plan), options);
}

}  // namespace
}  // namespace moq::bench

int main(int argc, char** argv) { return moq::bench::main(argc, argv); }

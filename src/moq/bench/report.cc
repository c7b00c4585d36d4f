#include "moq/bench/report.h"

#include <nlohmann/json.hpp>

namespace moq::bench {
namespace {

using Json = nlohmann::ordered_json;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double milliseconds(Duration duration) { return seconds(duration) * 1e3; }
double gigabits(std::uint64_t bytes) { return static_cast<double>(bytes) * 8 / 1e9; }

Json percentiles(const Histogram& histogram) {
  if (histogram.count() == 0) return nullptr;
  return {{"count", histogram.count()},
          {"p50", milliseconds(histogram.percentile(0.5))},
          {"p90", milliseconds(histogram.percentile(0.9))},
          {"p99", milliseconds(histogram.percentile(0.99))},
          {"p99.9", milliseconds(histogram.percentile(0.999))},
          {"max", milliseconds(histogram.max())}};
}

Json describe(const Scenario& scenario) {
  return {{"preset", scenario.preset},
          {"publishers", scenario.publishers.text()},
          {"broadcasts", scenario.broadcasts.text()},
          {"subscribers", scenario.subscribers.text()},
          {"subscriptions", scenario.subscriptions.text()},
          {"watchers", scenario.watchers.text()},
          {"stalled", scenario.stalled.text()},
          {"fps", scenario.fps.text()},
          {"frame_bytes", scenario.frame_bytes.text()},
          {"group_frames", scenario.group_frames.text()},
          {"ramp_s", seconds(scenario.ramp)},
          {"warmup_s", seconds(scenario.warmup)},
          {"duration_s", seconds(scenario.duration)}};
}

void describe_use(Json& out, const ProcessUse& use, const ProcessUse& whole, const Totals& totals) {
  if (!use.begin || !use.end) return;
  const double cpu = seconds(use.end->cpu - use.begin->cpu);
  Json process = {{"cpu_s", cpu},
                  {"rss_bytes", use.end->rss_bytes},
                  {"peak_rss_bytes", use.end->peak_rss_bytes},
                  {"context_switches", use.end->context_switches - use.begin->context_switches}};
  if (whole.begin && whole.end) {
    process["whole_run_cpu_s"] = seconds(whole.end->cpu - whole.begin->cpu);
    process["rss_bytes_before"] = whole.begin->rss_bytes;
  }
  if (totals.bytes > 0) process["cpu_s_per_gbit"] = cpu / gigabits(totals.bytes);
  if (totals.frames > 0) {
    process["cpu_s_per_million_frames"] = cpu * 1e6 / static_cast<double>(totals.frames);
  }
  out["process"] = std::move(process);
}

}  // namespace

std::string start_line(const Plan& plan) {
  Json line = {{"type", "start"}};
  line.update(describe(plan.scenario));
  line["connections"] = plan.cast.connections();
  line["seed"] = plan.seed;
  line["threads"] = plan.threads;
  return line.dump();
}

std::string interval_line(Duration elapsed, Duration interval, const Totals& totals,
                          const std::optional<ProcessSample>& process) {
  Json line = {{"type", "interval"},
               {"t_s", seconds(elapsed)},
               {"connected", totals.connected},
               {"failed", totals.failed},
               {"lost", totals.lost},
               {"frames_per_s", static_cast<double>(totals.frames) / seconds(interval)},
               {"gbit_per_s", gigabits(totals.bytes) / seconds(interval)},
               {"latency_p99_ms", milliseconds(totals.latency.percentile(0.99))}};
  if (process) {
    line["cpu_s"] = seconds(process->cpu);
    line["rss_bytes"] = process->rss_bytes;
  }
  return line.dump();
}

std::string result_line(const Plan& plan, const Totals& totals, std::optional<net::Version> version,
                        const ProcessUse& use, const ProcessUse& whole) {
  const double counted = seconds(plan.scenario.duration);
  const double expected = plan.cast.frames_per_s * counted;
  Json line = {{"type", "result"},
               {"preset", plan.scenario.preset},
               {"version", version ? Json(net::to_string(*version)) : Json()},
               {"seconds", counted},
               {"connected", totals.connected},
               {"failed", totals.failed},
               {"lost", totals.lost},
               {"frames", totals.frames},
               {"expected_frames", expected},
               {"frames_per_s", static_cast<double>(totals.frames) / counted},
               {"gbit", gigabits(totals.bytes)},
               {"gbit_per_s", gigabits(totals.bytes) / counted},
               {"groups", totals.groups},
               {"lost_groups", totals.lost_groups},
               {"broken_groups", totals.broken_groups},
               {"corrupt_frames", totals.corrupt_frames},
               {"latency_ms", percentiles(totals.latency)},
               {"join_ms", percentiles(totals.join)},
               {"settle_ms", percentiles(totals.settle)},
               {"lateness_ms", percentiles(totals.lateness)}};
  describe_use(line, use, whole, totals);
  return line.dump();
}

}  // namespace moq::bench

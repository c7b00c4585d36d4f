#pragma once

#include <optional>
#include <string>

#include "moq/bench/process_sample.h"
#include "moq/bench/stage.h"
#include "moq/bench/tally.h"

namespace moq::bench {

/// What the process under test used in a span of time.
struct ProcessUse {
  std::optional<ProcessSample> begin;
  std::optional<ProcessSample> end;
};

// Each is one line of JSON, without the line feed; README.md names the fields.
std::string start_line(const Plan& plan);
std::string interval_line(Duration elapsed, Duration interval, const Totals& totals,
                          const std::optional<ProcessSample>& process);
/// `version` is what the sessions speak; `use` covers the time that is counted, `whole` all of it.
std::string result_line(const Plan& plan, const Totals& totals, std::optional<net::Version> version,
                        const ProcessUse& use, const ProcessUse& whole);

}  // namespace moq::bench

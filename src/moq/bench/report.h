#pragma once

#include <optional>
#include <string>

#include "moq/bench/process_sample.h"
#include "moq/bench/scenario.h"
#include "moq/bench/tally.h"

namespace moq::bench {

/// What the process under test used in a span of time.
struct ProcessUse {
  std::optional<ProcessSample> begin;
  std::optional<ProcessSample> end;
};

// Each is one line of JSON, without the line feed; README.md names the fields.
std::string start_line(const Scenario& scenario, unsigned threads);
std::string interval_line(Duration elapsed, Duration interval, const Totals& totals,
                          const std::optional<ProcessSample>& process);
/// `seconds` is how long things were counted; `use` covers the same span, `whole` the whole run.
std::string result_line(const Scenario& scenario, const Totals& totals, const ProcessUse& use,
                        const ProcessUse& whole);

}  // namespace moq::bench

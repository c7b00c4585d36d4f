#pragma once

#include <functional>
#include <string>

#include "moq/conformance/case.h"
#include "moq/conformance/options.h"

namespace moq::conformance {

/// Takes the lines of the report as they come.
using Print = std::function<void(const std::string& lines)>;

/// Runs the chosen cases, one after the other, each on connections of its own, and reports them.
/// True if none failed. What it is given must outlive the task.
kio::Task<bool> run_cases(Bench& bench, const Options& options, const Print& print);

/// A line for each chosen case.
std::string list_cases(const Options& options);

}  // namespace moq::conformance

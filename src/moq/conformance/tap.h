#pragma once

#include <string>
#include <string_view>

#include "moq/conformance/case.h"

/// The Test Anything Protocol, version 14, as text.
namespace moq::conformance::tap {

/// The lines that begin a report of `count` cases.
std::string plan(std::size_t count);
/// The lines of one case, with a YAML block that says why it failed.
std::string result(std::size_t number, const std::string& name, std::string_view section,
                   const Verdict& verdict);
/// A line for people.
std::string comment(const std::string& text);
/// The line that ends a report early.
std::string bail_out(const std::string& why);

}  // namespace moq::conformance::tap

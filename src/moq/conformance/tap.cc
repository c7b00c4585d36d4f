#include "moq/conformance/tap.h"

#include <fmt/format.h>

#include <algorithm>

namespace moq::conformance::tap {
namespace {

/// As a double-quoted YAML scalar.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '#', ' ');
  return text;
}

}  // namespace

std::string plan(std::size_t count) { return fmt::format("TAP version 14\n1..{}\n", count); }

std::string result(std::size_t number, const std::string& name, std::string_view section,
                   const Verdict& verdict) {
  if (verdict) return fmt::format("ok {} - {}\n", number, name);
  if (verdict.error().code == kSkip) {
    return fmt::format("ok {} - {} # SKIP {}\n", number, name, one_line(verdict.error().text));
  }
  return fmt::format("not ok {} - {}\n  ---\n  section: {}\n  message: {}\n  ...\n", number, name,
                     quoted(section), quoted(verdict.error().describe()));
}

std::string comment(const std::string& text) { return "# " + one_line(text) + "\n"; }

std::string bail_out(const std::string& why) { return "Bail out! " + one_line(why) + "\n"; }

}  // namespace moq::conformance::tap

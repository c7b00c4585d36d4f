#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

#include "moq/base/log.h"
#include "moq/base/result.h"

/// What both programs share: how they talk to the person who runs them.
namespace moq::app {

/// Sends the library's log, and events, to stderr: one line each,
/// `2026-11-24T03:28:20.449514Z INFO moq: event=...` (docs/observability.md). Call once, first.
void start_log(std::string_view program, log::Level least);

/// Keeps `line` at the bottom of the terminal, below the log, until the next call; "" removes it.
/// Only if stderr is a terminal, after `start_log`, from one thread.
void show_status(std::string_view line);

/// "error", "warn", "info", "debug", "trace", "off".
Result<log::Level> parse_level(std::string_view name);

/// A value as it stands in a line: bare if it is a plain word, else as a JSON string, so that
/// nothing a peer sends can break a line.
std::string quote(std::string_view value);

/// One event: `event=connected epoch=2 url=...`. Keys are plain words.
class Event {
 public:
  explicit Event(std::string_view name) : line_("event=" + std::string(name)) {}
  Event& add(std::string_view key, std::string_view value) {
    line_.append(" ").append(key).append("=").append(quote(value));
    return *this;
  }
  template <std::integral Number>
  Event& add(std::string_view key, Number value) {
    line_.append(" ").append(key).append("=").append(std::to_string(value));
    return *this;
  }
  void write(log::Level level) const {
    if (log::enabled(level)) log::write(level, kTarget, line_);
  }

  /// Marks lines that are events already.
  static constexpr std::string_view kTarget = "event";

 private:
  std::string line_;
};

}  // namespace moq::app

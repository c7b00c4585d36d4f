#include "moq/app/events.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <utility>

namespace moq::app {
namespace {

constexpr std::array<std::pair<std::string_view, log::Level>, 6> kLevels = {{
    {"error", log::Level::error},
    {"warn", log::Level::warn},
    {"info", log::Level::info},
    {"debug", log::Level::debug},
    {"trace", log::Level::trace},
    {"off", log::Level::off},
}};

spdlog::level::level_enum to_spdlog(log::Level level) {
  switch (level) {
    case log::Level::trace:
      return spdlog::level::trace;
    case log::Level::debug:
      return spdlog::level::debug;
    case log::Level::info:
      return spdlog::level::info;
    case log::Level::warn:
      return spdlog::level::warn;
    case log::Level::error:
      return spdlog::level::err;
    case log::Level::off:
      return spdlog::level::off;
  }
  std::unreachable();
}

/// %K: the level in capitals, "ERROR" in full.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    static constexpr std::array<std::string_view, 7> kNames = {"TRACE", "DEBUG", "INFO", "WARN",
                                                               "ERROR", "FATAL", "OFF"};
    const std::string_view name = kNames.at(static_cast<std::size_t>(message.level));
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelFlag>();
  }
};

/// The line at the bottom of the terminal; see `show_status`. Beside the logger, which is one for
/// the process as well.
struct StatusLine {
  std::mutex mutex;
  std::string text;
  void erase() const {
    if (!text.empty()) std::fputs("\r\x1b[K", stderr);
  }
  void draw() const {
    if (!text.empty()) std::fputs(text.c_str(), stderr);
  }
};
StatusLine status_line;

void sink(log::Level level, std::string_view target, std::string_view text) {
  const std::lock_guard lock(status_line.mutex);
  status_line.erase();
  if (target == Event::kTarget) {
    spdlog::default_logger_raw()->log(to_spdlog(level), text);
  } else {
    spdlog::default_logger_raw()->log(to_spdlog(level), "target={} text={}", target, quote(text));
  }
  status_line.draw();
}

}  // namespace

void start_log(std::string_view program, log::Level least) {
  auto logger = spdlog::stderr_logger_mt(std::string(program));
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<LevelFlag>('K').set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %K %n: %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  log::set_sink(sink, least);
}

void show_status(std::string_view line) {
  const std::lock_guard lock(status_line.mutex);
  status_line.erase();
  status_line.text = line;
  status_line.draw();
  std::fflush(stderr);
}

Result<log::Level> parse_level(std::string_view name) {
  const auto known =
      std::ranges::find(kLevels, name, [](const auto& entry) { return entry.first; });
  if (known == kLevels.end()) {
    return fail(Code::bad_config, "'" + std::string(name) +
                                      "' is no log level; write error, warn, info, debug or trace");
  }
  return known->second;
}

std::string quote(std::string_view value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
  if (plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append(fmt::format("\\u{:04x}", byte));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace moq::app

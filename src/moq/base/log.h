#pragma once

#include <fmt/format.h>

#include <string_view>

namespace moq::log {

enum class Level { trace, debug, info, warn, error, off };

/// Receives each line. May be called from several threads at once.
using Sink = void (*)(Level level, std::string_view target, std::string_view text);

/// Sets where lines go and the least level that is written. Call before threads start; without
/// a sink nothing is written. The one process-wide setting: a log is where all parts meet.
void set_sink(Sink sink, Level least);
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view target, std::string_view text);

}  // namespace moq::log

/// `MOQ_LOG(info, "relay", "listening on {}", address);` formats only if the level is on.
#define MOQ_LOG(level, target, ...)                                                    \
  do {                                                                                 \
    if (::moq::log::enabled(::moq::log::Level::level))                                 \
      ::moq::log::write(::moq::log::Level::level, target, ::fmt::format(__VA_ARGS__)); \
  } while (false)

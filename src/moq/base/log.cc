#include "moq/base/log.h"

#include <atomic>

namespace moq::log {
namespace {
std::atomic<Sink> current_sink{nullptr};
std::atomic<Level> least_level{Level::off};
}  // namespace

void set_sink(Sink sink, Level least) {
  current_sink = sink;
  least_level = sink ? least : Level::off;
}

bool enabled(Level level) {
  return level != Level::off && level >= least_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view target, std::string_view text) {
  if (Sink sink = current_sink) sink(level, target, text);
}

}  // namespace moq::log

#include "moq/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace moq::cli {

void Progress::sample(TimePoint now, const mux::Progress& totals) {
  if (totals.media_us && (samples_.empty() || samples_.back().totals.frames != totals.frames)) {
    const auto media = std::chrono::microseconds(static_cast<std::int64_t>(*totals.media_us));
    const Duration delay = now.time_since_epoch() - media;
    if (!least_delay_ || delay < *least_delay_) least_delay_ = delay;
    behind_ = delay - *least_delay_;
  }
  samples_.push_back({now, totals});
  while (samples_.size() > 2 && samples_[1].at <= now - kWindow) samples_.pop_front();
}

std::string Progress::line(std::uint64_t epoch, bool connected) const {
  std::string out = epoch == 0 ? "connecting" : fmt::format("epoch {}", epoch);
  if (epoch != 0 && !connected) out += " (reconnecting)";
  if (samples_.empty()) return out;
  const Sample& last = samples_.back();
  const Sample& first = samples_.front();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  if (seconds > 0) {
    const auto frames = static_cast<double>(last.totals.frames - first.totals.frames);
    const auto bits = static_cast<double>(last.totals.bytes - first.totals.bytes) * 8;
    out += fmt::format(" · {:.1f} fps · {:.2f} Mbit/s", frames / seconds, bits / seconds / 1e6);
  }
  out += fmt::format(" · {} frames", group_digits(last.totals.frames));
  if (behind_) out += fmt::format(" · {} ms behind", to_ms(*behind_));
  return out;
}

std::string group_digits(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ' ';
    out += digits[i];
  }
  return out;
}

}  // namespace moq::cli

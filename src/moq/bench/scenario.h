#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "moq/app/flags.h"
#include "moq/base/random.h"
#include "moq/base/result.h"
#include "moq/base/time.h"

namespace moq::bench {

/// From a number to a number, both inclusive; written "200" or "20000-60000".
struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  static Result<Range> parse(std::string_view text);
  [[nodiscard]] std::uint64_t pick(Random& random) const {
    return min + random.below(max - min + 1);
  }
  [[nodiscard]] std::string text() const;
  bool operator==(const Range&) const = default;
};

/// Who does what. Each publisher, subscriber and watcher is a connection of its own.
struct Scenario {
  std::string preset = "fanout";
  std::uint64_t publishers = 1;
  std::uint64_t broadcasts = 1;  ///< Of each publisher, with a track each.
  std::uint64_t subscribers = 200;
  std::uint64_t subscriptions = 1;  ///< Of each subscriber, spread over the broadcasts.
  std::uint64_t watchers = 0;       ///< See all announcements, and read nothing.
  std::uint64_t stalled = 0;        ///< Subscribe to a broadcast each, and never read.
  double fps = 60;                  ///< Frames a second of each broadcast; 0 = none.
  Range frame_bytes{4096, 4096};
  std::uint64_t group_frames = 60;
  Duration ramp = 2s;       ///< Connections are opened evenly over this.
  Duration warmup = 3s;     ///< Then nothing is counted for so long,
  Duration duration = 10s;  ///< then all is.

  /// Fails with `bad_config` for an unknown name, and lists those there are.
  static Result<Scenario> of_preset(std::string_view name);
  /// Adds a flag for each member.
  void add(app::Settings& settings);
  /// Fails with `bad_config` for what makes no sense.
  [[nodiscard]] Result<void> check() const;
};

/// Most connections of a kind, and broadcasts of a publisher: what one machine can be asked for.
inline constexpr std::uint64_t kMaxCount = 1'000'000;

}  // namespace moq::bench

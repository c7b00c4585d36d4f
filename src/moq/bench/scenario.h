#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

/// From a rate to a rate, both inclusive, in events a second; written "60" or "24.5-60".
struct RateRange {
  double min = 0;
  double max = 0;
  static Result<RateRange> parse(std::string_view text);
  [[nodiscard]] double pick(Random& random) const { return min + random.fraction() * (max - min); }
  [[nodiscard]] std::string text() const;
  bool operator==(const RateRange&) const = default;
};

/// Who does what. Each publisher, subscriber and watcher is a connection of its own. What is a
/// range is drawn by the seed: counts of connections once, counts and rates of a connection for
/// each.
struct Scenario {
  std::string preset = "fanout";
  Range publishers{1, 1};
  Range broadcasts{1, 1};  ///< Of each publisher, with a track each.
  Range subscribers{200, 200};
  Range subscriptions{1, 1};  ///< Of each subscriber, spread over the broadcasts.
  Range watchers;             ///< See all announcements, and read nothing.
  Range stalled;              ///< Subscribe to a broadcast each, and never read.
  RateRange fps{60, 60};      ///< Frames a second of the broadcasts of a publisher; 0 = none.
  Range frame_bytes{4096, 4096};
  Range group_frames{60, 60};  ///< Of each group.
  Duration ramp = 2s;          ///< Connections are opened evenly over this.
  Duration warmup = 3s;        ///< Then nothing is counted for so long,
  Duration duration = 10s;     ///< then all is.

  /// Fails with `bad_config` for an unknown name, and lists those there are.
  static Result<Scenario> of_preset(std::string_view name);
  /// Adds a flag for each member.
  void add(app::Settings& settings);
  /// Fails with `bad_config` for what makes no sense.
  [[nodiscard]] Result<void> check() const;
};

/// Who there is in one run: what a seed makes of a scenario's ranges, alike for every thread.
struct Cast {
  struct Publisher {
    std::uint64_t first = 0;  ///< Number of its first broadcast.
    std::uint64_t broadcasts = 0;
    double fps = 0;
  };
  struct Subscriber {
    std::uint64_t first = 0;  ///< Number of the first broadcast it reads; the others follow it,
    std::uint64_t subscriptions = 0;  ///< and after the last comes the first of all.
  };
  std::vector<Publisher> publishers;
  std::vector<Subscriber> subscribers;
  std::uint64_t watchers = 0;
  std::uint64_t stalled = 0;
  std::uint64_t broadcasts = 0;  ///< Of all publishers.
  double frames_per_s = 0;       ///< What all subscriptions together are owed.

  static Cast draw(const Scenario& scenario, std::uint64_t seed);
  [[nodiscard]] std::uint64_t connections() const {
    return watchers + publishers.size() + subscribers.size() + stalled;
  }
};

/// Most connections of a kind, and broadcasts of a publisher: what one machine can be asked for.
inline constexpr std::uint64_t kMaxCount = 1'000'000;

}  // namespace moq::bench

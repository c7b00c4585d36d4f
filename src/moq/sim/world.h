#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string_view>
#include <type_traits>
#include <vector>

#include "moq/base/random.h"
#include "moq/base/time.h"
#include "moq/kio/executor.h"

/// The test bed: virtual time, simulated networks and sessions. Linked by tests, benches and
/// examples alone.
namespace moq::sim {

inline constexpr std::uint64_t kDefaultSeed = 1;

/// An executor, its clock and a seeded generator at once. Time is virtual: it stands still while
/// anything can run, and jumps to the next timer when all tasks wait. The same seed gives the same
/// trace. A world belongs to one thread and must outlive its tasks and timers.
///
/// A run that cannot end (every task waits and no timer is set, the limit of virtual time passes,
/// or tasks wake each other for ever) ends the process with a message that names the seed.
class World final : public kio::Executor, public kio::Clock, public Random {
 public:
  explicit World(std::uint64_t seed = kDefaultSeed);
  ~World() override;

  kio::Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return now_; }
  /// The time since the world began.
  [[nodiscard]] Duration elapsed() const { return now_ - kStart; }
  std::uint64_t next() override { return random_.next(); }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  /// Runs `task` to its end, and everything else beside it; returns its value. What else is
  /// running stops where it is, and goes on in the next run.
  template <typename T>
  T run(kio::Task<T> task) {
    kio::Spawned<T> spawned = spawn(std::move(task));
    run_to_end([&spawned] { return spawned.finished(); });
    auto value = spawned.poll_join(kio::Waiter::none());
    if constexpr (!std::is_void_v<T>) return *std::move(value);
  }
  /// Lets exactly `duration` pass.
  void run_for(Duration duration);
  /// Runs until `done()`, which is asked after each turn. False if `limit` passed before; the time
  /// is then the limit.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, Duration limit = kTimeLimit);
  /// Runs what can run at this moment; the time stands still.
  void run_until_idle();

  /// Calls `function` at `when` (at once if that is past), before the timers due then. Calls at one
  /// time come in the order of asking. Dropped uncalled if the world ends.
  void at(TimePoint when, std::move_only_function<void()> function);
  void after(Duration delay, std::move_only_function<void()> function) {
    at(now_ + delay, std::move(function));
  }
  /// True if nothing can ever happen again: no task is ready, no timer set, no call planned.
  [[nodiscard]] bool quiet() const;

  /// Mixes `value` and the time into the trace. Simulated networks note the fate of each packet.
  void note(std::uint64_t value);
  /// A hash of the trace so far: two runs that did the same have the same.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }

  /// Virtual time that one `run` may take before it counts as hung.
  static constexpr Duration kTimeLimit = 24h;
  /// Turns without progress of time before tasks count as waking each other for ever.
  static constexpr std::uint64_t kMaxTurnsPerInstant = 1'000'000;

 private:
  // Not zero, so that a time that was never set is not mistaken for now.
  static constexpr TimePoint kStart{1h};
  struct Call {
    TimePoint when;
    std::uint64_t order;
    std::move_only_function<void()> function;
  };
  static bool later(const Call& a, const Call& b);

  void run_to_end(const std::function<bool()>& done);
  bool drive(const std::function<bool()>& done, TimePoint limit);
  bool run_turn();
  [[nodiscard]] std::optional<TimePoint> next_instant() const;
  [[noreturn]] void hang(std::string_view cause) const;

  std::uint64_t seed_;
  SeededRandom random_;
  TimePoint now_ = kStart;
  std::vector<Call> calls_;  // A heap, the earliest first.
  std::uint64_t order_ = 0;
  std::uint64_t turns_ = 0;  // Since the time last moved.
  std::uint64_t trace_ = 0;
};

/// What a failed test needs to know: `SCOPED_TRACE(world)`.
inline std::ostream& operator<<(std::ostream& out, const World& world) {
  return out << "seed " << world.seed() << ", " << to_ms(world.elapsed()) << " ms after the start";
}

}  // namespace moq::sim

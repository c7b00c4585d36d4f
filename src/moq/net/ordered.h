#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "moq/kio/clock.h"
#include "moq/net/track.h"

namespace moq::net::track {

/// Groups that were not given whole.
struct Skipped {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< Inclusive.
  bool operator==(const Skipped&) const = default;
};

/// How long `Ordered` waits for a group that is missing or stalls while newer ones are there.
struct Patience {
  /// By presentation time: how far the newest frame may be past the beginning of the group after
  /// it. Also the longest wait by the clock, apart from `grace`.
  Duration latency = 500ms;
  /// By the clock: the least wait. Publishers send the newest group first, so after a reconnect
  /// the older ones are just behind it.
  Duration grace = 200ms;
  bool operator==(const Patience&) const = default;
};

/// Reads a track in the order of its groups: waits for one that is missing with some patience, then
/// goes on with the next, and never goes back. Starts at `Subscription::start` if that is set, else
/// at the lowest group that is there first. Belongs to the clock's thread.
class Ordered {
 public:
  /// Raises the subscription's `max_age` to the latency, below which groups would not come.
  Ordered(kio::Clock& clock, Consumer consumer, const Patience& patience = {});

  /// The next group; none after the track's end. Fails with the track's error once all that came
  /// before it was given.
  kio::Poll<Result<std::optional<group::Consumer>>> poll_next_group(const kio::Waiter& waiter);

  /// A frame and its place.
  struct Frame {
    std::uint64_t group = 0;
    std::size_t index = 0;  ///< In the group; zero = where a decoder can start.
    frame::Info info;
    Bytes payload;
  };
  /// The next whole frame; none after the track's end. Leaves a group that breaks off or stalls for
  /// the next one. A reader uses this or `poll_next_group`, not both.
  kio::Poll<Result<std::optional<Frame>>> poll_next_frame(const kio::Waiter& waiter);

  /// The groups that were given up since the last call, in part or as a whole, in order.
  std::vector<Skipped> take_skipped() { return std::exchange(skipped_, {}); }
  [[nodiscard]] const Consumer& track() const { return consumer_; }
  /// Changes what is wanted from here on. What was given does not come again.
  void update(const Subscription& subscription, const Patience& patience) {
    patience_ = patience;
    Subscription wanted = subscription;
    wanted.max_age = std::max(wanted.max_age, patience.latency);
    consumer_.update(wanted);
  }

  auto next_group() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next_group(waiter); });
  }
  auto next_frame() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next_frame(waiter); });
  }

 private:
  struct Waiting {
    group::Consumer group;
    TimePoint since;
  };
  using NextGroup = kio::Poll<Result<std::optional<group::Consumer>>>;
  void drain(const kio::Waiter& waiter);
  NextGroup take_next(const kio::Waiter& waiter);
  bool patience_is_over(const kio::Waiter& waiter);
  void skip(std::uint64_t first, std::uint64_t last);

  kio::Clock* clock_;
  Consumer consumer_;
  Patience patience_;
  std::unique_ptr<kio::Timer> timer_;
  std::map<std::uint64_t, Waiting> waiting_;  ///< Came, and were not given yet.
  std::optional<std::uint64_t> next_;         ///< The lowest group to give.
  bool over_ = false;                         ///< No more groups come,
  std::optional<Error> error_;                ///< because of this if it is set.
  std::optional<group::Consumer> current_;    ///< The group whose frames are being given,
  std::size_t index_ = 0;                     ///< and the next one's place in it.
  std::vector<Skipped> skipped_;
};

}  // namespace moq::net::track

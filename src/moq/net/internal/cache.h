#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace moq::net {

namespace group {
struct State;
}
namespace track {
struct State;
}

/// What the groups of many tracks may hold together. Beyond the limit the oldest groups go first;
/// the newest of each track is spared, up to twice the limit.
class Cache {
 public:
  struct Entry {
    std::weak_ptr<group::State> group;
    std::weak_ptr<track::State> track;  ///< None for a fetched group.
  };
  using Entries = std::list<Entry>;

  explicit Cache(std::uint64_t limit_bytes) : limit_(limit_bytes) {}

  void set_limit(std::uint64_t limit_bytes) { limit_ = limit_bytes; }
  void charge(std::uint64_t bytes) { held_ += bytes; }
  void discharge(std::uint64_t bytes) { held_ -= bytes; }
  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] bool crowded() const { return held_ > limit_; }

  /// Lists a new group as the youngest.
  void add(const std::shared_ptr<group::State>& group, const std::shared_ptr<track::State>& track);
  void remove(group::State& group);
  [[nodiscard]] std::size_t size() const;
  /// Lets go of old groups while crowded. Not under any lock.
  void shrink();

 private:
  /// Groups that one call looks at, so that a crowd of spared ones costs each writer little.
  static constexpr int kSteps = 32;

  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> held_{0};
  mutable std::mutex mutex_;  // Innermost: nothing else is locked under it.
  Entries entries_;           // By age.
};

/// Where a group is listed in its cache.
using CachePlace = std::optional<Cache::Entries::iterator>;

/// What the cached groups of one track share: what they hold, and how far the track's time is.
class Tally {
 public:
  explicit Tally(std::shared_ptr<Cache> cache) : cache_(std::move(cache)) {}

  /// The track whose groups these are; set once, by the track.
  std::weak_ptr<track::State> track;

  void charge(std::uint64_t bytes) {
    held_ += bytes;
    if (cache_) cache_->charge(bytes);
  }
  void discharge(std::uint64_t bytes) {
    held_ -= bytes;
    if (cache_) cache_->discharge(bytes);
  }
  [[nodiscard]] std::uint64_t held() const { return held_; }
  /// The cache that the track shares with others; may be null.
  [[nodiscard]] const std::shared_ptr<Cache>& cache() const { return cache_; }

  /// A frame of group `sequence` has begun: its first, or another.
  void note(std::uint64_t sequence, std::uint64_t timestamp, bool first = false);
  /// Whether what somebody watches for has come; asking settles it. Most tracks have nobody, and
  /// pay no lock.
  bool take_due() { return due_.load(std::memory_order_acquire) && due_.exchange(false); }
  /// From now on the next group that begins is due.
  void watch_begin();
  /// The live edge is due when it gets to `edge`; false if it is there.
  [[nodiscard]] bool watch_edge(std::uint64_t edge);
  /// Where the live edge is, and whether a group began since, below the newest.
  struct Progress {
    std::optional<std::uint64_t> edge;
    bool late_group = false;
  };
  /// What has come of what was watched for. Then only what is told to `watch_*` anew is due.
  Progress settle();
  /// The timestamp of the newest frame of the newest group that has one.
  [[nodiscard]] std::optional<std::uint64_t> live_edge() const;

 private:
  const std::shared_ptr<Cache> cache_;
  std::atomic<std::uint64_t> held_{0};
  std::atomic<bool> due_{false};
  mutable std::mutex mutex_;
  std::optional<std::uint64_t> newest_;  // The group that the edge is of.
  std::uint64_t edge_ = 0;
  std::optional<std::uint64_t> watched_edge_;  // The lowest.
  bool begin_watched_ = false;
  bool late_group_ = false;
};

}  // namespace moq::net

#include "moq/net/internal/cache.h"

#include "moq/net/internal/track_state.h"

namespace moq::net {

void Cache::add(const std::shared_ptr<group::State>& group,
                const std::shared_ptr<track::State>& track) {
  std::lock_guard lock(mutex_);
  group->place = entries_.insert(entries_.end(), Entry{group, track});
}

void Cache::remove(group::State& group) {
  Entry removed;  // Freed after the lock.
  std::lock_guard lock(mutex_);
  const CachePlace place = std::exchange(group.place, std::nullopt);
  if (!place) return;
  removed = std::move(**place);
  entries_.erase(*place);
}

std::size_t Cache::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void Cache::shrink() {
  for (int step = 0; step < kSteps && crowded(); ++step) {
    std::shared_ptr<group::State> group;
    std::shared_ptr<track::State> track;
    {
      std::lock_guard lock(mutex_);
      if (entries_.empty()) return;
      group = entries_.front().group.lock();
      track = entries_.front().track.lock();
      // One that is spared gets its next turn after all others.
      entries_.splice(entries_.end(), entries_, entries_.begin());
    }
    if (!group) continue;  // On its way out: its end takes it off the list.
    const bool spare_newest = held_ <= 2 * limit_;
    if (track) {
      track->drop(*group, spare_newest);
    } else {
      group->abort(Error(Code::evicted, "the cache is full"));
    }
  }
}

void Tally::note(std::uint64_t sequence, std::uint64_t timestamp, bool first) {
  std::lock_guard lock(mutex_);
  const bool newest = !newest_ || sequence >= *newest_;
  if (newest) {
    newest_ = sequence;
    edge_ = timestamp;
  }
  const bool late = first && !newest;
  const bool edge_due = watched_edge_ && (late || (newest && edge_ >= *watched_edge_));
  if (late) late_group_ = true;
  if (edge_due || (first && begin_watched_)) due_.store(true, std::memory_order_release);
}

void Tally::watch_begin() {
  std::lock_guard lock(mutex_);
  begin_watched_ = true;
}

bool Tally::watch_edge(std::uint64_t edge) {
  std::lock_guard lock(mutex_);
  if (newest_ && edge_ >= edge) return false;
  watched_edge_ = std::min(edge, watched_edge_.value_or(edge));
  return true;
}

Tally::Progress Tally::settle() {
  std::lock_guard lock(mutex_);
  begin_watched_ = false;
  watched_edge_.reset();
  return {newest_ ? std::optional(edge_) : std::nullopt, std::exchange(late_group_, false)};
}

std::optional<std::uint64_t> Tally::live_edge() const {
  std::lock_guard lock(mutex_);
  if (!newest_) return std::nullopt;
  return edge_;
}

}  // namespace moq::net

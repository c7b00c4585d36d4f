#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace moq::net {

/// A set of sequences as ranges. When it would hold more than `max_ranges`, the lowest gap is
/// closed: what is far behind then counts as contained. Values are below 2^64 - 1.
class SequenceSet {
 public:
  explicit SequenceSet(std::size_t max_ranges) : max_ranges_(max_ranges) {}

  [[nodiscard]] bool contains(std::uint64_t value) const {
    auto after = ranges_.upper_bound(value);
    return after != ranges_.begin() && std::prev(after)->second >= value;
  }
  void insert(std::uint64_t value) { insert(value, value); }
  /// Adds `first` to `last`, inclusive.
  void insert(std::uint64_t first, std::uint64_t last) {
    auto at = ranges_.upper_bound(first);
    if (at != ranges_.begin() && std::prev(at)->second + 1 >= first) {
      at = std::prev(at);
      at->second = std::max(at->second, last);
    } else {
      at = ranges_.emplace_hint(at, first, last);
    }
    for (auto next = std::next(at); next != ranges_.end() && next->first <= at->second + 1;) {
      at->second = std::max(at->second, next->second);
      next = ranges_.erase(next);
    }
    if (ranges_.size() > max_ranges_) {
      auto second = std::next(ranges_.begin());
      ranges_.begin()->second = second->second;
      ranges_.erase(second);
    }
  }
  void clear() { ranges_.clear(); }
  /// The lowest value from `from` on that is not contained.
  [[nodiscard]] std::uint64_t next_missing(std::uint64_t from) const {
    auto after = ranges_.upper_bound(from);
    if (after == ranges_.begin() || std::prev(after)->second < from) return from;
    return std::prev(after)->second + 1;
  }
  [[nodiscard]] std::size_t ranges() const { return ranges_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // First to last, inclusive; never adjacent.
  std::size_t max_ranges_;
};

}  // namespace moq::net

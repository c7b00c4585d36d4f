#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace moq::capi {

/// Numbers for the handles of all families: each is given once in the life of the process.
class HandleNumbers {
 public:
  static constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();

  /// The next number; 0 once all were given.
  std::int32_t take() {
    // Stays past the end, so that no number comes twice.
    if (next_.load(std::memory_order_relaxed) > kMax) return 0;
    const std::int64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    return number > kMax ? 0 : static_cast<std::int32_t>(number);
  }
  /// For tests of the end.
  void start_at(std::int32_t number) { next_ = number; }

 private:
  std::atomic<std::int64_t> next_{1};
};

/// The objects of one family by their handles. Safe from any thread; nothing runs under its lock
/// but the lookup itself, also no destructor of an object.
template <typename T>
class Table {
 public:
  /// `unknown`: the code for a handle that is not here; `noun`: what it should have been.
  Table(HandleNumbers& numbers, std::int32_t unknown, const char* noun)
      : unknown_(unknown), noun_(noun), numbers_(&numbers) {}

  /// The handle of `object` from now on; 0 if there are no more.
  std::int32_t add(std::shared_ptr<T> object) {
    const std::int32_t number = numbers_->take();
    if (number == 0) return 0;
    const std::lock_guard lock(mutex_);
    objects_.emplace(static_cast<std::uint32_t>(number), std::move(object));
    return number;
  }
  [[nodiscard]] std::shared_ptr<T> find(std::uint32_t handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }
  /// Forgets the handle; its object goes to the caller.
  std::shared_ptr<T> take(std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    objects_.erase(found);
    return object;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return objects_.size();
  }

  [[nodiscard]] std::int32_t unknown() const { return unknown_; }
  [[nodiscard]] const char* noun() const { return noun_; }

 private:
  const std::int32_t unknown_;
  const char* const noun_;
  HandleNumbers* numbers_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::shared_ptr<T>> objects_;
};

}  // namespace moq::capi

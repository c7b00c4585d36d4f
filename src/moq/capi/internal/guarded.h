#pragma once

#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace moq::capi {

/// A handle of the C++ API, which one thread at a time may use, for threads that share a C handle.
/// Ending calls take it out; who comes later finds nothing, as if the C handle were unknown.
template <typename T>
class Guarded {
 public:
  explicit Guarded(T value) : value_(std::move(value)) {}

  /// Runs `use(T&)` under the lock and returns what it returns; nothing if the value was taken.
  template <typename Use>
  std::optional<std::invoke_result_t<Use&, T&>> with(Use&& use) {
    const std::lock_guard lock(mutex_);
    if (!value_) return std::nullopt;
    return use(*value_);
  }
  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace moq::capi

#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "moq/base/result.h"

namespace moq::kio {

/// The value of a `Poll` that carries none.
struct Unit {
  bool operator==(const Unit&) const = default;
};

struct Pending {};
/// "Not yet": what a poll function returns after it registered its waiter.
inline constexpr Pending kPending{};

/// What a poll function returns: pending, or a value.
template <typename T>
class [[nodiscard]] Poll {
 public:
  using Value = T;
  Poll(Pending) {}
  template <typename U = T>
    requires std::is_constructible_v<T, U&&> && (!std::is_same_v<std::remove_cvref_t<U>, Poll>) &&
             (!std::is_same_v<std::remove_cvref_t<U>, Pending>)
  Poll(U&& value) : value_(std::forward<U>(value)) {}

  [[nodiscard]] bool ready() const { return value_.has_value(); }
  [[nodiscard]] bool pending() const { return !value_.has_value(); }
  explicit operator bool() const { return ready(); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
};

}  // namespace moq::kio

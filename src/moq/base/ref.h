#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace moq {

/// Base of objects that count their owners atomically. Starts with one, held by `Ref::adopt`.
template <typename Derived>
class RefCounted {
 public:
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Derived::destroy(static_cast<const Derived*>(this));
    }
  }
  /// True if the caller holds the only reference.
  [[nodiscard]] bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  /// Hides in `Derived` to free in another way.
  static void destroy(const Derived* self) { delete self; }

 private:
  friend Derived;
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  ~RefCounted() = default;

  mutable std::atomic<std::uint32_t> count_{1};
};

/// A counted reference to a `RefCounted` object, or null.
template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  Ref(const Ref& other) : object_(other.object_) {
    if (object_) object_->retain();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  /// From a reference to a derived object.
  template <typename U>
    requires(!std::is_same_v<U, T> && std::is_convertible_v<U*, T*>)
  Ref(Ref<U> other) noexcept : object_(other.leak()) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }

  /// Takes over the reference that a new object starts with.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  /// Adds a reference to an object that somebody else holds.
  static Ref share(T* object) {
    if (object) object->retain();
    return adopt(object);
  }
  template <typename... Args>
  static Ref make(Args&&... args) {
    return adopt(new T(std::forward<Args>(args)...));
  }

  /// Gives the reference away; null after.
  [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& other) const = default;

 private:
  T* object_ = nullptr;
};

}  // namespace moq

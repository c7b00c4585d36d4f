#pragma once

#include <optional>
#include <utility>

#include "moq/base/result.h"
#include "moq/kio/channel.h"

namespace moq::kio {

template <typename T>
class WeakShared;

/// One state with many equal handles, each of which reads, edits and waits. Lives as long as a
/// handle does; it is never closed. Handles may be used from any thread, one at a time each; a
/// moved-from one may only be assigned to or destroyed.
template <typename T>
class Shared {
 public:
  using Ref = typename Producer<T>::Ref;
  using Mut = typename Producer<T>::Mut;

  explicit Shared(T initial = {}) : state_(std::move(initial)) {}
  [[nodiscard]] Shared clone() const { return Shared(state_.clone()); }
  [[nodiscard]] WeakShared<T> weak() const { return WeakShared<T>(state_.weak()); }

  /// The value, locked for reading while the guard lives. Keep it short; never across `co_await`.
  [[nodiscard]] Ref read() const { return state_.read(); }
  /// The value, locked for writing while the guard lives; see `Producer::Mut`.
  [[nodiscard]] Mut mut() { return state_.mut(); }
  /// Runs `edit(T&)`, which says whether it changed anything; if so, wakes those who wait.
  template <typename Edit>
  void write(Edit&& edit) {
    state_.write(std::forward<Edit>(edit));
  }

  /// Calls `read(const T&)`, which returns a `Poll`. While that is pending, registers `waiter` for
  /// the next change.
  template <typename Read>
  Poll<detail::Polled<Read, const T&>> poll(const Waiter& waiter, Read&& read) const {
    auto result = state_.poll(waiter, std::forward<Read>(read));
    if (result.pending()) return kPending;
    MOQ_ASSERT(result->has_value());  // Nobody can close it: this handle keeps it open.
    return **std::move(result);
  }
  /// Awaitable twin of `poll`. `read` must live until it is done.
  template <typename Read>
  auto when(Read& read) const {
    return kio::wait([this, &read](const Waiter& waiter) { return poll(waiter, read); });
  }
  [[nodiscard]] bool same_state(const Shared& other) const {
    return state_.same_channel(other.state_);
  }

 private:
  friend WeakShared<T>;
  explicit Shared(Producer<T> state) : state_(std::move(state)) {}
  Producer<T> state_;
};

/// Names a shared state without keeping it.
template <typename T>
class WeakShared {
 public:
  WeakShared() = default;
  /// A handle, unless the last one is gone.
  [[nodiscard]] std::optional<Shared<T>> upgrade() const {
    std::optional<Producer<T>> state = state_.upgrade();
    if (!state) return std::nullopt;
    return Shared<T>(*std::move(state));
  }

 private:
  friend Shared<T>;
  explicit WeakShared(WeakProducer<T> state) : state_(std::move(state)) {}
  WeakProducer<T> state_;
};

}  // namespace moq::kio

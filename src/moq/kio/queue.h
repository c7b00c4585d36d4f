#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "moq/base/result.h"
#include "moq/kio/channel.h"
#include "moq/kio/sync.h"
#include "moq/kio/task.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

/// What became of an item that was not to wait.
enum class Push : std::uint8_t {
  done,    ///< Queued; the item is moved from.
  full,    ///< The limit is reached; the item is untouched.
  closed,  ///< Nobody takes it any more; the item is untouched.
};

/// A bounded first-in, first-out queue with many equal handles: each may push, pop and close.
/// After `close()` nothing goes in, and what is in can still be popped. Handles may be used from
/// any thread, one at a time each; a moved-from one may only be assigned to or destroyed.
template <typename T>
class Queue {
 public:
  /// Holds up to `limit` items, at least 1: a named constant of the owner, who knows what fills it.
  explicit Queue(std::size_t limit) : state_(std::make_shared<State>(limit)) {
    MOQ_ASSERT(limit > 0);
  }
  Queue(Queue&&) noexcept = default;
  Queue& operator=(Queue&&) noexcept = default;
  ~Queue() = default;
  [[nodiscard]] Queue clone() const { return Queue(state_); }

  /// Moves `item` in if there is room now.
  Push try_push(T&& item) { return push_or_wait(item, Waiter::none()); }
  /// Ready when `item` is moved in; fails, and leaves it, once closed.
  Poll<Result<void, Closed>> poll_push(const Waiter& waiter, T& item) {
    switch (push_or_wait(item, waiter)) {
      case Push::done:
        return Result<void, Closed>();
      case Push::closed:
        return Result<void, Closed>(std::unexpected(Closed{}));
      case Push::full:
        break;
    }
    return kPending;
  }
  /// Awaitable twin of `poll_push`. `item` must live until it is done.
  auto push(T& item) {
    return kio::wait([this, &item](const Waiter& waiter) { return poll_push(waiter, item); });
  }

  /// The oldest item, if there is one now.
  std::optional<T> try_pop() { return take().item; }
  /// Ready with the oldest item; fails once closed and empty.
  Poll<Result<T, Closed>> poll_pop(const Waiter& waiter) {
    Taken taken = take(waiter);
    if (taken.item) return Result<T, Closed>(*std::move(taken.item));
    if (taken.closed) return Result<T, Closed>(std::unexpected(Closed{}));
    return kPending;
  }
  auto pop() {
    return kio::wait([this](const Waiter& waiter) { return poll_pop(waiter); });
  }

  /// Lets nothing in any more; wakes all who wait.
  void close() {
    WaiterList woken;
    {
      std::lock_guard lock(state_->mutex);
      if (std::exchange(state_->closed, true)) return;
      woken = state_->on_item.take();
      woken.append(state_->on_room.take());
    }
    woken.wake();
  }

  [[nodiscard]] std::size_t size() const {
    std::lock_guard lock(state_->mutex);
    return state_->items.size();
  }
  [[nodiscard]] std::size_t limit() const { return state_->limit; }
  [[nodiscard]] bool is_closed() const {
    std::lock_guard lock(state_->mutex);
    return state_->closed;
  }

 private:
  struct State {
    explicit State(std::size_t most) : limit(most) {}
    const std::size_t limit;
    mutable Mutex mutex;
    std::deque<T> items;
    bool closed = false;
    WaiterList on_item;  // For poppers; also woken by closing.
    WaiterList on_room;  // For pushers; also woken by closing.
  };
  struct Taken {
    std::optional<T> item;
    bool closed = false;
  };
  explicit Queue(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Push push_or_wait(T& item, const Waiter& waiter) {
    WaiterList woken;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->closed) return Push::closed;
      if (state_->items.size() >= state_->limit) {
        state_->on_room.add(waiter);
        return Push::full;
      }
      state_->items.push_back(std::move(item));
      woken = state_->on_item.take();
    }
    woken.wake();
    return Push::done;
  }
  Taken take(const Waiter& waiter = Waiter::none()) {
    Taken taken;
    WaiterList woken;
    {
      std::lock_guard lock(state_->mutex);
      taken.closed = state_->closed;
      if (state_->items.empty()) {
        if (!taken.closed) state_->on_item.add(waiter);
        return taken;
      }
      taken.item.emplace(std::move(state_->items.front()));
      state_->items.pop_front();
      woken = state_->on_room.take();
    }
    woken.wake();
    return taken;
  }

  std::shared_ptr<State> state_;
};

}  // namespace moq::kio

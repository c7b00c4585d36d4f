#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "moq/kio/sync.h"
#include "moq/kio/task.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

/// The channel can change no more.
struct Closed {
  bool operator==(const Closed&) const = default;
};

template <typename T>
class Producer;
template <typename T>
class Consumer;
template <typename T>
class WeakProducer;
template <typename T>
class WeakConsumer;

namespace detail {

template <typename T>
struct ChannelState {
  explicit ChannelState(T initial) : value(std::move(initial)) {}
  Mutex mutex;
  T value;
  bool closed = false;
  std::size_t producers = 0;
  std::size_t consumers = 0;
  WaiterList on_change;  // The value; also woken by closing.
  WaiterList on_close;
  WaiterList on_use;  // Consumers came (from none) or went (to none); also woken by closing.

  /// Under the lock: ends the channel and collects who must hear of it.
  WaiterList close_locked() {
    WaiterList woken;
    if (std::exchange(closed, true)) return woken;
    woken = on_change.take();
    woken.append(on_close.take());
    woken.append(on_use.take());
    return woken;
  }
};

template <typename Read, typename Argument>
using Polled = typename std::invoke_result_t<Read&, Argument>::Value;

/// What both ends can do: read, and wait for the value or the end.
template <typename T>
class ChannelHandle {
 public:
  /// The value, locked for reading while the guard lives. Keep it short; never across `co_await`.
  class Ref {
   public:
    const T& operator*() const { return state_->value; }
    const T* operator->() const { return &state_->value; }
    [[nodiscard]] bool closed() const { return state_->closed; }

   private:
    friend ChannelHandle;
    explicit Ref(const ChannelState<T>* state, std::unique_lock<Mutex> lock)
        : state_(state), lock_(std::move(lock)) {}
    const ChannelState<T>* state_;
    std::unique_lock<Mutex> lock_;
  };
  [[nodiscard]] Ref read() const { return Ref(state_.get(), std::unique_lock(state_->mutex)); }

  /// Calls `read(const T&)`, which returns a `Poll`. While that is pending, registers `waiter` for
  /// the next change; fails with `Closed` once none can come.
  template <typename Read>
  Poll<Result<Polled<Read, const T&>, Closed>> poll(const Waiter& waiter, Read&& read) const {
    std::lock_guard lock(state_->mutex);
    if (auto ready = read(std::as_const(state_->value))) {
      return Result<Polled<Read, const T&>, Closed>(*std::move(ready));
    }
    if (state_->closed) return Result<Polled<Read, const T&>, Closed>(std::unexpected(Closed{}));
    state_->on_change.add(waiter);
    return kPending;
  }
  /// Awaitable twin of `poll`. `read` must live until it is done.
  template <typename Read>
  auto when(Read& read) const {
    return kio::wait([this, &read](const Waiter& waiter) { return poll(waiter, read); });
  }

  /// Ready when the channel is closed.
  Poll<Unit> poll_closed(const Waiter& waiter) const {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return Unit{};
    state_->on_close.add(waiter);
    return kPending;
  }
  auto closed() const {
    return kio::wait([this](const Waiter& waiter) { return poll_closed(waiter); });
  }
  [[nodiscard]] bool is_closed() const { return read().closed(); }
  [[nodiscard]] bool same_channel(const ChannelHandle& other) const {
    return state_ == other.state_;
  }

 protected:
  explicit ChannelHandle(std::shared_ptr<ChannelState<T>> state) : state_(std::move(state)) {}
  std::shared_ptr<ChannelState<T>> state_;
};

}  // namespace detail

/// The writing end of a value that others watch. The channel closes with its last producer, or by
/// `close()`; the last value stays readable. Handles may be used from any thread, one at a time
/// each; a moved-from one may only be assigned to or destroyed.
template <typename T>
class Producer : public detail::ChannelHandle<T> {
  using Base = detail::ChannelHandle<T>;

 public:
  explicit Producer(T initial = {})
      : Producer(std::make_shared<detail::ChannelState<T>>(std::move(initial))) {}
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept {
    if (this != &other) {
      release();
      this->state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Producer() { release(); }
  [[nodiscard]] Producer clone() const { return Producer(this->state_); }

  /// Runs `edit(T&)`, which says whether it changed anything; if so, or if it throws, wakes the
  /// readers. Returns false, without running it, once closed.
  template <typename Edit>
  bool write(Edit&& edit) {
    Mut guard = mut();
    if (guard.closed()) return false;
    T& value = guard.edit();
    guard.changed_ = edit(value);
    return true;
  }
  /// Assigns; wakes the readers if the value differs.
  bool set(T value) {
    return write([&value](T& current) {
      if (current == value) return false;
      // The old value is destroyed after the lock: that may run any code.
      std::swap(current, value);
      return true;
    });
  }

  /// The value, locked for writing while the guard lives. Reading through it changes nothing;
  /// the first use of `edit()` marks the value changed, and the guard's end wakes the readers.
  /// Once closed, nobody watches: an edit only changes what is read from then on.
  class Mut {
   public:
    Mut(Mut&&) = delete;
    ~Mut() {
      WaiterList woken;
      if (changed_) woken = state_->on_change.take();
      lock_.unlock();
      woken.wake();
    }
    const T& operator*() const { return state_->value; }
    const T* operator->() const { return &state_->value; }
    [[nodiscard]] bool closed() const { return state_->closed; }
    T& edit() {
      changed_ = true;
      return state_->value;
    }

   private:
    friend Producer;
    explicit Mut(detail::ChannelState<T>* state) : state_(state), lock_(state->mutex) {}
    detail::ChannelState<T>* state_;
    std::unique_lock<Mutex> lock_;
    bool changed_ = false;
  };
  [[nodiscard]] Mut mut() { return Mut(this->state_.get()); }

  /// Ends the channel for all. The last value stays readable.
  void close() {
    WaiterList woken;
    {
      std::lock_guard lock(this->state_->mutex);
      woken = this->state_->close_locked();
    }
    woken.wake();
  }

  [[nodiscard]] Consumer<T> consume() const { return Consumer<T>(this->state_); }
  [[nodiscard]] WeakProducer<T> weak() const { return WeakProducer<T>(this->state_); }
  [[nodiscard]] WeakConsumer<T> weak_consumer() const { return WeakConsumer<T>(this->state_); }

  /// Ready while there is a consumer; fails once closed.
  Poll<Result<void, Closed>> poll_used(const Waiter& waiter) const {
    return poll_use(waiter, true);
  }
  /// Ready while there is none; fails once closed.
  Poll<Result<void, Closed>> poll_unused(const Waiter& waiter) const {
    return poll_use(waiter, false);
  }
  auto used() const {
    return kio::wait([this](const Waiter& waiter) { return poll_used(waiter); });
  }
  auto unused() const {
    return kio::wait([this](const Waiter& waiter) { return poll_unused(waiter); });
  }

 private:
  friend WeakProducer<T>;
  explicit Producer(std::shared_ptr<detail::ChannelState<T>> state) : Base(std::move(state)) {
    std::lock_guard lock(this->state_->mutex);
    ++this->state_->producers;
  }
  struct Counted {};
  Producer(Counted, std::shared_ptr<detail::ChannelState<T>> state) : Base(std::move(state)) {}
  void release() {
    auto state = std::exchange(this->state_, nullptr);
    if (!state) return;
    WaiterList woken;
    {
      std::lock_guard lock(state->mutex);
      if (--state->producers == 0) woken = state->close_locked();
    }
    woken.wake();
  }
  Poll<Result<void, Closed>> poll_use(const Waiter& waiter, bool used) const {
    std::lock_guard lock(this->state_->mutex);
    if (this->state_->closed) return Result<void, Closed>(std::unexpected(Closed{}));
    if ((this->state_->consumers > 0) == used) return Result<void, Closed>();
    this->state_->on_use.add(waiter);
    return kPending;
  }
};

/// The watching end.
template <typename T>
class Consumer : public detail::ChannelHandle<T> {
  using Base = detail::ChannelHandle<T>;

 public:
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&& other) noexcept {
    if (this != &other) {
      release();
      this->state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Consumer() { release(); }
  [[nodiscard]] Consumer clone() const { return Consumer(this->state_); }
  [[nodiscard]] WeakConsumer<T> weak() const { return WeakConsumer<T>(this->state_); }

 private:
  friend Producer<T>;
  friend WeakConsumer<T>;
  explicit Consumer(std::shared_ptr<detail::ChannelState<T>> state) : Base(std::move(state)) {
    WaiterList woken;
    {
      std::lock_guard lock(this->state_->mutex);
      if (this->state_->consumers++ == 0) woken = this->state_->on_use.take();
    }
    woken.wake();
  }
  void release() {
    auto state = std::exchange(this->state_, nullptr);
    if (!state) return;
    WaiterList woken;
    {
      std::lock_guard lock(state->mutex);
      if (--state->consumers == 0) woken = state->on_use.take();
    }
    woken.wake();
  }
};

/// Names a channel without keeping it open.
template <typename T>
class WeakProducer {
 public:
  WeakProducer() = default;
  /// A producer, unless the channel is closed or gone.
  [[nodiscard]] std::optional<Producer<T>> upgrade() const {
    auto state = state_.lock();
    if (!state) return std::nullopt;
    std::unique_lock lock(state->mutex);
    if (state->closed) return std::nullopt;
    ++state->producers;
    lock.unlock();
    return Producer<T>(typename Producer<T>::Counted{}, std::move(state));
  }

 private:
  friend Producer<T>;
  explicit WeakProducer(std::weak_ptr<detail::ChannelState<T>> state) : state_(std::move(state)) {}
  std::weak_ptr<detail::ChannelState<T>> state_;
};

/// Names a channel without using it. Watching resumes by `upgrade()`, also after a close.
template <typename T>
class WeakConsumer {
 public:
  WeakConsumer() = default;
  /// A consumer, unless every handle of the channel is gone.
  [[nodiscard]] std::optional<Consumer<T>> upgrade() const {
    auto state = state_.lock();
    if (!state) return std::nullopt;
    return Consumer<T>(std::move(state));
  }

 private:
  friend Producer<T>;
  friend Consumer<T>;
  explicit WeakConsumer(std::weak_ptr<detail::ChannelState<T>> state) : state_(std::move(state)) {}
  std::weak_ptr<detail::ChannelState<T>> state_;
};

}  // namespace moq::kio

#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

namespace detail {

/// The innermost thing a task waits for.
class Pollable {
 public:
  /// Polls; returns whether the task can go on.
  virtual bool poll(const Waiter& waiter) = 0;
  std::coroutine_handle<> handle;  ///< Resumed when ready.

 protected:
  ~Pollable() = default;
};

/// What all coroutines of one spawned task share: where it runs, what it waits for, what resumes
/// next. Coroutines are resumed from `run_round()` alone, never from one another, so the stack
/// stays flat however many await each other.
class TaskContext : public WakeNode {
 public:
  using WakeNode::WakeNode;
  /// The waiter for one call of a poll function. What earlier calls registered no longer wakes.
  [[nodiscard]] Waiter next_waiter() { return {*this, next_round()}; }
  void wait_for(Pollable* pollable) { waiting_ = pollable; }
  void forget(Pollable* pollable) {
    if (waiting_ == pollable) waiting_ = nullptr;
  }
  void resume_next(std::coroutine_handle<> handle) { next_handle_ = handle; }

 protected:
  /// Polls what the task waits for, or starts with `start`; resumes the task as long as it can go
  /// on.
  void run_round(std::coroutine_handle<> start);

 private:
  Pollable* waiting_ = nullptr;
  std::coroutine_handle<> next_handle_;
};

struct PromiseBase {
  TaskContext* context = nullptr;
  std::coroutine_handle<> parent;
  bool done = false;

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      PromiseBase& promise = self.promise();
      promise.done = true;
      if (promise.parent) promise.context->resume_next(promise.parent);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct Promise;

}  // namespace detail

/// A coroutine that runs on one executor. Lazy: it starts when awaited or spawned, on the thread
/// of its executor, and stays there. Destroying it cancels it, wherever it waits.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  class Awaiter {
   public:
    explicit Awaiter(Handle handle) : handle_(handle) {}
    bool await_ready() const noexcept { return false; }
    template <typename P>
    void await_suspend(std::coroutine_handle<P> parent) {
      promise_type& promise = handle_.promise();
      promise.context = parent.promise().context;
      promise.parent = parent;
      promise.context->resume_next(handle_);
    }
    T await_resume() { return handle_.promise().take(); }

   private:
    Handle handle_;
  };
  /// Runs the task to its end as part of the caller. At most once.
  Awaiter operator co_await() && {
    MOQ_ASSERT(handle_ && !handle_.promise().context);
    return Awaiter(handle_);
  }

  /// For executors: the coroutine itself.
  [[nodiscard]] Handle handle() const { return handle_; }

 private:
  friend promise_type;
  explicit Task(Handle handle) : handle_(handle) {}
  void reset() {
    if (Handle handle = std::exchange(handle_, {})) handle.destroy();
  }
  Handle handle_;
};

namespace detail {

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
  }
  template <typename U = T>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return *std::move(value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
  }
  void return_void() {}
  void take() {}
};

}  // namespace detail

/// The awaitable twin of a poll function:
/// `co_await wait([&](const Waiter& waiter) { return poll_x(waiter); });`
/// Each call of the function replaces the one before: what wakes the task is what the last call
/// registered. The function must capture references, `this` or scalars only; see
/// `compiler_test.cc`.
template <typename Function>
class [[nodiscard]] Wait final : detail::Pollable {
 public:
  using Value = typename std::invoke_result_t<Function&, const Waiter&>::Value;

  explicit Wait(Function function) : function_(std::move(function)) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (context_) context_->forget(this);
  }

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    detail::TaskContext* context = coroutine.promise().context;
    if (poll(context->next_waiter())) return false;
    context_ = context;
    handle = coroutine;
    context->wait_for(this);
    return true;
  }
  Value await_resume() { return *std::move(value_); }

 private:
  bool poll(const Waiter& waiter) override {
    auto result = function_(waiter);
    if (result.pending()) return false;
    value_.emplace(*std::move(result));
    return true;
  }

  Function function_;
  std::optional<Value> value_;
  detail::TaskContext* context_ = nullptr;
};

template <typename Function>
Wait<Function> wait(Function function) {
  return Wait<Function>(std::move(function));
}

}  // namespace moq::kio

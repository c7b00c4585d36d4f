#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "moq/kio/clock.h"
#include "moq/kio/run_queue.h"
#include "moq/kio/task.h"

namespace moq::kio {

namespace detail {

/// A spawned coroutine: owns it, runs it, and tells who waits for its end.
class RootBase : public TaskContext {
 public:
  explicit RootBase(Ref<RunQueue> queue) : TaskContext(std::move(queue)) {}
  /// Destroys the coroutine: now, or, called from within it, when its round is over.
  void cancel();
  [[nodiscard]] bool finished() const { return finished_; }
  WaiterList on_finished;  // Owner's thread only.

 protected:
  void run() override;
  virtual std::coroutine_handle<> coroutine() const = 0;
  virtual void destroy_coroutine() = 0;
  virtual bool coroutine_done() const = 0;

 private:
  bool started_ = false;
  bool running_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

template <typename T>
class Root final : public RootBase {
 public:
  Root(Ref<RunQueue> queue, Task<T> task) : RootBase(std::move(queue)), task_(std::move(task)) {
    task_->handle().promise().context = this;
  }
  T take() {
    if constexpr (std::is_void_v<T>) {
      task_.reset();
    } else {
      T value = task_->handle().promise().take();
      task_.reset();
      return value;
    }
  }

 private:
  std::coroutine_handle<> coroutine() const override { return task_->handle(); }
  bool coroutine_done() const override { return task_->handle().promise().done; }
  void destroy_coroutine() override { task_.reset(); }
  std::optional<Task<T>> task_;
};

}  // namespace detail

/// A running task. Dropping the handle cancels the task; a task that should outlive its spawner
/// goes into a `TaskGroup`. Belongs to the executor's thread.
template <typename T = void>
class [[nodiscard]] Spawned {
 public:
  Spawned() = default;
  explicit Spawned(Ref<detail::Root<T>> root) : root_(std::move(root)) {}
  Spawned(Spawned&&) noexcept = default;
  Spawned& operator=(Spawned&& other) noexcept {
    if (this != &other) {
      cancel();
      root_ = std::move(other.root_);
    }
    return *this;
  }
  ~Spawned() { cancel(); }

  void cancel() {
    if (Ref<detail::Root<T>> root = std::exchange(root_, nullptr)) root->cancel();
  }
  [[nodiscard]] bool finished() const { return !root_ || root_->finished(); }
  /// Ready, once, with the task's value.
  Poll<std::conditional_t<std::is_void_v<T>, Unit, T>> poll_join(const Waiter& waiter) {
    if (!root_->finished()) {
      root_->on_finished.add(waiter);
      return kPending;
    }
    if constexpr (std::is_void_v<T>) {
      return Unit{};
    } else {
      return root_->take();
    }
  }
  auto join() {
    return kio::wait([this](const Waiter& waiter) { return poll_join(waiter); });
  }

 private:
  friend class TaskGroup;
  /// Lets a task at its very end finish on its own.
  void release() { root_ = nullptr; }
  Ref<detail::Root<T>> root_;
};

/// Runs tasks, one thread each. A subclass drives it: `io::Loop` by epoll, `sim::World` by virtual
/// time. Everything but `post()` belongs to its thread.
class Executor {
 public:
  explicit Executor(std::function<void()> notify) : queue_(Ref<RunQueue>::make(std::move(notify))) {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() { queue_->close(); }

  /// The clock that tasks of this executor live by.
  virtual Clock& clock() = 0;

  /// Starts `task` at the next turn of the executor.
  template <typename T>
  Spawned<T> spawn(Task<T> task) {
    auto root = Ref<detail::Root<T>>::make(queue_, std::move(task));
    root->wake();
    return Spawned<T>(std::move(root));
  }
  /// Runs `function` on the executor's thread. From any thread; dropped unrun if the executor ends.
  void post(std::move_only_function<void()> function);

  [[nodiscard]] const Ref<RunQueue>& queue() const { return queue_; }

 protected:
  Ref<RunQueue> queue_;
};

/// Tasks with one owner: all are cancelled when it goes, each is dropped when it ends.
class TaskGroup {
 public:
  explicit TaskGroup(Executor& executor) : executor_(&executor) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { clear(); }

  void spawn(Task<void> task);
  /// Cancels all.
  void clear();
  [[nodiscard]] std::size_t size() const { return state_->live; }
  /// Ready while no task runs.
  Poll<Unit> poll_empty(const Waiter& waiter);
  [[nodiscard]] Executor& executor() const { return *executor_; }

 private:
  struct State {
    std::list<Spawned<void>> tasks;
    std::size_t live = 0;
    WaiterList on_empty;
  };
  static Task<void> run(std::weak_ptr<State> state, std::list<Spawned<void>>::iterator self,
                        Task<void> task);
  Executor* executor_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Waits for `delay`.
Task<void> sleep(Clock& clock, Duration delay);

/// The executor's turn goes to others, then the caller goes on.
Task<void> yield();

}  // namespace moq::kio

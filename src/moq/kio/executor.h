#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "moq/kio/clock.h"
#include "moq/kio/run_queue.h"
#include "moq/kio/task.h"

namespace moq::kio {

namespace detail {

/// A spawned coroutine: owns it, runs it, and tells who waits for its end. Stale registrations may
/// hold this object long after, on any thread; so the coroutine and all it owns are destroyed when
/// it ends or is cancelled, on the executor's thread.
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
  virtual bool coroutine_done() const = 0;
  virtual void keep_value() = 0;
  virtual void destroy_coroutine() = 0;
  virtual void drop_value() = 0;

 private:
  void finish();
  void destroy();

  bool started_ = false;
  bool running_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

template <typename T>
class Root final : public RootBase {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, Unit, T>;

  Root(Ref<RunQueue> queue, Task<T> task) : RootBase(std::move(queue)), task_(std::move(task)) {
    MOQ_ASSERT(task_->handle() && !task_->handle().promise().context);
    task_->handle().promise().context = this;
  }
  /// The value of the finished task; once.
  Value take() {
    MOQ_ASSERT(value_);
    Value value = *std::move(value_);
    if constexpr (!std::is_void_v<T>) value_.reset();
    return value;
  }

 private:
  std::coroutine_handle<> coroutine() const override { return task_->handle(); }
  bool coroutine_done() const override { return task_->handle().promise().done; }
  void keep_value() override {
    if constexpr (std::is_void_v<T>) {
      value_.emplace();
    } else {
      value_.emplace(task_->handle().promise().take());
    }
  }
  void destroy_coroutine() override { task_.reset(); }
  void drop_value() override { value_.reset(); }
  std::optional<Task<T>> task_;
  std::optional<Value> value_;
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

  /// Destroys the task: now, or, called from within it, when it next waits.
  void cancel() {
    if (Ref<detail::Root<T>> root = std::exchange(root_, nullptr)) root->cancel();
  }
  [[nodiscard]] bool finished() const { return !root_ || root_->finished(); }
  /// Ready, once, with the task's value. Not after `cancel()`: there is none then, and who waits
  /// for it is not woken.
  Poll<typename detail::Root<T>::Value> poll_join(const Waiter& waiter) {
    MOQ_ASSERT(root_);
    if (root_->finished()) return root_->take();
    root_->on_finished.add(waiter);
    return kPending;
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

/// Posts to an executor that may have ended meanwhile. For other threads; copy it freely.
class Remote {
 public:
  explicit Remote(Ref<RunQueue> queue) : queue_(std::move(queue)) {}
  /// Runs `function` on the executor's thread. Returns false, and destroys `function` here and
  /// unrun, if the executor has ended; if it ends before the turn comes, `function` dies with it.
  bool post(std::move_only_function<void()> function) const;

 private:
  Ref<RunQueue> queue_;
};

/// Runs tasks, one thread each. A subclass drives it: `io::Loop` by epoll, `sim::World` by virtual
/// time. Everything but `post()` belongs to its thread. Tasks may outlive it: they never run again,
/// and are destroyed with their handles.
class Executor {
 public:
  /// `notify` as in `RunQueue`. A subclass whose `notify` uses its members closes the queue in its
  /// own destructor, before they go.
  explicit Executor(std::function<void()> notify)
      : queue_(Ref<RunQueue>::make(std::move(notify))) {}
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
  /// Runs `function` on the executor's thread. From any thread that knows the executor to live;
  /// others use `remote()`. Dropped unrun if the executor ends first.
  void post(std::move_only_function<void()> function);
  [[nodiscard]] Remote remote() const { return Remote(queue_); }

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
  /// Cancels all. May be called by a member: that one is destroyed when it next waits.
  void clear();
  [[nodiscard]] std::size_t size() const { return state_->live; }
  /// Ready while no task runs.
  Poll<Unit> poll_empty(const Waiter& waiter);
  [[nodiscard]] auto empty() {
    return kio::wait([this](const Waiter& waiter) { return poll_empty(waiter); });
  }
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

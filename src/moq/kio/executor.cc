#include "moq/kio/executor.h"

namespace moq::kio {
namespace {

class Posted final : public WakeNode {
 public:
  Posted(Ref<RunQueue> queue, std::move_only_function<void()> function)
      : WakeNode(std::move(queue)), function_(std::move(function)) {}

 private:
  void run() override { std::exchange(function_, nullptr)(); }
  std::move_only_function<void()> function_;
};

}  // namespace

namespace detail {

void TaskContext::run_round(std::coroutine_handle<> start) {
  round_now_ = next_round();
  std::coroutine_handle<> handle = start;
  if (!handle && waiting_) {
    Pollable* pollable = waiting_;
    if (!pollable->poll(waiter())) return;
    waiting_ = nullptr;
    handle = pollable->handle;
  }
  while (handle) {
    handle.resume();
    handle = std::exchange(next_handle_, {});
  }
}

void RootBase::run() {
  if (finished_ || cancelled_) return;
  running_ = true;
  run_round(std::exchange(started_, true) ? std::coroutine_handle<>{} : coroutine());
  running_ = false;
  if (cancelled_) {
    close();
    destroy_coroutine();
  } else if (coroutine_done()) {
    finished_ = true;
    close();
    on_finished.wake();
  }
}

void RootBase::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (running_) return;  // `run()` destroys it.
  close();
  destroy_coroutine();
}

}  // namespace detail

void Executor::post(std::move_only_function<void()> function) {
  Ref<Posted>::make(queue_, std::move(function))->wake();
}

void TaskGroup::spawn(Task<void> task) {
  auto& tasks = state_->tasks;
  tasks.emplace_back();
  const auto self = std::prev(tasks.end());
  ++state_->live;
  *self = executor_->spawn(run(state_, self, std::move(task)));
}

Task<void> TaskGroup::run(std::weak_ptr<State> weak, std::list<Spawned<void>>::iterator self,
                          Task<void> task) {
  co_await std::move(task);
  const std::shared_ptr<State> state = weak.lock();
  if (!state) co_return;
  WaiterList woken;
  if (--state->live == 0) woken = state->on_empty.take();
  self->release();
  state->tasks.erase(self);
  woken.wake();
}

void TaskGroup::clear() {
  // A task that is being cancelled may spawn or clear again: it sees an empty, living group.
  const std::shared_ptr<State> old = std::exchange(state_, std::make_shared<State>());
  WaiterList woken = old->on_empty.take();
  std::list<Spawned<void>> tasks = std::exchange(old->tasks, {});
  tasks.clear();
  woken.wake();
}

Poll<Unit> TaskGroup::poll_empty(const Waiter& waiter) {
  if (state_->live == 0) return Unit{};
  state_->on_empty.add(waiter);
  return kPending;
}

Task<void> sleep(Clock& clock, Duration delay) {
  Timer timer(clock, clock.now() + delay);
  co_await wait([&timer](const Waiter& waiter) { return timer.poll(waiter); });
}

Task<void> yield() {
  bool again = false;
  WaiterList self;
  co_await wait([&](const Waiter& waiter) -> Poll<Unit> {
    if (std::exchange(again, true)) return Unit{};
    self.add(waiter);
    self.wake();
    return kPending;
  });
}

}  // namespace moq::kio

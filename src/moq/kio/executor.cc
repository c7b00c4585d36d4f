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
  std::coroutine_handle<> handle = start;
  if (!handle && waiting_) {
    Pollable* pollable = waiting_;
    if (!pollable->poll(next_waiter())) return;
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
  MOQ_ASSERT(!running_);
  running_ = true;
  run_round(std::exchange(started_, true) ? std::coroutine_handle<>{} : coroutine());
  running_ = false;
  if (cancelled_) {
    destroy();
  } else if (coroutine_done()) {
    finish();
  }
}

void RootBase::finish() {
  close();
  keep_value();
  // Its parameters live until here; whoever joins may count on their end.
  destroy_coroutine();
  finished_ = true;
  on_finished.wake();
}

void RootBase::destroy() {
  close();
  destroy_coroutine();
  drop_value();
}

void RootBase::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (!running_) destroy();  // Else `run()` does.
}

}  // namespace detail

bool Remote::post(std::move_only_function<void()> function) const {
  return queue_->push(Ref<Posted>::make(queue_, std::move(function)));
}

void Executor::post(std::move_only_function<void()> function) {
  remote().post(std::move(function));
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
  {
    // Ends with all it owns before the group says so.
    Task<void> member = std::move(task);
    co_await std::move(member);
  }
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
  Timer timer(clock, after(clock.now(), delay));
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

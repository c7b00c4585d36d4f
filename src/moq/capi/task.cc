#include "moq/capi/internal/task.h"

namespace moq::capi {

bool Task::close() {
  bool first = false;
  closing_.write([&first](bool& closing) { return first = !std::exchange(closing, true); });
  return first;
}

kio::Poll<kio::Unit> Task::poll_closing(const kio::Waiter& waiter) const {
  return closing_.poll(waiter, [](bool closing) -> kio::Poll<kio::Unit> {
    if (closing) return kio::Unit{};
    return kio::kPending;
  });
}

bool Task::tell(std::int32_t number) {
  if (closing()) return false;
  call(number);
  return !closing();
}

void Task::end(const Result<void>& result) {
  std::int32_t code = 0;
  // A close that was accepted wins over an error that came meanwhile.
  if (!closing() && failure_) {
    code = record(*std::move(failure_));
  } else if (!closing() && !result) {
    code = record(Failure(result.error(), fallback_));
  }
  call(code);
}

void Task::call(std::int32_t code) {
  if (callback_.function == nullptr) return;
  runtime_->call_out([&] { callback_.function(callback_.user_data, code); });
}

void Launch::start(Runtime& runtime, std::shared_ptr<Task> task, Body body, OnClose on_close,
                   std::move_only_function<void()> forget) {
  task->runtime_ = &runtime;
  runtime.post([task = std::move(task), body = std::move(body), on_close,
                forget = std::move(forget)]() mutable {
    kio::TaskGroup& tasks = task->runtime_->tasks();
    tasks.spawn(run(std::move(task), body(), on_close, std::move(forget)));
  });
}

kio::Task<void> Launch::run(std::shared_ptr<Task> task, kio::Task<Result<void>> body,
                            OnClose on_close, std::move_only_function<void()> forget) {
  Result<void> result;
  {
    kio::Spawned<Result<void>> work = task->runtime_->loop().spawn(std::move(body));
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (on_close == OnClose::cancel && task->poll_closing(waiter)) return kio::Unit{};
      auto ended = work.poll_join(waiter);
      if (ended.pending()) return kio::kPending;
      result = *std::move(ended);
      return kio::Unit{};
    });
  }
  forget();
  task->end(result);
}

}  // namespace moq::capi

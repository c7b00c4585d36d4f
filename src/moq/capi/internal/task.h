#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "moq/capi/internal/library.h"
#include "moq/kio/channel.h"
#include "moq/kio/executor.h"
#include "moq/kio/shared.h"

namespace moq::capi {

/// What the application gave to be told by.
struct Callback {
  void (*function)(void* user_data, std::int32_t code) = nullptr;
  void* user_data = nullptr;
};

/// Something that runs on the library's thread and tells by its callback how it goes: any number of
/// positive values, then exactly one terminal, 0 or negative. Section 4 of the contract.
class Task {
 public:
  /// `fallback`: the terminal for an error that has no code of its own.
  explicit Task(Callback callback, std::int32_t fallback = MOQ_ERROR_MOQ)
      : callback_(callback), fallback_(fallback) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  /// Asks the task to end; false if that was done before. From any thread.
  bool close();
  [[nodiscard]] bool closing() const { return *closing_.read(); }
  kio::Poll<kio::Unit> poll_closing(const kio::Waiter& waiter) const;

  // All below belong to the library's thread.

  /// Tells a positive number. False if the task is closing.
  bool tell(std::int32_t number);
  /// The same for what is told in any case: also while closing.
  void tell_first(std::int32_t number) { call(number); }
  /// Tells the handle of `value`, which belongs to the application from then on; not while closing,
  /// nor if nobody listens. False if the task should end.
  template <typename T>
  bool deliver(Table<T>& table, std::shared_ptr<T> value) {
    if (closing() || failure_) return false;
    if (callback_.function == nullptr) return true;
    const std::int32_t handle = table.add(std::move(value));
    if (handle == 0) {
      fail_with({MOQ_ERROR_INVALID_ID, "the process has used up all handle numbers"});
      return false;
    }
    // Not by `tell`: a close that came this moment must not leave a handle that nobody knows.
    call(handle);
    return !closing();
  }
  /// The task ends with this rather than with the error that its body returns.
  void fail_with(Failure failure) { failure_ = std::move(failure); }

 private:
  friend class Launch;
  void end(const Result<void>& result);
  void call(std::int32_t code);

  Runtime* runtime_ = nullptr;
  Callback callback_;
  std::int32_t fallback_;
  std::optional<Failure> failure_;
  kio::Shared<bool> closing_{false};
};

/// What a task does, from start to end: the result is its terminal. Runs on the library's thread.
using Body = std::move_only_function<kio::Task<Result<void>>()>;

/// What becomes of the body when its task is closed.
enum class OnClose : std::uint8_t {
  cancel,  ///< It is destroyed where it waits.
  finish,  ///< It waits for that itself, and ends in good order.
};

/// For `start_task`.
class Launch {
 public:
  /// `forget` takes the task out of its table, before the terminal.
  static void start(Runtime& runtime, std::shared_ptr<Task> task, Body body, OnClose on_close,
                    std::move_only_function<void()> forget);

 private:
  static kio::Task<void> run(std::shared_ptr<Task> task, kio::Task<Result<void>> body,
                             OnClose on_close, std::move_only_function<void()> forget);
};

/// Starts `task` with what it does, as one of `table`; returns its handle. No callback runs before
/// this function could return, on the calling thread.
template <typename T>
std::int32_t start_task(Call& call, Table<T>& table, std::shared_ptr<T> task, Body body,
                        OnClose on_close = OnClose::cancel) {
  Runtime* runtime = Library::get().runtime(call);
  if (runtime == nullptr) return call.status();
  const std::int32_t handle = call.add(table, task);
  if (!call.ok()) return handle;
  Launch::start(*runtime, std::move(task), std::move(body), on_close,
                [&table, handle] { table.take(static_cast<std::uint32_t>(handle)); });
  return handle;
}

/// The functions that ask a task to end. One that is closing is not found any more.
template <typename T>
std::int32_t close_task(Table<T>& table, std::uint32_t handle) {
  Call call;
  call.handle(handle);
  const auto task = call.find(table, handle);
  if (!call.ok() || task->close()) return call.status();
  return call.fail(table.unknown(), std::string("this ") + table.noun() + " is closing already");
}

}  // namespace moq::capi

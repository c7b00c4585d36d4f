#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "moq/capi/moq.h"

namespace moq::capi {

/// What a task's callback told, in order: `callback` with the recorder as its `user_data`. Waits on
/// the test's thread, with a limit that only a bug reaches.
class Recorder {
 public:
  static constexpr std::chrono::seconds kLimit{20};

  static void callback(void* self, std::int32_t code) {
    static_cast<Recorder*>(self)->take_in(code);
  }
  /// The next code; none if it does not come.
  std::optional<std::int32_t> next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kLimit, [this] { return !codes_.empty(); })) return std::nullopt;
    const std::int32_t code = codes_.front();
    codes_.pop_front();
    return code;
  }
  /// The terminal, after whatever comes before it; none if it does not come.
  std::optional<std::int32_t> terminal() {
    for (;;) {
      const std::optional<std::int32_t> code = next();
      if (!code || *code <= 0) return code;
    }
  }
  /// Whether something was told after the terminal.
  [[nodiscard]] bool told_too_much() const {
    const std::lock_guard lock(mutex_);
    return too_much_;
  }
  /// What `moq_error` said in the terminal callback.
  [[nodiscard]] std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  [[nodiscard]] std::thread::id thread() const {
    const std::lock_guard lock(mutex_);
    return thread_;
  }

 private:
  void take_in(std::int32_t code) {
    const std::lock_guard lock(mutex_);
    too_much_ = too_much_ || over_;
    over_ = over_ || code <= 0;
    thread_ = std::this_thread::get_id();
    if (code < 0) error_ = moq_error();
    codes_.push_back(code);
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::int32_t> codes_;
  std::string error_;
  std::thread::id thread_;
  bool over_ = false;
  bool too_much_ = false;
};

}  // namespace moq::capi

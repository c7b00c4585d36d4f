#pragma once

#include <csignal>
#include <memory>
#include <span>

#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"

namespace moq::io {

/// Receives signals as events instead of interruptions. While it lives they are blocked in the
/// thread that made it and in the threads that this one starts after; make it first in `main`.
class Signals {
 public:
  static Result<std::unique_ptr<Signals>> create(Loop& loop, std::span<const int> numbers);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// Restores what was blocked before; call on the same thread.
  ~Signals();

  /// The number of the next signal.
  kio::Poll<Result<int>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  Signals(std::unique_ptr<FdWatch> watch, const sigset_t& blocked_before)
      : watch_(std::move(watch)), before_(blocked_before) {}
  std::unique_ptr<FdWatch> watch_;
  sigset_t before_;
};

}  // namespace moq::io

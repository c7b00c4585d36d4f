#pragma once

#include <cstdint>
#include <memory>

#include "moq/base/result.h"
#include "moq/io/fd.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"

namespace moq::io {

class Loop;

/// A non-blocking file descriptor that a loop watches. Readiness is remembered: it holds until the
/// owner met EAGAIN and cleared it. The loop must outlive it.
class FdWatch {
 public:
  /// Takes `fd` over. Fails with `unsupported` if it cannot be watched, as a regular file.
  static Result<std::unique_ptr<FdWatch>> create(Loop& loop, Fd fd);
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  ~FdWatch();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Ready while a read may bring something: bytes, the end, or an error.
  kio::Poll<kio::Unit> poll_readable(const kio::Waiter& waiter);
  /// Ready while a write may be taken.
  kio::Poll<kio::Unit> poll_writable(const kio::Waiter& waiter);
  /// A read met EAGAIN, or took less than it could: what comes from now on makes it ready again.
  void clear_readable() { readable_ = false; }
  /// A write met EAGAIN.
  void clear_writable() { writable_ = false; }
  /// Wakes the readers and makes the next `poll_readable` ready.
  void force_readable();

 private:
  friend class Loop;
  FdWatch(Loop& loop, Fd fd) : loop_(&loop), fd_(std::move(fd)) {}
  /// Called by the loop. What is to be woken goes to `woken`.
  void on_events(std::uint32_t events, kio::WaiterList& woken);

  Loop* loop_;
  Fd fd_;
  // Both may be wrong until the first EAGAIN tells.
  bool readable_ = true;
  bool writable_ = true;
  bool write_armed_ = false;
  kio::WaiterList on_readable_;
  kio::WaiterList on_writable_;
};

}  // namespace moq::io

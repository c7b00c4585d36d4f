#pragma once

#include <memory>

#include "moq/io/byte_stream.h"
#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"

namespace moq::io {

/// How a descriptor is used without blocking on it.
enum class FdMode : std::uint8_t {
  direct,       ///< A file or null device: always ready, never waited for.
  nonblocking,  ///< A pipe or terminal, opened anew so that nobody else's flags change.
  socket,       ///< Asked per call not to block.
  guarded,      ///< Looked at before each call, and little is moved at once.
};

namespace internal {

/// A descriptor of any kind. The given one is borrowed for `open` alone.
struct FdHandle {
  static Result<FdHandle> open(Loop& loop, int fd, int access);
  [[nodiscard]] int fd() const { return watch ? watch->fd() : file.get(); }
  FdMode mode = FdMode::direct;
  std::unique_ptr<FdWatch> watch;  ///< Null for `direct`.
  Fd file;
};

}  // namespace internal

/// Reads a pipe, terminal, socket or file, such as standard input. Reading a file may wait for the
/// disk. Does not change the flags of `fd`, which other processes may share.
class FdSource final : public ByteSource {
 public:
  /// Copies `fd`, which stays the caller's. `io` if it cannot be read.
  static Result<std::unique_ptr<FdSource>> create(Loop& loop, int fd);
  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override;
  [[nodiscard]] FdMode mode() const { return handle_.mode; }

 private:
  explicit FdSource(internal::FdHandle handle) : handle_(std::move(handle)) {}
  internal::FdHandle handle_;
};

/// Writes a pipe, terminal, socket or file, such as standard output. Writing a file may wait for
/// the disk. Makes the process ignore SIGPIPE unless it handles it: `closed` tells the same.
class FdSink final : public ByteSink {
 public:
  /// Copies `fd`, which stays the caller's: a reader sees the end when both are closed.
  static Result<std::unique_ptr<FdSink>> create(Loop& loop, int fd);
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override;
  [[nodiscard]] FdMode mode() const { return handle_.mode; }

 private:
  explicit FdSink(internal::FdHandle handle) : handle_(std::move(handle)) {}
  internal::FdHandle handle_;
};

}  // namespace moq::io

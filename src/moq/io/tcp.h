#pragma once

#include <memory>

#include "moq/io/byte_stream.h"
#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"
#include "moq/kio/clock.h"

namespace moq::io {

/// A TCP connection, without delay for small writes. Dropping it closes it. `loop` must outlive it.
class TcpStream final : public ByteStream {
 public:
  /// Fails with `refused`, `unreachable`, `timeout`... The system's timeout is minutes: callers
  /// that wait less destroy the task.
  static kio::Task<Result<std::unique_ptr<TcpStream>>> connect(Loop& loop,
                                                               transport::SocketAddress remote);
  explicit TcpStream(std::unique_ptr<FdWatch> watch) : watch_(std::move(watch)) {}

  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override;
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override;
  void finish() override;
  [[nodiscard]] std::string peer() const override;

  [[nodiscard]] transport::SocketAddress local_address() const;
  /// Unspecified once the connection is gone.
  [[nodiscard]] transport::SocketAddress remote_address() const;

 private:
  std::unique_ptr<FdWatch> watch_;
};

/// Accepts TCP connections. One bound to an IPv6 address takes IPv4 as well.
class TcpListener {
 public:
  /// Port 0 = any.
  static Result<std::unique_ptr<TcpListener>> bind(Loop& loop,
                                                   const transport::SocketAddress& local);

  /// The next connection. While the process has no descriptors left, connections wait.
  kio::Poll<Result<std::unique_ptr<TcpStream>>> poll_accept(const kio::Waiter& waiter);
  auto accept() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_accept(waiter); });
  }
  [[nodiscard]] transport::SocketAddress local_address() const;

 private:
  TcpListener(Loop& loop, std::unique_ptr<FdWatch> watch)
      : loop_(&loop), watch_(std::move(watch)), pause_(loop.clock()) {}
  Loop* loop_;
  std::unique_ptr<FdWatch> watch_;
  kio::Timer pause_;  // Set while there is no descriptor to accept with.
};

}  // namespace moq::io

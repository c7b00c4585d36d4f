#pragma once

#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"

namespace moq::transport {

/// Where bytes come from: standard input, a file, a TCP connection. Belongs to one loop's thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The next bytes, at most `max`; empty bytes mean the end, again at each later call.
  virtual kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) = 0;
  auto read(std::size_t max) {
    return kio::wait([this, max](const kio::Waiter& waiter) { return poll_read(waiter, max); });
  }
};

/// Where bytes go. Belongs to one loop's thread.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Takes `data` from its front on; ready once all is taken. Pending, it leaves the rest in `data`
  /// for the next call. Fails with `closed` if nobody reads any more.
  virtual kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) = 0;
  /// `data` must live until all is taken.
  auto write(Bytes& data) {
    return kio::wait([this, &data](const kio::Waiter& waiter) { return poll_write(waiter, data); });
  }
};

/// A connection of bytes both ways: TCP, a Unix socket, TLS over one. Dropping it closes it.
class ByteStream : public ByteSource, public ByteSink {
 public:
  /// Tells the peer that no more comes, after what was taken. Reading goes on.
  virtual void finish() = 0;
  /// Who is at the other end, for logs; "" once the connection is gone.
  [[nodiscard]] virtual std::string peer() const = 0;
};

}  // namespace moq::transport

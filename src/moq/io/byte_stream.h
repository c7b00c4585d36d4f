#pragma once

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"

namespace moq::io {

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

}  // namespace moq::io

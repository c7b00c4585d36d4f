#pragma once

#include <optional>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"

namespace moq::transport::qmux {

/// An ordered, reliable pipe of whole records: WebSocket messages, or length-prefixed records on a
/// stream of bytes. Belongs to one executor's thread. Dropping it closes it at once; what was
/// written may be lost.
class RecordPipe {
 public:
  virtual ~RecordPipe() = default;

  /// The next record; none = the peer ended the pipe. Fails if the pipe broke, or if a record is
  /// larger than the pipe takes. Called again only after a record.
  virtual kio::Poll<Result<std::optional<Bytes>>> poll_read(const kio::Waiter& waiter) = 0;
  /// Takes `record`, which is empty then. Pending leaves it, or the rest of it, for the next call,
  /// which passes the same. Each pending call wakes `waiter` as soon as it can go on.
  virtual kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& record) = 0;
  /// Ends the pipe cleanly after what was written; ready once that is out. No writes after the
  /// first call; reading may go on.
  virtual kio::Poll<Result<void>> poll_close(const kio::Waiter& waiter) = 0;
  /// The peer's address, for logs.
  [[nodiscard]] virtual std::string peer() const = 0;
};

}  // namespace moq::transport::qmux

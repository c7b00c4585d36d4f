#pragma once

#include <memory>
#include <vector>

#include "moq/base/random.h"
#include "moq/base/time.h"
#include "moq/kio/clock.h"
#include "moq/transport/byte_stream.h"
#include "moq/transport/qmux/record_pipe.h"

namespace moq::transport::websocket {

/// Which end we are.
enum class Role : std::uint8_t { client, server };

/// What an ordinary record takes, session.md §6.1: 16382 bytes, and a frame's head.
inline constexpr std::size_t kRecordBytes = 17 << 10;

struct PipeOptions {
  /// A longer message ends the session. A record of `qmux-01` and `qmux-02` is at most 16382 bytes
  /// long; the older framings put one chunk of whatever size an application has into a message.
  std::size_t max_message_bytes = 4 << 20;
  Duration ping_interval = 5s;   ///< Keeps middleboxes awake, and finds out who is dead.
  Duration silence_limit = 30s;  ///< Without a byte of the peer for that long it is dead.
  /// How long the peer may take to answer our close.
  Duration close_limit = 1s;
};

namespace internal {
class Core;
}

/// The messages of a WebSocket (RFC 6455) as the records of `qmux`: each binary message is one.
/// Text is ignored, Pings are answered. Belongs to one executor's thread.
class Pipe final : public qmux::RecordPipe {
 public:
  /// After the handshake. `rest` is what came behind it. `clock` and `random`, of which a client
  /// masks its frames, must outlive it.
  Pipe(kio::Clock& clock, Random& random, std::unique_ptr<ByteStream> stream, Role role,
       Bytes rest = {}, const PipeOptions& options = {});
  ~Pipe() override;

  /// Fails with `protocol_violation` for broken rules, `timeout` for silence, `transport` if the
  /// peer closed for another reason than that it is done, or as the stream does. Keeps the peer
  /// alive and answers it, so that somebody has to wait for it.
  kio::Poll<Result<std::optional<Bytes>>> poll_read(const kio::Waiter& waiter) override;
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& record) override;
  /// Ready once the peer has said goodbye too, or did not in time. What it still sends meanwhile
  /// is dropped.
  kio::Poll<Result<void>> poll_close(const kio::Waiter& waiter) override;
  [[nodiscard]] std::string peer() const override;

 private:
  std::unique_ptr<internal::Core> core_;
};

}  // namespace moq::transport::websocket

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/qmux/framing.h"
#include "moq/transport/qmux/record_pipe.h"
#include "moq/transport/session.h"

/// QUIC-like streams over an ordered pipe: draft-ietf-quic-qmux 00 to 02, and the framing of
/// WebSocket peers before it. Everything belongs to one executor's thread.
namespace moq::transport::qmux {

/// Streams that we open have even ids on the client, odd ones on the server.
enum class Side : std::uint8_t { client, server };

/// The session's settings; times of zero switch off what they are about. The defaults are those of
/// the Rust peers.
struct Parameters {
  /// Without a word from the peer for this long, or for less if the peer says so, the session is
  /// over. Not in `webtransport` and 00, which cannot ask whether the peer is there.
  Duration idle_timeout = 30s;
  /// How long the peer may take for its parameters.
  Duration setup_timeout = 10s;
  /// Between pings that measure the round-trip time. Without traffic there is one at a third of the
  /// idle timeout, too.
  Duration ping_interval = 1s;
  /// After closing: how long the peer may take to have read it.
  Duration close_timeout = 3s;

  std::uint64_t max_streams_uni = 10000;  ///< Streams the peer may have open at once.
  std::uint64_t max_streams_bidi = 10000;
  std::uint64_t connection_window = 1 << 20;  ///< Bytes received and not yet read.
  std::uint64_t stream_window = 256 << 10;
  /// Bytes queued on a stream and not yet sent, above which `poll_writable` waits.
  std::size_t stream_send_buffer = 256 << 10;
  std::size_t datagrams_received = 1024;          ///< Kept unread; older ones are dropped.
  std::size_t datagram_bytes_received = 1 << 20;  ///< The same, in bytes.
  std::size_t datagrams_queued = 64;              ///< Waiting to be sent; newer ones are dropped.
};

struct Options {
  Options(Framing how, Side which) : framing(how), side(which) {}

  Framing framing;
  Side side;
  std::string carrier = "qmux";  ///< What `Session::carrier()` says: "tcp", "unix", "websocket".
  std::string protocol;          ///< Agreed on by the carrier; "" if it was none.
  /// In place of `protocol`: chosen in band, from these by our preference and the peer's list. The
  /// server's order decides; nothing in common = "".
  std::optional<std::vector<std::string>> offers;
  std::optional<std::string> path;  ///< What `Session::path()` says.
  Parameters parameters;
};

/// A session over `pipe`, once the peer's parameters are there (at once in `webtransport`).
///
/// The session's protocol work runs in `tasks`, also the last exchange after the session handle is
/// dropped; dropping the tasks drops the pipe at once. Destroying the returned task closes.
///
/// Fails with `timeout` if the peer's parameters do not come in time, with `protocol_violation` if
/// they are not right, with the pipe's error or the peer's close if that comes first.
kio::Task<Result<std::unique_ptr<Session>>> establish(kio::TaskGroup& tasks,
                                                      std::unique_ptr<RecordPipe> pipe,
                                                      Options options);

/// Closes `pipe` with an application's code and reason, whatever the peer says; `tasks` as above.
void refuse(kio::TaskGroup& tasks, std::unique_ptr<RecordPipe> pipe, Options options,
            std::uint64_t code, std::string_view reason);

}  // namespace moq::transport::qmux

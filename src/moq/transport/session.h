#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/transport/stats.h"

/// What a moq session needs of the connection below it: reliable streams and datagrams, as QUIC
/// gives them. Everything here belongs to one executor's thread.
///
/// Codes of streams and sessions are plain moq codes (32 bits). A backend maps them to its wire.
/// `Error::wire` carries the code that a peer sent; `Error::code` is then `Code::application`.
namespace moq::transport {

using kio::Poll;
using kio::Unit;
using kio::Waiter;

/// Sends first what has the higher number; equals take turns.
using Priority = std::uint8_t;
inline constexpr Priority kControlPriority = 255;

/// The sending half of a stream. Destroying it before `finish()` or `reset()` resets it with
/// code 1 (cancelled).
class SendStream {
 public:
  virtual ~SendStream() = default;

  /// Ready while the stream wants more: what was written and not yet sent is below the stream's
  /// buffer limit. Fails, for good, with `application` and the peer's code after STOP_SENDING, and
  /// with the session's error after its end.
  virtual Poll<Result<void>> poll_writable(const Waiter& waiter) = 0;
  /// Queues `data` without copying it. Never refuses, so callers wait for `poll_writable` first;
  /// dropped silently once the stream failed. Not after `finish()` or `reset()`.
  virtual void write(Bytes data) = 0;
  /// Ends the stream cleanly after what was written. Data goes on being sent without this handle.
  virtual void finish() = 0;
  /// Ends the stream at once; what is not yet delivered is lost.
  virtual void reset(std::uint32_t code) = 0;
  /// After `finish()`: ready when the peer acknowledged everything. At any time: fails as
  /// `poll_writable` does.
  virtual Poll<Result<void>> poll_finished(const Waiter& waiter) = 0;
  virtual void set_priority(Priority priority) = 0;

  auto writable() {
    return kio::wait([this](const Waiter& waiter) { return poll_writable(waiter); });
  }
  auto finished() {
    return kio::wait([this](const Waiter& waiter) { return poll_finished(waiter); });
  }
};

/// The receiving half of a stream. Destroying it before its end sends STOP_SENDING with code 0.
class RecvStream {
 public:
  virtual ~RecvStream() = default;

  /// The next bytes, in order, at most `max`; empty bytes mean the clean end (FIN), again at each
  /// later call. Fails with `application` and the peer's code after RESET_STREAM, and with the
  /// session's error after its end. Bytes taken open flow control for more.
  virtual Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) = 0;
  /// Tells the peer to stop, with `code`; no more is read.
  virtual void stop(std::uint32_t code) = 0;

  auto read(std::size_t max) {
    return kio::wait([this, max](const Waiter& waiter) { return poll_read(waiter, max); });
  }
};

struct BidiStream {
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
};

/// One connection to a peer. Dropping it closes it with code 0.
class Session {
 public:
  virtual ~Session() = default;

  /// The negotiated protocol name (ALPN or sub-protocol), e.g. "moq-lite-06"; "" if none.
  [[nodiscard]] virtual std::string_view protocol() const = 0;
  /// The request path and query if the carrier has a URL ("/room?jwt=x"); none on raw QUIC.
  [[nodiscard]] virtual std::optional<std::string_view> path() const = 0;
  /// The peer's address, for logs.
  [[nodiscard]] virtual std::string peer() const = 0;
  /// "quic", "webtransport", "sim", ... for logs.
  [[nodiscard]] virtual std::string_view carrier() const = 0;

  /// A new stream, as soon as the peer's credit allows one more.
  virtual Poll<Result<std::unique_ptr<SendStream>>> poll_open_uni(const Waiter& waiter) = 0;
  virtual Poll<Result<BidiStream>> poll_open_bidi(const Waiter& waiter) = 0;
  /// The next stream that the peer opened.
  virtual Poll<Result<std::unique_ptr<RecvStream>>> poll_accept_uni(const Waiter& waiter) = 0;
  virtual Poll<Result<BidiStream>> poll_accept_bidi(const Waiter& waiter) = 0;

  /// Largest datagram that can be sent now; 0 if the peer takes none.
  [[nodiscard]] virtual std::size_t max_datagram_bytes() const = 0;
  /// Queues an unreliable datagram; dropped if the queue is full or it is too large.
  virtual void send_datagram(Bytes data) = 0;
  /// The next datagram. Datagrams beyond the receive queue's limit are dropped, oldest first.
  virtual Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) = 0;

  /// Closes with an application code and a reason for the peer's log. Only the first call counts.
  virtual void close(std::uint64_t code, std::string_view reason) = 0;
  /// Ready at the session's end: `closed` with `wire` and the reason if the peer or we closed it by
  /// a code, another cause (`timeout`, `refused`, `transport`...) if the connection failed.
  virtual Poll<Error> poll_closed(const Waiter& waiter) = 0;

  [[nodiscard]] virtual Stats stats() const = 0;
  /// The same for other threads, and for as long as the session lives. Null where nobody measures,
  /// as between simulated sessions.
  [[nodiscard]] virtual std::shared_ptr<const StatsCell> stats_cell() { return nullptr; }

  auto open_uni() {
    return kio::wait([this](const Waiter& waiter) { return poll_open_uni(waiter); });
  }
  auto open_bidi() {
    return kio::wait([this](const Waiter& waiter) { return poll_open_bidi(waiter); });
  }
  auto accept_uni() {
    return kio::wait([this](const Waiter& waiter) { return poll_accept_uni(waiter); });
  }
  auto accept_bidi() {
    return kio::wait([this](const Waiter& waiter) { return poll_accept_bidi(waiter); });
  }
  auto recv_datagram() {
    return kio::wait([this](const Waiter& waiter) { return poll_recv_datagram(waiter); });
  }
  auto closed() {
    return kio::wait([this](const Waiter& waiter) { return poll_closed(waiter); });
  }
};

}  // namespace moq::transport

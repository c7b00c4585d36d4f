#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "moq/transport/session.h"
#include "moq/transport/webtransport/internal/control_stream.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::webtransport {

/// A stream that the peer opened.
struct IncomingStream {
  std::unique_ptr<SendStream> send;  ///< Null on a unidirectional stream.
  std::unique_ptr<RecvStream> recv;
  Bytes read;  ///< Read from it already, and not part of the prefix.
};

/// Sorts the peer's streams by their first bytes: the session's, HTTP/3's own, and the rest, which
/// is dropped. Holds at most `Limits` of them.
class IncomingStreams {
 public:
  IncomingStreams(Role role, const Limits& limits) : role_(role), limits_(limits) {}

  /// Takes and sorts what has arrived. An error of `quic` itself is left to who watches it.
  Result<void, H3Error> poll(Session& quic, const Waiter& waiter);

  /// The peer's control stream, once.
  std::optional<IncomingStream> take_control() { return std::exchange(control_, std::nullopt); }
  /// The first bidirectional stream that carries HTTP frames, once. Servers only.
  std::optional<IncomingStream> take_request() { return std::exchange(request_, std::nullopt); }
  /// The session's next stream.
  Poll<IncomingStream> poll_uni(const Waiter& waiter) { return take(uni_, waiter); }
  Poll<IncomingStream> poll_bidi(const Waiter& waiter) { return take(bidi_, waiter); }

  /// Drops what is held and wakes who waits.
  void clear();

  [[nodiscard]] std::size_t unidentified() const { return unidentified_.size(); }

 private:
  struct Queue {
    std::deque<IncomingStream> streams;
    kio::WaiterList waiting;
  };
  Poll<IncomingStream> take(Queue& queue, const Waiter& waiter);
  /// Takes one more stream of a kind from `quic`; none if there is none, or no room for one.
  std::optional<IncomingStream> accept_uni(Session& quic, const Waiter& waiter);
  std::optional<IncomingStream> accept_bidi(Session& quic, const Waiter& waiter);
  [[nodiscard]] bool has_room(const Queue& queue) const;

  /// Reads on in `stream`'s prefix. True when the stream needs no more of that: it was sorted or
  /// dropped.
  Result<bool, H3Error> identify(IncomingStream& stream, const Waiter& waiter);
  Result<void, H3Error> sort(IncomingStream stream);
  Result<void, H3Error> sort_uni(IncomingStream stream, std::uint64_t type);
  void sort_bidi(IncomingStream stream, bool webtransport);

  Role role_;
  Limits limits_;
  std::vector<IncomingStream> unidentified_;
  Queue uni_;
  Queue bidi_;
  kio::WaiterList on_room_;
  std::optional<IncomingStream> control_;
  std::optional<IncomingStream> request_;
  bool control_seen_ = false;
  bool request_seen_ = false;
  /// Kept open and unread: without a dynamic table they say nothing.
  std::array<std::unique_ptr<RecvStream>, 2> qpack_;
};

}  // namespace moq::transport::webtransport

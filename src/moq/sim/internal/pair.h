#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/sim/session_pair.h"

namespace moq::sim::internal {

using kio::kPending;
using kio::Poll;
using kio::Unit;
using kio::Waiter;
using kio::WaiterList;

/// Datagrams that wait for a limited rate; more are dropped, as the contract says.
inline constexpr std::size_t kMaxQueuedDatagrams = 128;
/// Datagrams that arrived and were not taken; the oldest are dropped beyond.
inline constexpr std::size_t kMaxReceivedDatagrams = 256;
/// What one packet carries where the rate is limited, so that priorities bite.
inline constexpr std::size_t kPacketBytes = 1200;
/// Losses of one packet in a row before it gets through all the same.
inline constexpr int kMaxLosses = 20;
inline constexpr transport::Priority kDefaultPriority = 128;

/// One direction of one stream. Each end changes only its own half, and the other half when a
/// message arrives.
struct Flow {
  struct Sender {
    std::deque<Bytes> unsent;
    std::size_t unsent_bytes = 0;
    std::uint64_t sent = 0;
    std::uint64_t credit = 0;  ///< May send up to here.
    transport::Priority priority = kDefaultPriority;
    bool finished = false;  ///< `finish()` was called.
    bool fin_sent = false;
    bool acked = false;           ///< The peer has all of it.
    bool done = false;            ///< Acked, or the peer knows of the reset.
    bool queued = false;          ///< Waits in the queue of its priority.
    bool blocked = false;         ///< Waits for the session's window.
    std::optional<Error> failed;  ///< Stopped by the peer, or reset by us.
    TimePoint last_arrival{};     ///< Of what is in flight: keeps the order.
    WaiterList on_writable;
    WaiterList on_finished;
  } out;
  struct Receiver {
    std::deque<Bytes> unread;
    std::size_t unread_bytes = 0;
    std::uint64_t consumed = 0;
    std::uint64_t granted = 0;
    bool fin = false;
    std::optional<std::uint32_t> reset;
    bool stopped = false;
    bool done = false;  ///< The end came, and the reader knows or has left.
    WaiterList on_readable;
  } in;
  // What the recording keeps.
  std::vector<Bytes> written;
  std::optional<std::uint32_t> reset_code;
  std::optional<std::uint32_t> stop_code;
};

struct Stream {
  std::uint64_t id = 0;
  Side opener = Side::client;
  bool bidi = false;
  bool announced = false;    ///< The other side knows of it.
  bool credit_back = false;  ///< The other side is through with it.
  std::array<Flow, 2> flows;

  /// The direction in which `side` sends.
  Flow& from(Side side) { return flows[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const Flow& from(Side side) const { return flows[static_cast<std::size_t>(side)]; }
  [[nodiscard]] bool has(Side sender) const { return bidi || sender == opener; }
};
using StreamRef = std::shared_ptr<Stream>;

/// Streams of one kind, unidirectional or bidirectional, as one side sees them.
struct StreamKind {
  std::uint64_t opened = 0;
  std::uint64_t limit = 0;  ///< May open so many in all.
  WaiterList on_credit;
  std::deque<StreamRef> accepted;  ///< Opened by the peer and not taken; bounded by its credit.
  WaiterList on_accept;
};

/// One side of the pair.
struct End {
  std::array<StreamKind, 2> kinds;  ///< Unidirectional, bidirectional.
  std::optional<Error> closed;
  bool dead = false;  ///< Killed: does nothing any more.
  WaiterList on_closed;

  Link link;
  bool pump_planned = false;
  TimePoint busy_until{};
  std::map<transport::Priority, std::deque<StreamRef>, std::greater<>> ready;
  std::deque<StreamRef> blocked;  ///< By the session's window.
  std::deque<Bytes> datagrams_out;
  std::uint64_t sent = 0;
  std::uint64_t credit = 0;

  std::uint64_t consumed = 0;
  std::uint64_t granted = 0;
  std::deque<Bytes> datagrams_in;
  WaiterList on_datagram;
  transport::Stats stats;

  [[nodiscard]] bool live() const { return !closed && !dead; }
  StreamKind& kind(bool bidi) { return kinds[bidi ? 1 : 0]; }
};

/// Both sides of a pair and the path between them.
class Pair : public std::enable_shared_from_this<Pair> {
 public:
  Pair(World& world, PairOptions pair_options);

  // For the sessions.
  End& end(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const PairOptions& options() const { return options_; }
  Poll<Result<StreamRef>> poll_open(Side side, bool bidi, const Waiter& waiter);
  Poll<Result<StreamRef>> poll_accept(Side side, bool bidi, const Waiter& waiter);
  void send_datagram(Side side, Bytes data);
  void close(Side side, Error why);
  [[nodiscard]] Duration round_trip() const;

  // For the streams.
  void write(const StreamRef& stream, Side from, Bytes data);
  void finish(const StreamRef& stream, Side from);
  void reset(const StreamRef& stream, Side from, std::uint32_t code);
  void set_priority(const StreamRef& stream, Side from, transport::Priority priority);
  void consumed(const StreamRef& stream, Side from, std::size_t bytes);
  void stop(const StreamRef& stream, Side from, std::uint32_t code);
  void reader_knows_end(const StreamRef& stream, Side from);

  // For the control.
  void partition();
  void heal();
  void kill(Side side, std::optional<Error> peer_sees);
  [[nodiscard]] const std::map<std::uint64_t, StreamRef>& streams() const { return streams_; }
  [[nodiscard]] const std::vector<StreamRef>& history() const { return history_; }

 private:
  using Action = std::move_only_function<void(Pair*)>;

  void plan_pump(Side side);
  void pump(Side side);
  bool send_next(Side side);
  void send_from(const StreamRef& stream, Side side);
  void fail_sender(const StreamRef& stream, Side from, Error why);
  void make_ready(const StreamRef& stream, Side side);

  /// Carries a message to the other side for sure, in the order of `flow` if it is given.
  void carry(Side from, Flow::Sender* order, StreamRef keep_alive, Action arrive);
  void arrive(const StreamRef& stream, Side from, Bytes data, bool fin);
  void arrive_reset(const StreamRef& stream, Side from, std::uint32_t code);
  void arrive_stop(const StreamRef& stream, Side from, std::uint32_t code);
  void announce(const StreamRef& stream);
  void sender_done(const StreamRef& stream, Side from);
  void grant(const StreamRef& stream, Side from);
  void consumed_of_session(Side receiver, std::size_t bytes);
  void drop_unread(const StreamRef& stream, Side from);
  void settle(const StreamRef& stream);

  void end_with(Side side, const Error& why);
  void time_out_later(Side side);

  struct Held {
    Side from;
    Flow::Sender* order;
    StreamRef keep_alive;
    Action arrive;
  };

  World& world_;
  PairOptions options_;
  SeededRandom random_;
  std::array<End, 2> ends_;
  std::map<std::uint64_t, StreamRef> streams_;
  std::vector<StreamRef> history_;  ///< All streams, if recording.
  bool partitioned_ = false;
  std::uint64_t partitions_ = 0;
  std::vector<Held> held_;  ///< Sent during a partition; bounded by the windows.
};

/// The session of one side.
std::unique_ptr<transport::Session> make_session(std::shared_ptr<Pair> pair, Side side);

}  // namespace moq::sim::internal

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "moq/kio/clock.h"
#include "moq/transport/qmux/internal/frame.h"
#include "moq/transport/qmux/internal/parameters.h"
#include "moq/transport/qmux/internal/stream.h"
#include "moq/transport/qmux/session.h"

namespace moq::transport::qmux {

/// CONNECTION_CLOSE's code for a broken rule.
inline constexpr std::uint64_t kViolationCode = 1002;
/// Data in one STREAM frame: what the Rust peers put there.
inline constexpr std::size_t kMaxStreamPayload = 16352;
/// Pings of the peer whose responses wait to be sent; older ones are forgotten.
inline constexpr std::size_t kMaxPongs = 16;
/// Pings of ours whose responses may measure the round trip; older ones are forgotten.
inline constexpr std::size_t kMaxPings = 16;
/// Records read, and written, before other tasks have their turn.
inline constexpr int kRecordsPerTurn = 32;

/// A session's state, shared by its handle, its streams and its driver. The driver (a task that
/// holds no handle) alone touches the pipe; the handles' calls only change state here.
class Core {
 public:
  Core(std::unique_ptr<RecordPipe> pipe, Options options, TimePoint now);

  enum class Turn : std::uint8_t { again, over };
  /// Reads, works and writes. `again`: others should have their turn, then there is more to do;
  /// `over`: never more. For the driver alone.
  Poll<Turn> poll_drive(const Waiter& waiter, kio::Timer& timer, TimePoint now);
  /// The driver is gone: drops the pipe.
  void abandon();

  /// Ready once the peer's parameters are there.
  Poll<Result<void>> poll_ready(const Waiter& waiter);

  // What the session's handle asks.
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  Poll<Result<Stream*>> poll_open(bool bidi, const Waiter& waiter);
  Poll<Result<Stream*>> poll_accept(bool bidi, const Waiter& waiter);
  [[nodiscard]] std::size_t max_datagram_bytes() const { return max_datagram_; }
  void send_datagram(Bytes data);
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter);
  void close(std::uint64_t code, std::string_view reason);
  Poll<Error> poll_closed(const Waiter& waiter);
  [[nodiscard]] const Stats& stats() const { return stats_; }
  std::shared_ptr<const StatsCell> stats_cell();

  // What the streams' handles ask. Each half has one handle, which it is released by.
  Poll<Result<void>> poll_writable(Stream& stream, const Waiter& waiter);
  void write(Stream& stream, Bytes data);
  void finish(Stream& stream);
  void reset(Stream& stream, std::uint32_t code);
  Poll<Result<void>> poll_finished(Stream& stream, const Waiter& waiter);
  void set_priority(Stream& stream, Priority priority);
  void release_sender(Stream& stream);
  Poll<Result<Bytes>> poll_read(Stream& stream, const Waiter& waiter, std::size_t max);
  void stop(Stream& stream, std::uint32_t code);
  void release_receiver(Stream& stream);

 private:
  enum class Phase : std::uint8_t {
    open,
    closing,   ///< The last record goes out; if it is a close, the peer may close the pipe first.
    draining,  ///< The pipe is closed on our side; waits for the peer to do the same.
    over,
  };

  // core.cc: the driver's work, and the end.
  bool read(const Waiter& waiter);
  bool write_records(const Waiter& waiter);
  void finish_closing(const Waiter& waiter);
  void check_timers();
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  [[nodiscard]] bool reading_pauses() const;
  void end_with(Error why);
  /// Ends the session and sends `last`.
  void close_with(Error why, const Close& last);
  /// The peer broke a rule.
  void violate(const std::string& what);
  void drop_pipe();
  void publish_stats();

  // core_receive.cc: what comes in.
  void on_record(const Bytes& record);
  void on_frame(const Frame& frame, const Bytes& record);
  void on(const ResetStream& reset, const Bytes& record);
  void on(const StopSending& stop, const Bytes& record);
  void on(const StreamData& data, const Bytes& record);
  void on(const MaxData& max, const Bytes& record);
  void on(const MaxStreamData& max, const Bytes& record);
  void on(const MaxStreams& max, const Bytes& record);
  void on(const Close& close, const Bytes& record);
  void on(const Datagram& datagram, const Bytes& record);
  void on(const Ping& ping, const Bytes& record);
  void on(const ParametersFrame& frame, const Bytes& record);
  void on(const Ignored& frame, const Bytes& record);
  void on_pong(std::uint64_t sequence);
  void choose_protocol_of(const WireParameters& peer);
  /// The stream of a frame of the peer, opened if it is new. Null if it is over, or after a
  /// violation.
  Stream* locate(std::uint64_t id);
  Stream* locate_receiving(std::uint64_t id);
  Stream* locate_sending(std::uint64_t id);
  [[nodiscard]] Stream* find(std::uint64_t id) const;

  // core_send.cc: what goes out.
  [[nodiscard]] bool takes_more(const Writer& out, std::size_t bytes) const;
  Bytes next_record();
  bool write_control(Writer& out);
  bool write_pings(Writer& out);
  bool write_stream_control(Writer& out);
  bool write_datagram(Writer& out);
  bool write_stream(Writer& out);
  void write_parameters(Writer& out);
  void on_fin_sent(Stream& stream);

  // core_streams.cc
  Stream& create(std::uint64_t id, bool local);
  [[nodiscard]] std::uint64_t first_credit(const Stream& stream) const;
  void enqueue(Stream& stream);
  void want_control(Stream& stream);
  void want_ping();
  void give_back(Stream& stream, std::size_t bytes);
  void drop_unread(Stream& stream);
  /// After any change of the stream: gives its place back, frees it.
  void settle(Stream& stream);

  std::unique_ptr<RecordPipe> pipe_;
  Options options_;
  std::string protocol_;
  std::string peer_;
  Phase phase_ = Phase::open;
  std::optional<Error> end_;
  TimePoint now_;

  Bytes record_;               ///< On its way into the pipe.
  std::optional<Close> last_;  ///< The last frame, once the session has ended by one.
  bool closed_by_us_ = false;
  bool peer_gone_ = false;  ///< It ended the pipe.

  bool parameters_sent_ = false;
  std::optional<WireParameters> peer_parameters_;
  Duration idle_timeout_{};  ///< As agreed; 0 = none.

  // Times.
  TimePoint begin_;
  TimePoint active_;              ///< What the idle timeout counts from.
  bool send_is_activity_ = true;  ///< The first send after something came.
  TimePoint last_sent_;
  TimePoint last_ping_;
  std::optional<TimePoint> close_deadline_;

  // Streams. [0] is unidirectional, [1] bidirectional.
  std::unordered_map<std::uint64_t, std::unique_ptr<Stream>> streams_;
  std::array<std::uint64_t, 2> opened_{};      ///< By us, ever.
  std::array<std::uint64_t, 2> max_opened_{};  ///< What the peer allows.
  std::array<Window, 2> peer_streams_;         ///< What we allow the peer.
  std::array<std::deque<Stream*>, 2> accept_;
  SendQueue send_queue_;
  std::deque<Stream*> control_;

  // Flow control of the connection.
  std::uint64_t sent_ = 0;
  std::uint64_t max_sent_ = 0;
  Window window_;
  std::size_t unread_ = 0;

  // Datagrams.
  std::size_t max_datagram_ = 0;
  std::deque<Bytes> datagrams_out_;
  std::deque<Bytes> datagrams_in_;
  std::size_t datagram_bytes_in_ = 0;

  // Pings.
  bool ping_wanted_ = false;
  std::uint64_t next_ping_ = 0;
  std::deque<std::pair<std::uint64_t, TimePoint>> pings_;
  std::deque<std::uint64_t> pongs_;
  std::optional<std::uint64_t> peer_ping_;  ///< The highest.
  /// Streams whose end is sent and not known to have arrived: the ping that will tell, and the id.
  std::set<std::pair<std::uint64_t, std::uint64_t>> undelivered_;

  Stats stats_;
  std::shared_ptr<StatsCell> stats_cell_;

  kio::WaiterList on_command_;  // The driver.
  kio::WaiterList on_ready_;
  kio::WaiterList on_end_;
  std::array<kio::WaiterList, 2> on_open_;
  std::array<kio::WaiterList, 2> on_accept_;
  kio::WaiterList on_datagram_;
};

/// Runs `core` until its pipe is closed. `clock` outlives the task.
kio::Task<void> drive(kio::Clock& clock, std::shared_ptr<Core> core);

}  // namespace moq::transport::qmux

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/kio/channel.h"
#include "moq/net/session.h"
#include "moq/net/wire_code.h"

namespace moq::net {

/// WebTransport resets the streams of a session that closes, and the cause comes behind them: who
/// sees the reset of a stream that is never reset waits this long for it.
inline constexpr Duration kCloseFollows = 1s;

/// What the session's handles watch.
struct Status {
  std::optional<Error> closed;
  std::optional<std::string> goaway;  ///< The URI of the peer's GOAWAY.
  bool established = false;
  bool greeted = false;  ///< The peer's SETUP has come.
};

/// One session, whatever its protocol: the transport, what is known of the peer, and the tasks that
/// run the protocol. Tasks refer to it plainly: they are its members, and end with it, so the class
/// that has the protocol calls `end_tasks()` first of all in its destructor.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection();

  /// Sends our SETUP, if the version has one. `path` travels in it where the carrier has no URL.
  virtual void greet(const SessionOptions& options, std::optional<std::string> path) = 0;
  /// For a server: waits for what the client says of itself before anything else.
  virtual kio::Task<Result<void>> read_greeting() = 0;
  /// Starts both halves.
  void start(SessionOptions options);

  /// What a client means to do; both if it did not say.
  [[nodiscard]] virtual bool peer_publishes() const { return true; }
  [[nodiscard]] virtual bool peer_subscribes() const { return true; }

  void close(const Error& error);
  kio::Task<void> finish(Duration limit);
  void send_goaway(std::string_view uri);
  kio::Consumer<PathEstimate> probe();
  StatsReader stats_reader();

  [[nodiscard]] Version version() const { return version_; }
  [[nodiscard]] bool server() const { return server_; }
  [[nodiscard]] transport::Session& transport() const { return *transport_; }
  [[nodiscard]] Runtime runtime() const { return runtime_; }
  [[nodiscard]] kio::Clock& clock() const { return runtime_.clock; }
  [[nodiscard]] kio::TaskGroup& tasks() { return tasks_; }
  /// Counts the answers that a graceful end waits for.
  [[nodiscard]] kio::TaskGroup& answers() { return answers_; }
  /// One of the two has sent GOAWAY: nothing new is asked of the peer.
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  [[nodiscard]] std::uint64_t own_hop() const { return options_.hop; }
  /// Names the peer among the sources of routes: one name for sessions that follow each other.
  [[nodiscard]] std::uint64_t source() const {
    const void* name = options_.linger ? static_cast<const void*>(options_.linger.get()) : this;
    return reinterpret_cast<std::uintptr_t>(name);
  }
  /// The peer has said something in moq.
  void mark_established();
  /// Path and query of the request, for a server.
  [[nodiscard]] std::string_view request_path() const { return path_; }

  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) const;
  kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) const;
  kio::Poll<Result<void>> poll_established(const kio::Waiter& waiter) const;
  /// Ready once the peer's SETUP has come, where the version has one that both halves wait for.
  kio::Poll<kio::Unit> poll_peer_ready(const kio::Waiter& waiter) const;
  auto peer_ready() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_peer_ready(waiter); });
  }

 protected:
  Connection(Runtime runtime, std::unique_ptr<transport::Session> transport, Version version,
             bool server);

  /// Starts the protocol's tasks; the options are known.
  virtual void start_protocol() = 0;
  /// The session is over: whatever serves or follows tracks lets go of them, so that they resume.
  virtual void stop_protocol() = 0;
  /// Nothing new is asked of the peer from here on.
  virtual void drain_protocol() = 0;
  /// Writes GOAWAY for `uri`.
  virtual kio::Task<void> goaway_task(std::string uri) = 0;
  /// Follows the peer's estimates of the path; dropping `out` says that no more can come.
  virtual kio::Task<void> follow_probe(kio::Producer<PathEstimate> out) = 0;
  /// The number with which a session closes because of `error`,
  [[nodiscard]] virtual std::uint64_t close_code(const Error& error) const;
  /// and what the end that the transport reported means.
  [[nodiscard]] virtual Error read_close(Error ended) const;

  void end_tasks();
  /// The peer's SETUP has come; `path` counts where the carrier has no URL.
  void mark_greeted(std::optional<std::string> path);
  /// The peer's GOAWAY has come. A second one breaks the rules, and closes the session.
  void receive_goaway(std::string uri);
  /// For a client: a server that never greets is as good as dead.
  kio::Task<void> expect_greeting();
  [[nodiscard]] bool transport_over() const {
    return transport_->poll_closed(kio::Waiter::none()).ready();
  }

 private:
  kio::Task<void> watch_transport();
  /// Has the peer probed once somebody reads the statistics.
  kio::Task<void> follow_stats(std::shared_ptr<StatsReader::Shared> stats);
  void end_stats();
  void set_closed(const Error& error);
  void drain();

  Runtime runtime_;
  std::unique_ptr<transport::Session> transport_;
  const Version version_;
  const bool server_;
  SessionOptions options_;
  bool draining_ = false;
  bool goaway_sent_ = false;
  std::string path_;
  kio::Producer<Status> status_;
  std::optional<kio::Consumer<PathEstimate>> estimate_;  ///< Once asked for.
  std::shared_ptr<StatsReader::Shared> stats_;           ///< Once asked for.
  // Last, so that no task outlives what it uses.
  kio::TaskGroup answers_;
  kio::TaskGroup tasks_;
};

/// How a log line names a session.
std::string describe(const Connection& connection);

}  // namespace moq::net

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "moq/kio/channel.h"
#include "moq/net/lite/priority.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/session.h"
#include "moq/net/wire_code.h"

namespace moq::net::lite {

class Publisher;
class Subscriber;

/// What the session's handles watch.
struct Status {
  std::optional<Error> closed;
  std::optional<std::string> goaway;  ///< The URI of the peer's GOAWAY.
  bool established = false;
  std::optional<Setup> peer_setup;
};

/// The two halves of an opened or accepted bidirectional stream.
struct Bidi {
  std::unique_ptr<transport::SendStream> send;
  StreamReader reader;
};

/// One lite session: the transport, what is known of the peer, and the tasks that run the protocol.
/// Tasks refer to it plainly: they are its members, and end with it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Runtime runtime, std::unique_ptr<transport::Session> transport, Version version,
             bool server);
  ~Connection();

  /// Sends our SETUP, if the version has one.
  void send_setup(Setup setup);
  /// Reads the peer's SETUP from its first unidirectional stream; refuses other streams before it.
  kio::Task<Result<void>> read_setup();
  /// Starts both halves.
  void start(SessionOptions options);

  void close(const Error& error);
  kio::Task<void> finish(Duration limit);
  void send_goaway(std::string_view uri);
  kio::Consumer<PathEstimate> probe();
  StatsReader stats_reader();

  [[nodiscard]] Version version() const { return version_; }
  [[nodiscard]] transport::Session& transport() const { return *transport_; }
  [[nodiscard]] Runtime runtime() const { return runtime_; }
  [[nodiscard]] kio::Clock& clock() const { return runtime_.clock; }
  [[nodiscard]] kio::TaskGroup& tasks() { return tasks_; }
  /// One of the two has sent GOAWAY: nothing new is asked of the peer.
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  [[nodiscard]] std::uint64_t own_hop() const { return options_.hop; }
  /// Names the peer among the sources of routes: one name for sessions that follow each other.
  [[nodiscard]] std::uint64_t source() const {
    const void* name = options_.linger ? static_cast<const void*>(options_.linger.get()) : this;
    return reinterpret_cast<std::uintptr_t>(name);
  }
  /// The peer's SETUP; empty before it came and on versions without.
  [[nodiscard]] const Setup& peer_setup() const { return peer_setup_; }
  /// Ready once the peer's SETUP has come, where the version has one.
  kio::Poll<kio::Unit> poll_peer_ready(const kio::Waiter& waiter) const;
  auto peer_ready() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_peer_ready(waiter); });
  }
  /// The peer has said something in moq.
  void mark_established();

  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) const;
  kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) const;
  kio::Poll<Result<void>> poll_established(const kio::Waiter& waiter) const;

  /// Path and query of the request, for a server.
  [[nodiscard]] std::string_view request_path() const;
  /// Counts the answers that a graceful end waits for.
  kio::TaskGroup& answers() { return answers_; }

 private:
  kio::Task<void> watch_transport();
  kio::Task<void> accept_bidi();
  kio::Task<void> serve_bidi(Bidi stream);
  kio::Task<void> accept_uni();
  kio::Task<void> serve_uni(StreamReader reader);
  /// Waits for the FIN: a stream that is dropped before it is stopped, which tells the writer of a
  /// browser that its message was not wanted.
  kio::Task<void> read_end(StreamReader reader);
  kio::Task<void> serve_setup(StreamReader reader);
  kio::Task<void> serve_goaway(StreamReader reader);
  kio::Task<void> receive_datagrams();
  kio::Task<void> goaway_task(std::string uri);
  /// Has the peer probed once somebody reads the statistics.
  kio::Task<void> follow_stats(std::shared_ptr<StatsReader::Shared> stats);
  void end_stats();
  void drain();
  /// For a client: a server that never greets is as good as dead.
  kio::Task<void> expect_setup();
  Result<void> apply_setup(Result<std::optional<Setup>> setup);

  Runtime runtime_;
  std::unique_ptr<transport::Session> transport_;
  const Version version_;
  const bool server_;
  SessionOptions options_;
  Setup peer_setup_;
  bool have_peer_setup_ = false;
  bool draining_ = false;
  bool goaway_sent_ = false;
  std::string path_;
  kio::Producer<Status> status_;
  std::optional<kio::Consumer<PathEstimate>> estimate_;  ///< Once asked for.
  std::shared_ptr<StatsReader::Shared> stats_;           ///< Once asked for.
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Subscriber> subscriber_;
  // Last, so that no task outlives what it uses.
  kio::TaskGroup answers_;
  kio::TaskGroup tasks_;
};

/// How a log line names a session.
std::string describe(const Connection& connection);

}  // namespace moq::net::lite

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "moq/base/random.h"
#include "moq/kio/channel.h"
#include "moq/kio/executor.h"
#include "moq/native/backoff.h"
#include "moq/net/session_stats.h"

namespace moq::native {

/// What a session was agreed on, for logs.
struct LinkInfo {
  std::string url;  ///< Without its query.
  std::string version;
  std::string transport;
  bool operator==(const LinkInfo&) const = default;
};

/// An established session, as the reconnect loop sees it. Dropping it closes it.
class Link {
 public:
  virtual ~Link() = default;
  /// Ready at the session's end, with the cause.
  virtual kio::Poll<Error> poll_closed(const kio::Waiter& waiter) = 0;
  /// Ready while the path looks dead: reason to dial beside it. Never, if that cannot be told.
  virtual kio::Poll<kio::Unit> poll_suspect(const kio::Waiter& waiter) = 0;
  /// Ready while it does not.
  virtual kio::Poll<kio::Unit> poll_alive(const kio::Waiter& waiter) = 0;
  /// Ready once the peer asked to leave: for a URI, or, if empty, to come back.
  virtual kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) = 0;
  virtual void close(const Error& error) = 0;
  /// Closes cleanly, after waiting at most `limit` for what still has to be sent.
  virtual kio::Task<void> finish(Duration limit);
  [[nodiscard]] virtual LinkInfo info() const { return {}; }
  /// None where nobody measures.
  [[nodiscard]] virtual std::optional<net::StatsReader> stats_reader() const { return {}; }
};

/// A live session, in numbers.
using LinkStats = net::SessionStats;

/// How long an old session goes on serving after its successor took over for a GOAWAY.
inline constexpr Duration kHandoverGrace = 10s;

/// Where links come from.
class Dialer {
 public:
  virtual ~Dialer() = default;
  /// One attempt, with its own time limit. Destroying the task gives it up.
  virtual kio::Task<Result<std::unique_ptr<Link>>> dial() = 0;
  /// After a dial that failed as refused: ready once somebody seems to listen there again. May
  /// never be ready; the next retry comes anyway.
  virtual kio::Task<void> listening_again() = 0;
  /// The peer asks to go to `uri` from now on (not empty). Fails if policy forbids it; then the
  /// old place is dialled.
  virtual Result<void> redirect(const std::string& uri) = 0;
  /// No dial follows: the loop gave up or is being stopped. May come twice.
  virtual void stopped() {}
};

enum class Status : std::uint8_t { connected, disconnected };

/// Keeps one session alive: a background loop that dials, waits for the session's end and dials
/// again. Dropping the handle stops it and closes the session. Belongs to the executor's thread;
/// `watch()` gives handles for others.
class Reconnect {
 public:
  struct State {
    std::optional<Status> status;     ///< None before the first session.
    std::uint64_t epoch = 0;          ///< Sessions that were established.
    std::optional<Error> terminal;    ///< Gave up, with the cause.
    std::optional<Error> last_error;  ///< Why the last dial failed or the last session ended.
    Duration next_dial{};             ///< Wait before the dial that follows `last_error`.
    std::uint64_t failed_dials = 0;   ///< Over the whole life.
    LinkInfo link;                    ///< The newest session.
    std::optional<Error> left;        ///< Why the session before, or the newest, is over.
    bool operator==(const State&) const = default;
  };

  /// Watches the loop. Each handle remembers what it reported.
  class Watch {
   public:
    explicit Watch(kio::Consumer<State> state) : state_(std::move(state)) {}
    [[nodiscard]] Watch clone() const { return Watch(state_.clone()); }

    /// The current status, whenever it differs from what this handle reported last: a flip and
    /// flip back between two polls is no change. Then, if the loop gave up, its error; `closed`
    /// after the handle was dropped.
    kio::Poll<Result<Status>> poll_status(const kio::Waiter& waiter);
    /// Ready when the loop is over: its error if it gave up, success if the handle was dropped.
    kio::Poll<Result<void>> poll_closed(const kio::Waiter& waiter) const;
    /// Ready with the whole state each time it differs from the last report; `closed` at the end.
    kio::Poll<Result<State>> poll_change(const kio::Waiter& waiter);
    [[nodiscard]] std::uint64_t epoch() const { return state_.read()->epoch; }
    /// Why there is no session, also before the first one; none while all is well.
    [[nodiscard]] std::optional<Error> last_error() const { return state_.read()->last_error; }

    auto status() {
      return kio::wait([this](const kio::Waiter& waiter) { return poll_status(waiter); });
    }
    auto closed() const {
      return kio::wait([this](const kio::Waiter& waiter) { return poll_closed(waiter); });
    }
    auto change() {
      return kio::wait([this](const kio::Waiter& waiter) { return poll_change(waiter); });
    }

   private:
    kio::Consumer<State> state_;
    std::optional<Status> reported_;
    State reported_state_;
  };

  /// Reads the statistics of whatever session is up, from any thread, without waiting for the
  /// executor's. Copies read the same; none keeps the loop alive.
  class StatsReader {
   public:
    /// None while there is no session, and after the end.
    [[nodiscard]] std::optional<LinkStats> read() const;

   private:
    friend class Reconnect;
    struct Shared;
    explicit StatsReader(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    std::shared_ptr<Shared> shared_;
  };

  /// Starts the loop. `random` must outlive it. After a GOAWAY the old session serves on for up to
  /// `handover`.
  Reconnect(kio::Executor& executor, Random& random, std::unique_ptr<Dialer> dialer,
            const Backoff& backoff, Duration handover = kHandoverGrace);
  Reconnect(Reconnect&&) noexcept;
  Reconnect& operator=(Reconnect&&) noexcept;
  ~Reconnect();

  [[nodiscard]] Watch watch() const;
  [[nodiscard]] StatsReader stats_reader() const;
  [[nodiscard]] std::uint64_t epoch() const;
  /// Stops dialling, waits at most `limit` until what the peer asked for is sent, and closes
  /// cleanly. The handle must outlive the task.
  kio::Task<void> finish(Duration limit = 1s);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace moq::native

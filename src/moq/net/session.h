#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moq/kio/channel.h"
#include "moq/kio/executor.h"
#include "moq/net/linger.h"
#include "moq/net/origin.h"
#include "moq/net/session_stats.h"
#include "moq/net/version.h"
#include "moq/transport/session.h"

namespace moq::net {

class Connection;

/// What a session does with its peer.
struct SessionOptions {
  /// Broadcasts offered to the peer; none = it finds nothing here.
  std::optional<origin::Consumer> publish;
  /// Where the peer's broadcasts are announced; none = they are not asked for.
  std::optional<origin::Producer> subscribe;
  /// Our hop id, told to the peer; below 2^53. 0 = taken from the origins.
  std::uint64_t hop = 0;
  /// Cost of the link, added to the routes that come over it. Only for the side that dialled.
  std::optional<std::uint64_t> link_cost;
  /// How long a broadcast that went is still announced, in case it comes back: relays spare their
  /// subscribers a publisher's short outage.
  Duration retraction_delay = Duration::zero();
  /// host[:port] of the URL that a client dialled, told in moq-transport where the carrier has no
  /// URL.
  std::optional<std::string> authority;
  /// Keeps what the peer announced when the session is lost, for the session that follows; none =
  /// it is over with the session, however that ends.
  std::shared_ptr<Linger> linger;

  /// The same for another session.
  [[nodiscard]] SessionOptions clone() const;
};

/// Versions that a session can have, best first.
std::span<const Version> session_versions();

/// Largest wait for the peer's part of the handshake.
inline constexpr Duration kHandshakeTimeout = 10s;

/// One moq session over a transport session. The protocol runs on the executor by itself; the
/// session closes with code 0 when its last handle is dropped. Belongs to the executor's thread.
class Session {
 public:
  explicit Session(std::shared_ptr<Connection> connection);

  [[nodiscard]] Version version() const;
  [[nodiscard]] std::string peer() const;
  [[nodiscard]] std::string_view carrier() const;
  [[nodiscard]] transport::Stats stats() const;
  /// The same for other threads.
  [[nodiscard]] StatsReader stats_reader() const;
  /// Asks the peer, once per session, for its estimates of the path to us, and follows them. The
  /// channel closes when no more can come: at once if the peer does not measure.
  [[nodiscard]] kio::Consumer<PathEstimate> probe() const;

  /// Closes at once, with the code of `error`. `closed` is a clean end.
  void close(const Error& error = Error(Code::closed)) const;
  /// Waits at most `limit` for running answers to end, then closes cleanly.
  kio::Task<void> finish(Duration limit = 1s) const;
  /// Asks the peer to leave: for `uri`, or, if empty, to come back here. Nothing before lite 04.
  void goaway(std::string_view uri) const;

  /// Ready once the session is over, with the cause: `closed` after a clean end, what a close code
  /// means (`unauthorized`, `protocol_violation`, ...), `timeout`, `transport`...
  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) const;
  /// Ready once the peer sent GOAWAY: where to go, empty = the same place.
  kio::Poll<std::string> poll_goaway(const kio::Waiter& waiter) const;
  /// Ready once the peer has spoken moq: answered, opened a stream or sent its SETUP. Relays refuse
  /// credentials after the transport's handshake, so a session counts as up only now. Fails as
  /// `poll_closed` if the session ends before.
  kio::Poll<Result<void>> poll_established(const kio::Waiter& waiter) const;

  auto closed() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_closed(waiter); });
  }
  auto established() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_established(waiter); });
  }

 private:
  std::shared_ptr<Connection> connection_;
};

/// Where a session runs. Both must outlive it.
struct Runtime {
  kio::Executor& executor;
  kio::Clock& clock;
};

/// The client's side. `path` ("/room?jwt=x") travels in SETUP where the carrier has no URL (lite 05
/// and up); pass none elsewhere. Fails with `version` if the transport agreed on a name that is not
/// one of `versions`. Ready at once unless the versions are told to the peer, which then picks one.
kio::Task<Result<Session>> connect(Runtime runtime, std::unique_ptr<transport::Session> transport,
                                   SessionOptions options,
                                   std::optional<std::string> path = std::nullopt,
                                   std::span<const Version> versions = session_versions());

/// A client that has said what it wants and waits to be let in. Dropping it refuses.
class Request {
 public:
  Request(Runtime runtime, std::shared_ptr<Connection> connection);
  Request(Request&&) noexcept = default;
  Request& operator=(Request&&) = delete;
  ~Request();

  [[nodiscard]] Version version() const;
  /// Path and query as asked for: "/room?jwt=x"; "" on raw QUIC before lite 05.
  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string peer() const;
  [[nodiscard]] std::string_view carrier() const;
  /// What the client means to do; both if it did not say.
  [[nodiscard]] bool wants_publish() const;
  [[nodiscard]] bool wants_subscribe() const;

  Session accept(SessionOptions options) &&;
  /// Closes the session: `unauthorized` as code 2, `application` with its `wire` code.
  void reject(const Error& error) &&;

 private:
  std::shared_ptr<Connection> connection_;
};

/// The server's side: waits, at most `timeout`, for what the client says of itself.
kio::Task<Result<Request>> accept(Runtime runtime, std::unique_ptr<transport::Session> transport,
                                  std::span<const Version> versions = session_versions(),
                                  Duration timeout = kHandshakeTimeout);

}  // namespace moq::net

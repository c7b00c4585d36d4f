#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/session.h"

/// WebTransport over HTTP/3: makes a moq session of a QUIC session whose ALPN is "h3". One session
/// per connection. RFC 9114, RFC 9220, RFC 9297, draft-ietf-webtrans-http3 (02 and 07 as peers
/// speak them). Everything belongs to one executor's thread.
namespace moq::transport::webtransport {

class Core;

/// How much a peer may make us keep. At a limit nothing is dropped: the peer's further streams wait
/// in the QUIC session, where its stream credit bounds them.
struct Limits {
  /// Streams whose first bytes, which say what they are, have not arrived. Ordinary peers have a
  /// few after a packet loss.
  std::size_t unidentified_streams = 128;
  /// Streams of each kind that are ready and not yet accepted.
  std::size_t ready_streams = 256;
};

/// What to ask the server for.
struct ConnectOptions {
  ConnectOptions(std::string server, std::string request_path, std::vector<std::string> offered)
      : authority(std::move(server)),
        path(std::move(request_path)),
        protocols(std::move(offered)) {}

  std::string authority;               ///< `host[:port]`, as in the URL.
  std::string path;                    ///< Path and query; "" means "/".
  std::vector<std::string> protocols;  ///< By preference, which decides: "moq-lite-06", ...
  std::string user_agent;              ///< Sent if not empty.
  Limits limits;
};

/// Client: exchanges SETTINGS over `quic`, sends the CONNECT request and waits for the answer.
/// `protocol()` of the session is the server's choice, "" if it made none.
///
/// The session's protocol work runs in `tasks`, also the last exchange after the session handle is
/// dropped; dropping the tasks closes at once. Destroying the returned task closes `quic`.
///
/// Fails with `invalid_argument` for unusable options; with the status in `Error::wire` and in the
/// text for an answer other than 200: `unauthorized` for 401, `forbidden` for 403, `not_found` for
/// 404, `application` for those that may pass (408, 429, 502, 503, 504), `rejected` for others;
/// with `unsupported` if the server speaks HTTP/3 but not WebTransport;
/// with `protocol_violation` if it breaks a rule, as by choosing a protocol that was not offered;
/// with the connection's error if that ends.
kio::Task<Result<std::unique_ptr<Session>>> connect(kio::TaskGroup& tasks,
                                                    std::unique_ptr<Session> quic,
                                                    ConnectOptions options);

/// A client's CONNECT request, waiting for its answer. Dropping it rejects with status 503.
class Request {
 public:
  Request(Request&&) noexcept;
  Request& operator=(Request&&) noexcept;
  ~Request();

  [[nodiscard]] const std::string& authority() const;
  /// Path and query.
  [[nodiscard]] const std::string& path() const;
  /// What the client offers, as it prefers them.
  [[nodiscard]] const std::vector<std::string>& protocols() const;
  /// The headers of these names; "" if missing.
  [[nodiscard]] const std::string& origin() const;
  [[nodiscard]] const std::string& user_agent() const;
  /// The peer's address, for logs.
  [[nodiscard]] std::string peer() const;

  /// The first of the client's protocols that is in `supported`: the client's order decides.
  [[nodiscard]] std::optional<std::string> choose(std::span<const std::string> supported) const;

  /// Accepts with status 200. `protocol` is one that the client offered, or none. If the client is
  /// gone meanwhile, the session has ended already.
  std::unique_ptr<Session> respond(std::optional<std::string_view> protocol) &&;
  /// Refuses with an HTTP status from 400 to 599, and closes the connection.
  void reject(int status) &&;

 private:
  friend kio::Task<Result<Request>> accept(kio::TaskGroup& tasks, std::unique_ptr<Session> quic,
                                           Limits limits);
  struct State;
  explicit Request(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Server: exchanges SETTINGS over `quic` and waits for the CONNECT request; the caller sets the
/// deadline. A request that is not for WebTransport gets an HTTP error status by itself, and the
/// task fails with `unsupported` or, if it was malformed, `protocol_violation`. As to `tasks` and
/// other errors see `connect`.
kio::Task<Result<Request>> accept(kio::TaskGroup& tasks, std::unique_ptr<Session> quic,
                                  Limits limits = {});

/// The QUIC session under one that was made here, for what only its backend knows; null if
/// `session` is of another kind. Borrowed: lives as long as `session`.
Session* underlying(Session& session);

}  // namespace moq::transport::webtransport

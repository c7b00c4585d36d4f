#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/token.h"

/// Messages about the session itself. `decode` and `encode` are as in request.h.
/// draft-ietf-moq-transport-21, Control Messages.
namespace moq::net::moqt {

/// The two ends of a session, by who dialed.
enum class Role : std::uint8_t { client, server };

/// SETUP, up to 16 CLIENT_SETUP and SERVER_SETUP. Unknown options are passed over.
struct Setup {
  Role sender = Role::client;           ///< Up to 16 the type tells; since, it is left alone.
  std::vector<std::uint64_t> versions;  ///< 14: all that a client has; the one a server picked.
  /// A client on raw QUIC: the path with its query, and host[:port].
  std::optional<std::string> path;
  std::optional<std::string> authority;
  std::vector<Token> tokens;
  std::uint64_t max_request_id = 0;  ///< Up to 16: the first id that the peer may not use.
  std::uint64_t max_token_cache_bytes = 0;
  std::uint64_t max_filter_ranges = 0;  ///< From 19.
  std::uint64_t max_updates = 0;        ///< From 19: outstanding per stream; 0 = no limit.
  std::string implementation;           ///< For logs.
  /// Rust peers: 1 = advertise to the sender only what it asks for, by SUBSCRIBE_NAMESPACE. Who
  /// sends the option knows that rule, and is held to it.
  std::optional<std::uint64_t> solicit;
  /// Rust peers: 1 = the sender asks for hidden broadcasts where it wants them.
  std::optional<std::uint64_t> hidden;

  static constexpr std::string_view kName = "SETUP";
  /// Fails with `duplicate` for a known option that repeats, tokens aside.
  static Result<Setup, DecodeError> decode(Reader& in, Draft draft, Role sender = Role::client);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Setup&) const = default;
};

/// GOAWAY: the sender will close soon; from 18 on a request's stream: this request must move.
struct Goaway {
  std::string uri;  ///< Where to go instead; empty = the same place, and always from a client.
  std::optional<Duration> timeout;  ///< From 17: until the sender closes; none = not told.
  /// 18, on the control stream alone, where it should be set on sending (Rust peers write 0).
  std::optional<std::uint64_t> request_id;

  static constexpr std::string_view kName = "GOAWAY";
  static Result<Goaway, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const Goaway&) const = default;
};

/// MAX_REQUEST_ID: the first id that the receiver may not use. Up to 16. It only grows.
struct MaxRequestId {
  std::uint64_t limit = 0;

  static constexpr std::string_view kName = "MAX_REQUEST_ID";
  static Result<MaxRequestId, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const MaxRequestId&) const = default;
};

/// REQUESTS_BLOCKED: the limit that stopped the sender. Up to 16; never send it to a Rust peer.
struct RequestsBlocked {
  std::uint64_t limit = 0;

  static constexpr std::string_view kName = "REQUESTS_BLOCKED";
  static Result<RequestsBlocked, DecodeError> decode(Reader& in, Draft draft);
  void encode(Writer& out, Draft draft) const;
  bool operator==(const RequestsBlocked&) const = default;
};

}  // namespace moq::net::moqt

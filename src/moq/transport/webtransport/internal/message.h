#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "moq/transport/webtransport/internal/qpack.h"

namespace moq::transport::webtransport {

/// More protocol names than this in one request are an attack; peers that speak every version of
/// every draft name about 16.
inline constexpr std::size_t kMaxProtocols = 64;

/// What a client asks with its CONNECT. draft-ietf-webtrans-http3 §3.2.
struct ConnectRequest {
  std::string authority;               ///< `host[:port]`.
  std::string path;                    ///< Path and query.
  std::vector<std::string> protocols;  ///< As the client prefers them.
  std::string origin;                  ///< "" if the header is missing, as are those below.
  std::string user_agent;
  bool operator==(const ConnectRequest&) const = default;
};

/// How a server answers.
struct ConnectResponse {
  int status = 0;
  std::string protocol;  ///< The chosen protocol; "" for none.
  bool operator==(const ConnectResponse&) const = default;
};

/// A request that is well-formed HTTP but is not served here, or is not well-formed.
struct Refusal {
  int status = 400;
  std::string text;
};

/// The HEADERS frame of a request. `user_agent` and `origin` are written if they are not empty.
Bytes encode_request(const ConnectRequest& request);
Result<ConnectRequest, Refusal> parse_request(std::span<const Header> headers);

/// The HEADERS frame of an answer.
Bytes encode_response(const ConnectResponse& response);
/// Fails with `message_error` if it is malformed. The status may be informational (1xx).
Result<ConnectResponse, H3Error> parse_response(std::span<const Header> headers);

/// Whether `text` can be the `:path` of a request: starts with "/", visible ASCII or UTF-8 bytes.
bool is_request_path(std::string_view text);
/// Whether `text` can be the `:authority` of a request.
bool is_authority(std::string_view text);

}  // namespace moq::transport::webtransport

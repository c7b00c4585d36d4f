#pragma once

#include <optional>

#include "moq/base/bytes.h"

namespace moq::transport::webtransport {

/// Longest prefix: two varints.
inline constexpr std::size_t kMaxPrefixBytes = 16;

/// How a stream starts.
struct StreamPrefix {
  std::uint64_t type = 0;        ///< Of a uni stream; of a bidi stream, or its first frame.
  std::uint64_t session_id = 0;  ///< If it is a WebTransport stream.
  std::size_t size_bytes = 0;    ///< What the prefix takes; the session's data follows.
};

/// Reads the prefix from the start of `bytes`; none while it is incomplete. Only a type that equals
/// `webtransport_type` is followed by a session id.
std::optional<StreamPrefix> read_prefix(ByteSpan bytes, std::uint64_t webtransport_type);

/// `40 54 00` and `40 41 00`: what our streams start with.
Bytes uni_prefix();
Bytes bidi_prefix();

}  // namespace moq::transport::webtransport

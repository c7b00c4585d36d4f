#pragma once

#include <string>
#include <variant>
#include <vector>

#include "moq/transport/webtransport/internal/qpack.h"
#include "moq/transport/webtransport/internal/tlv_buffer.h"

namespace moq::transport::webtransport {

/// The end of a session, as its close capsule says. draft-ietf-webtrans-http3 §5.
struct CloseInfo {
  std::uint32_t code = 0;
  std::string reason;
  bool operator==(const CloseInfo&) const = default;
};

/// Longest reason of a close: more is cut off, at a character, both ways.
inline constexpr std::size_t kMaxReasonBytes = 1024;

/// The capsule CLOSE_WEBTRANSPORT_SESSION in a DATA frame.
Bytes encode_close(const CloseInfo& close);
/// `text`, at most `kMaxReasonBytes` of it; "" if it is not UTF-8.
std::string cut_reason(std::string_view text);

/// Reads one direction of the CONNECT stream: HEADERS, then DATA frames full of capsules. Bytes in,
/// events out; no I/O. Errors end the connection.
class ConnectStream {
 public:
  struct NeedMore {};
  using Event = std::variant<NeedMore, std::vector<Header>, CloseInfo>;

  void push(ByteSpan bytes) { frames_.push(bytes); }
  /// The next event of what was pushed.
  Result<Event, H3Error> next();
  /// What the end of the stream means: a close with code 0, unless it comes too early.
  Result<CloseInfo, H3Error> finish() const;
  /// The headers just read were informational: others follow.
  void expect_more_headers() { headers_done_ = false; }

 private:
  Result<Event, H3Error> next_capsule();
  Result<Event, H3Error> handle(const Tlv& frame);

  TlvBuffer frames_{"frame", kMaxFrameBytes};
  TlvBuffer capsules_{"capsule", kMaxCapsuleBytes};
  bool headers_done_ = false;
};

}  // namespace moq::transport::webtransport

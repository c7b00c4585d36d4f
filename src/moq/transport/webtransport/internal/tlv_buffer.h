#pragma once

#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {

/// One frame or capsule: a type, a length and that many bytes. RFC 9114 §7.1, RFC 9297 §3.2.
struct Tlv {
  std::uint64_t type = 0;
  ByteSpan value;  ///< Borrowed until the next `push()`.
};

/// Cuts a stream of bytes into frames or capsules. Memory grows with the bytes that came, never
/// with a length that was only claimed, and stays below one value plus one `push()`.
class TlvBuffer {
 public:
  /// `what` names the pieces in errors: "frame", "capsule".
  TlvBuffer(std::string_view what, std::size_t max_value_bytes)
      : what_(what), max_value_bytes_(max_value_bytes) {}

  void push(ByteSpan bytes);
  /// The next whole piece; none until more comes. Fails with `excessive_load` as soon as a length
  /// above the limit is read.
  Result<std::optional<Tlv>, H3Error> next();
  /// False in the middle of a piece: there the stream must not end.
  [[nodiscard]] bool at_boundary() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t buffered_bytes() const { return bytes_.size() - at_; }

 private:
  std::string_view what_;
  std::size_t max_value_bytes_;
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace moq::transport::webtransport

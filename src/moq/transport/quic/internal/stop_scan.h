#pragma once

#include "moq/base/bytes.h"

namespace moq::transport::quic::internal {

/// Finds the STOP_SENDING frames in the decrypted payload of a packet. ngtcp2 1.11 answers them
/// itself and tells nobody, neither of the frame nor of its code, until the stream is closed.
/// Stops at the first byte that is not a well-formed frame of QUIC v1 (RFC 9000 §19, RFC 9221):
/// ngtcp2 will end the connection for it.
class StopScanner {
 public:
  explicit StopScanner(ByteSpan payload) : at_(payload.data()), end_(at_ + payload.size()) {}

  /// The next STOP_SENDING; false at the end.
  bool next(std::uint64_t& stream_id, std::uint64_t& code);

 private:
  bool varint(std::uint64_t& value);
  bool varints(std::size_t count);
  bool skip(std::uint64_t size);
  bool skip_ack(bool ecn);
  bool skip_frame(std::uint64_t type);

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace moq::transport::quic::internal

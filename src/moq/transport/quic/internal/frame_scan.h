#pragma once

#include "moq/base/bytes.h"

namespace moq::transport::quic::internal {

/// Finds RESET_STREAM and STOP_SENDING in the decrypted payload of a packet, before ngtcp2 sees it.
/// Needed for two things that ngtcp2 1.11 lacks: it answers STOP_SENDING itself and tells nobody;
/// and it never lets go of a unidirectional stream whose first frame is RESET_STREAM.
///
/// Stops at the first byte that is not a well-formed frame of QUIC v1 (RFC 9000 §19, RFC 9221):
/// ngtcp2 will end the connection for it.
class FrameScanner {
 public:
  explicit FrameScanner(std::span<std::uint8_t> payload)
      : at_(payload.data()), end_(at_ + payload.size()) {}

  struct Frame {
    bool reset = false;  ///< RESET_STREAM, else STOP_SENDING.
    std::uint64_t stream_id = 0;
    std::uint64_t code = 0;
    std::uint64_t final_size = 0;  ///< Of RESET_STREAM.
    std::span<std::uint8_t> bytes;
  };
  /// The next of them; false at the end.
  bool next(Frame& frame);

  /// At the end: whether the packet held acknowledgements, pings and padding, and nothing else.
  [[nodiscard]] bool only_acks() const { return !others_; }
  [[nodiscard]] bool pinged() const { return pinged_; }

 private:
  bool varint(std::uint64_t& value);
  bool varints(std::size_t count);
  bool skip(std::uint64_t size);
  bool skip_ack(bool ecn);
  bool skip_frame(std::uint64_t type);

  std::uint8_t* at_;
  std::uint8_t* end_;
  bool others_ = false;  // There was something that is neither ACK nor PING nor PADDING.
  bool pinged_ = false;
};

/// Rewrites a RESET_STREAM in its place to an empty STREAM frame, which opens the stream properly,
/// a RESET_STREAM with code 0, and padding. False, and nothing done, if there is no room: its code
/// is encoded in too few bytes. Mapped codes take eight, which is enough for ids below 2^30.
bool open_before_reset(const FrameScanner::Frame& frame);

}  // namespace moq::transport::quic::internal

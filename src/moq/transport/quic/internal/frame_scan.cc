#include "moq/transport/quic/internal/frame_scan.h"

#include <algorithm>
#include <array>
#include <bit>

#include "moq/base/wire.h"

namespace moq::transport::quic::internal {

bool FrameScanner::varint(std::uint64_t& value) {
  if (at_ == end_) return false;
  const std::size_t size = std::size_t{1} << (*at_ >> 6);
  if (static_cast<std::size_t>(end_ - at_) < size) return false;
  value = *at_ & 0x3f;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | at_[i];
  at_ += size;
  return true;
}

bool FrameScanner::varints(std::size_t count) {
  std::uint64_t ignored = 0;
  for (; count > 0; --count) {
    if (!varint(ignored)) return false;
  }
  return true;
}

bool FrameScanner::skip(std::uint64_t size) {
  if (static_cast<std::uint64_t>(end_ - at_) < size) return false;
  at_ += size;
  return true;
}

bool FrameScanner::skip_ack(bool ecn) {
  std::uint64_t ranges = 0;
  if (!varints(2) || !varint(ranges) || !varints(1)) return false;
  // Each range takes two bytes or more, so a lie ends the loop at the end of the packet.
  for (; ranges > 0; --ranges) {
    if (!varints(2)) return false;
  }
  return !ecn || varints(3);
}

bool FrameScanner::skip_frame(std::uint64_t type) {
  std::uint64_t length = 0;
  if (type >= 0x08 && type <= 0x0f) {  // STREAM: 4 = offset, 2 = length.
    if (!varints((type & 4) != 0 ? 2 : 1)) return false;
    if ((type & 2) == 0) return skip(static_cast<std::uint64_t>(end_ - at_));
    return varint(length) && skip(length);
  }
  switch (type) {
    case 0x00:  // PADDING
    case 0x01:  // PING
    case 0x1e:  // HANDSHAKE_DONE
      return true;
    case 0x02:  // ACK
    case 0x03:
      return skip_ack(type == 0x03);
    case 0x06:  // CRYPTO
      return varints(1) && varint(length) && skip(length);
    case 0x07:  // NEW_TOKEN
    case 0x31:  // DATAGRAM with a length
      return varint(length) && skip(length);
    case 0x10:  // MAX_DATA
    case 0x12:  // MAX_STREAMS
    case 0x13:
    case 0x14:  // DATA_BLOCKED
    case 0x16:  // STREAMS_BLOCKED
    case 0x17:
    case 0x19:  // RETIRE_CONNECTION_ID
      return varints(1);
    case 0x11:  // MAX_STREAM_DATA
    case 0x15:  // STREAM_DATA_BLOCKED
      return varints(2);
    case 0x18: {  // NEW_CONNECTION_ID
      if (!varints(2) || at_ == end_) return false;
      const std::uint64_t id_length = *at_++;
      return skip(id_length) && skip(16);
    }
    case 0x1a:  // PATH_CHALLENGE
    case 0x1b:  // PATH_RESPONSE
      return skip(8);
    default:  // CONNECTION_CLOSE, DATAGRAM to the end, and what is unknown.
      return false;
  }
}

bool FrameScanner::next(Frame& frame) {
  while (at_ != end_) {
    if (*at_ == 0) {  // PADDING comes in runs.
      ++at_;
      continue;
    }
    std::uint8_t* const start = at_;
    std::uint64_t type = 0;
    if (!varint(type)) {
      others_ = true;
      break;
    }
    if (type == 0x01) {
      pinged_ = true;
    } else if (type != 0x02 && type != 0x03) {
      others_ = true;
    }
    if (type == 0x04 || type == 0x05) {
      frame = {.reset = type == 0x04};
      if (!varint(frame.stream_id) || !varint(frame.code)) break;
      if (frame.reset && !varint(frame.final_size)) break;
      frame.bytes = {start, at_};
      return true;
    }
    if (!skip_frame(type)) {
      others_ = true;
      break;
    }
  }
  at_ = end_;
  return false;
}

bool open_before_reset(const FrameScanner::Frame& frame) {
  std::array<std::uint8_t, 64> out{};
  std::size_t size = 0;
  const auto put = [&](std::uint64_t value) {
    const std::size_t bytes = varint_size(value);
    for (std::size_t i = 0; i < bytes; ++i) {
      out[size + i] = static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
    }
    out[size] |= static_cast<std::uint8_t>(std::countr_zero(bytes) << 6);
    size += bytes;
  };
  put(0x0a);  // STREAM with a length, at offset 0.
  put(frame.stream_id);
  put(0);
  put(0x04);
  put(frame.stream_id);
  put(0);
  put(frame.final_size);
  if (size > frame.bytes.size()) return false;
  std::ranges::fill(frame.bytes, std::uint8_t{0});
  std::copy_n(out.begin(), size, frame.bytes.begin());
  return true;
}

}  // namespace moq::transport::quic::internal

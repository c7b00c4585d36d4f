#pragma once

#include <memory>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// Frames of one group as one raw DEFLATE stream (RFC 1951), flushed after each frame so that each
/// can be read when it arrives. The `00 00 ff ff` that ends every flush is not sent.
namespace moq::hang::flate {

/// Payload of one frame: what peers accept, and what a frame of a few bytes may not blow up to.
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{64} << 20;

/// Compresses the frames of one group, in order. A new group takes a new encoder.
class Encoder {
 public:
  Encoder();
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// `Code::frame_too_large` above `kMaxPayloadBytes`. An empty payload is an empty frame.
  Result<Bytes> encode(ByteSpan payload);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// Decompresses the frames of one group, in order from its first. After an error it is of no use.
class Decoder {
 public:
  /// `limit`: the largest payload of one frame.
  explicit Decoder(std::size_t limit = kMaxPayloadBytes);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// `Code::decode` if `frame` does not continue the stream, `Code::frame_too_large` if its payload
  /// would pass the limit.
  Result<Bytes> decode(ByteSpan frame);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::size_t limit_;
};

}  // namespace moq::hang::flate

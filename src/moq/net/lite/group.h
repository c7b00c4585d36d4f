#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/lite/limits.h"
#include "moq/net/version.h"

/// What carries media: group streams, the answers to FETCH, and datagrams.
/// draft-lcurley-moq-lite, group stream and datagrams.
namespace moq::net::lite {

/// GROUP: which group the frames that follow, up to FIN, belong to. Opens the stream.
struct GroupHeader {
  std::uint64_t subscribe_id = 0;
  std::uint64_t sequence = 0;
  std::uint64_t frame_start = 0;  ///< 06: the index of the first frame on this stream.

  static constexpr std::string_view kName = "GROUP";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<GroupHeader, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const GroupHeader&) const = default;
};

/// What precedes a frame's payload; not a message, it has no length of its own.
struct FrameHeader {
  /// Presentation time in units of the track's timescale; none up to 04: there the receiver takes
  /// the time of arrival.
  std::optional<std::uint64_t> timestamp;
  std::uint64_t size_bytes = 0;  ///< Of the payload.
  bool operator==(const FrameHeader&) const = default;
};

/// Writes the frame headers of one stream, whose timestamps are differences.
class FrameHeaderEncoder {
 public:
  explicit FrameHeaderEncoder(Version version) : version_(version) {}
  /// The header to send before a payload of `size_bytes`. `timestamp` is left out up to 04. Fails
  /// with `timestamp_mismatch` above `kMaxTimestamp`.
  Result<Bytes> encode(std::uint64_t timestamp, std::uint64_t size_bytes);

 private:
  Version version_;
  std::uint64_t previous_ = 0;
};

/// Largest timestamp whose difference to 0 can be written.
inline constexpr std::uint64_t kMaxTimestamp = kMaxVarint >> 1;

/// The signed number that `coded` stands for, as `Reader::zigzag` has it.
constexpr std::int64_t from_zigzag(std::uint64_t coded) {
  const auto half = static_cast<std::int64_t>(coded >> 1);
  return (coded & 1) != 0 ? -half - 1 : half;
}
/// Adds a frame's `delta` to the timestamp before it; none if the sum leaves 0 .. 2^62-1.
std::optional<std::uint64_t> add_delta(std::uint64_t previous, std::int64_t delta);

/// A datagram: a group of one frame. From 05.
struct Datagram {
  std::uint64_t subscribe_id = 0;
  std::uint64_t sequence = 0;   ///< In the number space of the track's groups.
  std::uint64_t timestamp = 0;  ///< Absolute, in units of the track's timescale.
  Bytes payload;

  static constexpr std::string_view kName = "datagram";
  /// The payload is a slice of `datagram`.
  static Result<Datagram, DecodeError> decode(const Bytes& datagram, Version version);
  [[nodiscard]] Bytes encode(Version version) const;
  bool operator==(const Datagram&) const = default;
};

}  // namespace moq::net::lite

#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// How one codec frame becomes one moq frame and back. `legacy` and `loc` here; the cmaf container
/// is `moq::mux::mp4`. Whether a frame is a key frame is not written: the first of a group is one.
namespace moq::hang {

/// One codec frame. An empty payload is a mark, never for a decoder: it says when the content
/// before it ends (the last frame of a group), or that the track pauses (the only one of a group).
struct Frame {
  std::uint64_t timestamp_us = 0;  ///< Presentation time; below 2^62.
  bool keyframe = false;           ///< Decodable without what came before.
  Bytes payload;
  std::optional<std::uint64_t> duration_us;  ///< If the source knows it; not in legacy or loc.

  [[nodiscard]] bool is_mark() const { return payload.empty(); }
  bool operator==(const Frame&) const = default;
};

/// Properties of one loc frame: ours is 9 bytes, others may add a few.
inline constexpr std::size_t kMaxLocPropertyBytes = std::size_t{64} << 10;

/// Microseconds as a QUIC varint, then the payload.
Bytes encode_legacy(const Frame& frame);
/// `keyframe`: whether it is the first of its group. The payload shares `bytes`.
Result<Frame> decode_legacy(const Bytes& bytes, bool keyframe);

/// Length and properties, then the payload, as Rust's `loc` writes it; not what IETF LOC peers do.
Bytes encode_loc(const Frame& frame);
/// Reads the timestamp (0x10, formerly 0x06) in units of property 0x08 (microseconds if absent).
Result<Frame> decode_loc(const Bytes& bytes, bool keyframe);

/// `value` in units of `from` per second as units of `to` per second, rounded down; none if that
/// passes 2^63 or a scale is 0.
std::optional<std::uint64_t> rescale(std::uint64_t value, std::uint64_t from, std::uint64_t to);

}  // namespace moq::hang

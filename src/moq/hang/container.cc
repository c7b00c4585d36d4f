#include "moq/hang/container.h"

#include <array>

#include "moq/base/wire.h"

namespace moq::hang {
namespace {

constexpr std::uint64_t kTimestamp = 0x10;
constexpr std::uint64_t kOldTimestamp = 0x06;
constexpr std::uint64_t kTimescale = 0x08;
constexpr std::uint64_t kMicroseconds = 1'000'000;

Bytes with_header(Writer header, const Bytes& payload) {
  const std::array<Bytes, 2> parts = {header.take(), payload};
  return join(parts);
}

/// The timestamp in microseconds that the properties carry.
Result<std::uint64_t, DecodeError> read_properties(ByteSpan properties) {
  Reader in(properties);
  std::uint64_t type = 0;
  std::optional<std::uint64_t> timestamp;
  std::uint64_t timescale = kMicroseconds;
  while (in.ok() && in.remaining() > 0) {
    const std::uint64_t delta = in.varint();
    if (delta > kMaxVarint - type) in.fail(DecodeError::out_of_range);
    type += delta;
    if (type % 2 != 0) {
      in.prefixed();
      continue;
    }
    const std::uint64_t value = in.varint();
    if (type == kTimestamp || (type == kOldTimestamp && !timestamp)) timestamp = value;
    if (type == kTimescale) timescale = value;
  }
  if (!in.ok()) return std::unexpected(in.error());
  if (!timestamp) return std::unexpected(DecodeError::truncated);
  const std::optional<std::uint64_t> us = rescale(*timestamp, timescale, kMicroseconds);
  if (!us || *us > kMaxVarint) return std::unexpected(DecodeError::out_of_range);
  return *us;
}

}  // namespace

std::optional<std::uint64_t> rescale(std::uint64_t value, std::uint64_t from, std::uint64_t to) {
  if (from == 0 || to == 0) return std::nullopt;
  const __uint128_t scaled = static_cast<__uint128_t>(value) * to / from;
  if (scaled >> 63 != 0) return std::nullopt;
  return static_cast<std::uint64_t>(scaled);
}

Bytes encode_legacy(const Frame& frame) {
  Writer header;
  header.varint(frame.timestamp_us);
  return with_header(std::move(header), frame.payload);
}

Result<Frame> decode_legacy(const Bytes& bytes, bool keyframe) {
  Reader in(bytes);
  Frame frame{.timestamp_us = in.varint(), .keyframe = keyframe};
  if (!in.ok()) return std::unexpected(to_error(in.error(), "legacy container"));
  frame.payload = bytes.slice(in.position());
  return frame;
}

Bytes encode_loc(const Frame& frame) {
  Writer header;
  header.varint(1 + varint_size(frame.timestamp_us)).varint(kTimestamp).varint(frame.timestamp_us);
  return with_header(std::move(header), frame.payload);
}

Result<Frame> decode_loc(const Bytes& bytes, bool keyframe) {
  Reader in(bytes);
  const ByteSpan properties = in.prefixed(kMaxLocPropertyBytes);
  if (!in.ok()) return std::unexpected(to_error(in.error(), "loc container"));
  const auto timestamp = read_properties(properties);
  if (!timestamp) return std::unexpected(to_error(timestamp.error(), "loc properties"));
  Frame frame{.timestamp_us = *timestamp, .keyframe = keyframe};
  frame.payload = bytes.slice(in.position());
  return frame;
}

}  // namespace moq::hang

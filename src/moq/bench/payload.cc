#include "moq/bench/payload.h"

#include <cstring>
#include <vector>

#include "moq/base/random.h"
#include "moq/base/result.h"

namespace moq::bench {
namespace {

/// Bytes that no compressor, and no mistake about offsets, gets right.
const std::vector<std::uint8_t>& pattern() {
  static const std::vector<std::uint8_t> bytes = [] {
    std::vector<std::uint8_t> made(kMaxFrameBytes);
    SeededRandom random(0x6d6f71);
    for (std::uint8_t& byte : made) byte = static_cast<std::uint8_t>(random.next() >> 56);
    return made;
  }();
  return bytes;
}

/// The pattern begins elsewhere in each frame, so that a frame in another's place is noticed.
std::size_t pattern_offset(const Stamp& stamp, std::size_t body_bytes) {
  const std::size_t spare = kMaxFrameBytes - body_bytes;
  return static_cast<std::size_t>((stamp.group * 131 + stamp.index * 17) % (spare + 1));
}

}  // namespace

TimePoint read_clock() {
  return TimePoint(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Bytes make_frame(const Stamp& stamp, std::size_t size_bytes) {
  MOQ_ASSERT(size_bytes >= kMinFrameBytes && size_bytes <= kMaxFrameBytes);
  auto buffer = Buffer::allocate(size_bytes);
  const std::int64_t sent = stamp.sent.time_since_epoch().count();
  std::memcpy(buffer->data(), &sent, 8);
  std::memcpy(buffer->data() + 8, &stamp.group, 8);
  std::memcpy(buffer->data() + 16, &stamp.index, 4);
  const std::size_t body = size_bytes - kMinFrameBytes;
  std::memcpy(buffer->data() + kMinFrameBytes, pattern().data() + pattern_offset(stamp, body),
              body);
  return {std::move(buffer), 0, size_bytes};
}

std::optional<Stamp> check_frame(const Bytes& frame) {
  if (frame.size() < kMinFrameBytes || frame.size() > kMaxFrameBytes) return std::nullopt;
  std::int64_t sent = 0;
  Stamp stamp;
  std::memcpy(&sent, frame.data(), 8);
  std::memcpy(&stamp.group, frame.data() + 8, 8);
  std::memcpy(&stamp.index, frame.data() + 16, 4);
  stamp.sent = TimePoint(Duration(sent));
  const std::size_t body = frame.size() - kMinFrameBytes;
  const std::uint8_t* expected = pattern().data() + pattern_offset(stamp, body);
  if (std::memcmp(frame.data() + kMinFrameBytes, expected, body) != 0) return std::nullopt;
  return stamp;
}

}  // namespace moq::bench

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moq::transport::qmux {

/// How streams become frames, and frames become records.
enum class Framing : std::uint8_t {
  webtransport,  ///< The oldest: one bare frame a message, no flow control, no datagrams.
  qmux_00,       ///< One frame a message; flow control, no pings, no datagrams.
  qmux_01,       ///< Several frames a record; pings and datagrams.
  qmux_02,       ///< The same, with stricter rules.
};

/// "webtransport", "qmux-01": the name as a WebSocket sub-protocol and before a dot in one.
std::string_view to_string(Framing framing);

/// Both sides exchange parameters, and obey credits.
constexpr bool has_flow_control(Framing framing) { return framing != Framing::webtransport; }
/// A record holds any number of frames; there are pings and datagrams.
constexpr bool has_records(Framing framing) { return framing >= Framing::qmux_01; }
/// Parameters come first, and the numbers of pings are checked.
constexpr bool is_strict(Framing framing) { return framing == Framing::qmux_02; }

/// Largest record of 01 and 02, unless parameters say more. We never do.
inline constexpr std::size_t kMaxRecordBytes = 16382;
/// Largest frame of 00, all its fields counted.
inline constexpr std::size_t kMaxFrameBytes = 16384;
/// Largest message of `webtransport`, which has no rule: what the frames of old peers stay below.
inline constexpr std::size_t kMaxMessageBytes = 65536;

/// The largest record that a pipe has to take in.
constexpr std::size_t max_record_bytes(Framing framing) {
  if (has_records(framing)) return kMaxRecordBytes;
  return framing == Framing::qmux_00 ? kMaxFrameBytes : kMaxMessageBytes;
}

}  // namespace moq::transport::qmux

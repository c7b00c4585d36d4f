#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// MPEG-2 transport streams (ITU-T H.222.0, ISO/IEC 13818-1).
namespace moq::mux::ts {

inline constexpr std::size_t kPacketBytes = 188;
/// What may come before the first packet; more is no transport stream.
inline constexpr std::size_t kMaxLeadBytes = std::size_t{64} << 10;

/// Cuts a byte stream into packets, 188 bytes apart, or 192 as m2ts files have them with four bytes
/// of arrival time before each. After bytes that are no packet it looks for the next ones.
class PacketReader {
 public:
  /// Appends to the input. Spans given out before are invalid from here on.
  void push(ByteSpan data);
  /// From here on no more input comes, so that packets are judged by what there is.
  void end() { ended_ = true; }
  /// The next packet; none until more input comes. `Code::decode` if the input begins with
  /// `kMaxLeadBytes` without packets.
  Result<std::optional<ByteSpan>> next();

 private:
  enum class Match : std::uint8_t { no, yes, undecided };
  [[nodiscard]] Match match(std::size_t at, std::size_t stride) const;
  bool find_packets();

  std::vector<std::uint8_t> input_;
  std::size_t at_ = 0;         ///< Where the next packet begins; may lie behind the input.
  std::size_t stride_ = 0;     ///< From one packet to the next; 0 = to be found.
  std::uint64_t dropped_ = 0;  ///< Bytes since the last packet.
  bool begun_ = false;
  bool ended_ = false;
};

/// The header of a packet, and its payload, borrowed.
struct Packet {
  std::uint16_t pid = 0;
  bool unit_start = false;     ///< A PES packet or a section begins in here.
  bool discontinuity = false;  ///< The counter may jump here.
  std::uint8_t counter = 0;    ///< 4 bits, counts the packets of the pid that have a payload.
  ByteSpan payload;
};

/// None if the packet is damaged or scrambled.
std::optional<Packet> parse_packet(ByteSpan bytes);

}  // namespace moq::mux::ts

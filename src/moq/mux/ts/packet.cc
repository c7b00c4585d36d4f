#include "moq/mux/ts/packet.h"

#include <algorithm>
#include <array>

#include "moq/base/log.h"

namespace moq::mux::ts {
namespace {

constexpr std::uint8_t kSync = 0x47;
constexpr std::array<std::size_t, 2> kStrides = {kPacketBytes, 192};
/// Sync bytes in a row that make packets: chance has them once in 2^40 bytes.
constexpr std::size_t kSyncs = 5;

}  // namespace

void PacketReader::push(ByteSpan data) {
  const std::size_t done = std::min(at_, input_.size());
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(done));
  at_ -= done;
  input_.insert(input_.end(), data.begin(), data.end());
}

Result<std::optional<ByteSpan>> PacketReader::next() {
  if (at_ < input_.size() && stride_ != 0 && input_[at_] != kSync) stride_ = 0;
  if (stride_ == 0 && !find_packets()) {
    if (!begun_ && dropped_ > kMaxLeadBytes) {
      return fail(Code::decode, "ts: the input is no MPEG transport stream");
    }
    return std::nullopt;
  }
  if (at_ + kPacketBytes > input_.size()) return std::nullopt;
  const ByteSpan packet = ByteSpan(input_).subspan(at_, kPacketBytes);
  at_ += stride_;
  return packet;
}

PacketReader::Match PacketReader::match(std::size_t at, std::size_t stride) const {
  for (std::size_t i = 0; i < kSyncs; ++i) {
    const std::size_t place = at + i * stride;
    if (place >= input_.size()) return ended_ ? Match::yes : Match::undecided;
    if (input_[place] != kSync) return Match::no;
  }
  return Match::yes;
}

/// Moves `at_` to where packets begin, and finds how far apart they are.
bool PacketReader::find_packets() {
  for (; at_ < input_.size(); ++at_, ++dropped_) {
    if (input_[at_] != kSync) continue;
    for (const std::size_t stride : kStrides) {
      const Match found = match(at_, stride);
      if (found == Match::undecided) return false;
      if (found == Match::no) continue;
      if (dropped_ > kStrides[1] - kPacketBytes) {
        MOQ_LOG(warn, "mux", "ts: {} bytes that are no packet", dropped_);
      }
      stride_ = stride;
      dropped_ = 0;
      begun_ = true;
      return true;
    }
  }
  return false;
}

std::optional<Packet> parse_packet(ByteSpan bytes) {
  const bool damaged = (bytes[1] & 0x80) != 0;
  const bool scrambled = (bytes[3] & 0xc0) != 0;
  if (damaged || scrambled) return std::nullopt;
  Packet out{.pid = static_cast<std::uint16_t>((bytes[1] & 0x1f) << 8 | bytes[2]),
             .unit_start = (bytes[1] & 0x40) != 0,
             .counter = static_cast<std::uint8_t>(bytes[3] & 0x0f)};
  std::size_t at = 4;
  if ((bytes[3] & 0x20) != 0) {
    const std::size_t adaptation = bytes[4];
    if (adaptation > 0) out.discontinuity = (bytes[5] & 0x80) != 0;
    at += 1 + adaptation;
    if (at > bytes.size()) return std::nullopt;
  }
  if ((bytes[3] & 0x10) != 0) out.payload = bytes.subspan(at);
  return out;
}

}  // namespace moq::mux::ts

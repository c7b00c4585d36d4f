#include "moq/mux/ts/pes.h"

#include <algorithm>

#include "moq/base/log.h"

namespace moq::mux::ts {
namespace {

/// Up to the length of the optional fields.
constexpr std::size_t kFixedHeader = 9;
/// What of it `PES_packet_length` does not count.
constexpr std::size_t kUncounted = 6;
constexpr std::size_t kPtsBytes = 5;

/// Streams of media, which have the optional fields; others are padding, maps and the like.
bool is_media(std::uint8_t stream_id) {
  return stream_id == 0xbd || (stream_id >= 0xc0 && stream_id <= 0xef) || stream_id == 0xfd;
}

std::uint64_t read_pts(ByteSpan in) {
  const std::uint64_t high = in[0] >> 1 & 7U;
  const std::uint64_t middle = (std::uint64_t{in[1]} << 8 | in[2]) >> 1;
  const std::uint64_t low = (std::uint64_t{in[3]} << 8 | in[4]) >> 1;
  return high << 30 | middle << 15 | low;
}

/// Rounded down, also below 0.
std::int64_t to_us(std::int64_t ticks) {
  const std::int64_t us = ticks * 100 / 9;
  return ticks < 0 && ticks * 100 % 9 != 0 ? us - 1 : us;
}

}  // namespace

Result<void> PesReader::push(const Packet& packet, PtsUnwrapper& times, Found& out) {
  if (packet.payload.empty() || !check_counter(packet, out)) return {};
  ByteSpan payload = packet.payload;
  if (packet.unit_start) {
    in_header_ = true;
    in_body_ = false;
    header_.clear();
  }
  if (in_header_) {
    header_.insert(header_.end(), payload.begin(), payload.end());
    if (header_.size() < kFixedHeader || header_.size() < kFixedHeader + header_[8]) return {};
    in_header_ = false;
    take_header(times, out);
    payload = ByteSpan(header_).subspan(kFixedHeader + header_[8]);
  }
  if (!in_body_) return {};
  if (left_) {
    payload = payload.first(std::min(*left_, payload.size()));
    *left_ -= payload.size();
  }
  return payload.empty() ? Result<void>() : elementary_->data(payload, out);
}

bool PesReader::check_counter(const Packet& packet, Found& out) {
  const std::optional<std::uint8_t> last = std::exchange(counter_, packet.counter);
  // A packet may be sent twice.
  if (last == packet.counter && std::ranges::equal(packet.payload, last_payload_)) return false;
  last_payload_.assign(packet.payload.begin(), packet.payload.end());
  if (!last || packet.discontinuity || packet.counter == ((*last + 1) & 0x0f)) return true;
  in_header_ = in_body_ = false;
  if (packet.unit_start && packet.counter == 0) {
    // Not a loss: a multiplexer that starts over, as where files are joined, counts from 0.
    elementary_->finish(out);
  } else {
    MOQ_LOG(debug, "mux", "ts: packets of stream {} are lost", packet.pid);
    elementary_->lose();
  }
  return true;
}

/// Reads `header_`. What is no PES packet of media is passed over.
void PesReader::take_header(PtsUnwrapper& times, Found& out) {
  const ByteSpan in = header_;
  const bool start = in[0] == 0 && in[1] == 0 && in[2] == 1;
  if (!start || !is_media(in[3]) || (in[6] & 0xc0) != 0x80) return;
  const std::size_t length = std::size_t{in[4]} << 8 | in[5];
  const std::size_t fields = kFixedHeader + in[8] - kUncounted;
  if (length != 0 && length < fields) return;
  left_.reset();
  if (length != 0) left_ = length - fields;
  std::optional<std::int64_t> pts_us;
  if ((in[7] & 0x80) != 0 && in[8] >= kPtsBytes) {
    pts_us = to_us(times.unwrap(read_pts(in.subspan(kFixedHeader))));
  }
  elementary_->begin(pts_us, out);
  in_body_ = true;
}

}  // namespace moq::mux::ts

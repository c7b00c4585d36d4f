#include "moq/net/lite/group.h"

#include <utility>

namespace moq::net::lite {

Result<GroupHeader, DecodeError> GroupHeader::decode(Reader& in, Version version) {
  GroupHeader header{.subscribe_id = in.varint(), .sequence = in.varint()};
  if (has_frame_range(version)) header.frame_start = in.varint();
  return in.finish(header);
}

void GroupHeader::encode(Writer& out, Version version) const {
  out.varint(subscribe_id).varint(sequence);
  if (has_frame_range(version)) out.varint(frame_start);
}

Result<Bytes> FrameHeaderEncoder::encode(std::uint64_t timestamp, std::uint64_t size_bytes) {
  Writer out(varint_kind(version_));
  if (has_frame_timestamps(version_)) {
    if (timestamp > kMaxTimestamp) return fail(Code::timestamp_mismatch, "timestamp too large");
    out.zigzag(static_cast<std::int64_t>(timestamp) - static_cast<std::int64_t>(previous_));
    previous_ = timestamp;
  }
  out.varint(size_bytes);
  return out.take();
}

std::optional<std::uint64_t> add_delta(std::uint64_t previous, std::int64_t delta) {
  // Both are below 2^62 in size, so the sum fits.
  const std::int64_t sum = static_cast<std::int64_t>(previous) + delta;
  if (sum < 0 || static_cast<std::uint64_t>(sum) > kMaxVarint) return std::nullopt;
  return static_cast<std::uint64_t>(sum);
}

Result<Datagram, DecodeError> Datagram::decode(const Bytes& datagram, Version version) {
  Reader in(datagram.span(), varint_kind(version));
  Datagram out{.subscribe_id = in.varint(), .sequence = in.varint(), .timestamp = in.varint()};
  out.payload = datagram.slice(in.position());
  if (!in.ok()) return std::unexpected(in.error());
  return out;
}

Bytes Datagram::encode(Version version) const {
  Writer out(varint_kind(version));
  out.varint(subscribe_id).varint(sequence).varint(timestamp).bytes(payload.span());
  return out.take();
}

}  // namespace moq::net::lite

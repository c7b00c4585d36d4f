#include "moq/transport/qmux/internal/parameters.h"

#include <algorithm>
#include <set>

namespace moq::transport::qmux {
namespace {

constexpr std::uint64_t kIdleTimeout = 0x01;
constexpr std::uint64_t kMaxData = 0x04;
constexpr std::uint64_t kMaxStreamDataBidiLocal = 0x05;
constexpr std::uint64_t kMaxStreamDataBidiRemote = 0x06;
constexpr std::uint64_t kMaxStreamDataUni = 0x07;
constexpr std::uint64_t kMaxStreamsBidi = 0x08;
constexpr std::uint64_t kMaxStreamsUni = 0x09;
constexpr std::uint64_t kResetStreamAt = 0x1d;
constexpr std::uint64_t kMaxDatagramFrame = 0x20;
constexpr std::uint64_t kMaxRecord = 0x0571c59429cd0845;
constexpr std::uint64_t kProtocols = 0x3d4f9c2a8b1e6075;

/// RFC 9000 §4.6: a count of streams beyond this would not fit into an id.
constexpr std::uint64_t kMostStreams = std::uint64_t{1} << 60;

/// Parameters of QUIC's packets and connection ids.
bool is_forbidden(std::uint64_t id) {
  return id == 0x00 || id == 0x02 || id == 0x03 || (id >= 0x0a && id <= 0x10);
}

std::vector<std::string> read_protocols(Reader& in) {
  std::vector<std::string> names;
  while (in.remaining() > 0) {
    if (names.size() == kMaxProtocols) in.fail(DecodeError::too_many);
    const std::string_view name = as_text(in.prefixed(kMaxProtocolBytes));
    if (name.empty()) in.fail(DecodeError::out_of_range);
    if (in.ok()) names.emplace_back(name);
  }
  if (names.empty()) in.fail(DecodeError::out_of_range);
  return names;
}

std::uint64_t read_stream_count(Reader& in) {
  const std::uint64_t count = in.varint();
  if (count > kMostStreams) in.fail(DecodeError::out_of_range);
  return count;
}

void read_one(WireParameters& to, std::uint64_t id, Reader& in) {
  switch (id) {
    case kIdleTimeout:
      to.idle_timeout_ms = in.varint();
      break;
    case kMaxData:
      to.max_data = in.varint();
      break;
    case kMaxStreamDataBidiLocal:
      to.max_stream_data_bidi_local = in.varint();
      break;
    case kMaxStreamDataBidiRemote:
      to.max_stream_data_bidi_remote = in.varint();
      break;
    case kMaxStreamDataUni:
      to.max_stream_data_uni = in.varint();
      break;
    case kMaxStreamsBidi:
      to.max_streams_bidi = read_stream_count(in);
      break;
    case kMaxStreamsUni:
      to.max_streams_uni = read_stream_count(in);
      break;
    case kMaxDatagramFrame:
      to.max_datagram_frame_bytes = in.varint();
      break;
    case kMaxRecord:
      to.max_record_bytes = in.varint();
      if (to.max_record_bytes < kMaxRecordBytes) in.fail(DecodeError::out_of_range);
      break;
    case kResetStreamAt:
      to.reset_stream_at = true;
      break;
    case kProtocols:
      to.protocols = read_protocols(in);
      break;
    default:
      in.skip(in.remaining());
  }
}

void write_number(Writer& out, std::uint64_t id, std::uint64_t value) {
  if (value == 0) return;
  out.varint(id).varint(varint_size(value)).varint(value);
}

}  // namespace

std::expected<WireParameters, DecodeError> WireParameters::decode(ByteSpan body) {
  WireParameters parameters;
  std::set<std::uint64_t> seen;
  Reader in(body);
  while (in.remaining() > 0) {
    const std::uint64_t id = in.varint();
    Reader value(in.prefixed());
    if (is_forbidden(id)) in.fail(DecodeError::unknown);
    if (!seen.insert(id).second) in.fail(DecodeError::duplicate);
    if (seen.size() > kMaxParameters) in.fail(DecodeError::too_many);
    if (!in.ok()) break;
    read_one(parameters, id, value);
    if (value.ok() && value.remaining() > 0) value.fail(DecodeError::trailing);
    if (!value.ok()) in.fail(value.error());
  }
  return in.finish(std::move(parameters));
}

// In the order of the Rust peers.
void WireParameters::encode(Writer& out) const {
  write_number(out, kIdleTimeout, idle_timeout_ms);
  write_number(out, kMaxData, max_data);
  write_number(out, kMaxStreamDataBidiLocal, max_stream_data_bidi_local);
  write_number(out, kMaxStreamDataBidiRemote, max_stream_data_bidi_remote);
  write_number(out, kMaxStreamDataUni, max_stream_data_uni);
  write_number(out, kMaxStreamsBidi, max_streams_bidi);
  write_number(out, kMaxStreamsUni, max_streams_uni);
  write_number(out, kMaxDatagramFrame, max_datagram_frame_bytes);
  write_number(out, kMaxRecord, max_record_bytes);
  if (reset_stream_at) out.varint(kResetStreamAt).varint(0);
  if (!protocols || protocols->empty()) return;
  Writer names;
  for (const std::string& name : *protocols) names.text(name);
  out.varint(kProtocols).prefixed(names.span());
}

std::optional<std::string> choose_protocol(const std::vector<std::string>& server,
                                           const std::vector<std::string>& client) {
  for (const std::string& name : server) {
    if (std::ranges::find(client, name) != client.end()) return name;
  }
  return std::nullopt;
}

}  // namespace moq::transport::qmux

#include "moq/transport/qmux/internal/frame.h"

#include <algorithm>
#include <limits>

namespace moq::transport::qmux {
namespace {

constexpr std::uint64_t kPadding = 0x00;
constexpr std::uint64_t kResetStream = 0x04;
constexpr std::uint64_t kStopSending = 0x05;
constexpr std::uint64_t kStream = 0x08;
constexpr std::uint64_t kStreamFin = 0x01;
constexpr std::uint64_t kStreamLength = 0x02;
constexpr std::uint64_t kStreamOffset = 0x04;
constexpr std::uint64_t kLastStream = 0x0f;
constexpr std::uint64_t kMaxData = 0x10;
constexpr std::uint64_t kMaxStreamData = 0x11;
constexpr std::uint64_t kMaxStreamsBidi = 0x12;
constexpr std::uint64_t kMaxStreamsUni = 0x13;
constexpr std::uint64_t kDataBlocked = 0x14;
constexpr std::uint64_t kStreamDataBlocked = 0x15;
constexpr std::uint64_t kStreamsBlockedBidi = 0x16;
constexpr std::uint64_t kStreamsBlockedUni = 0x17;
constexpr std::uint64_t kConnectionClose = 0x1c;
constexpr std::uint64_t kApplicationClose = 0x1d;
constexpr std::uint64_t kResetStreamAt = 0x24;
constexpr std::uint64_t kDatagram = 0x30;
constexpr std::uint64_t kDatagramLength = 0x31;
constexpr std::uint64_t kParameters = 0x3f5153300d0a0d0a;
constexpr std::uint64_t kPing = 0x348c67529ef8c7bd;
constexpr std::uint64_t kPong = 0x348c67529ef8c7be;

std::uint32_t read_code(Reader& in) {
  const std::uint64_t code = in.varint();
  if (code > std::numeric_limits<std::uint32_t>::max()) in.fail(DecodeError::out_of_range);
  return static_cast<std::uint32_t>(code);
}

std::string cut_reason(ByteSpan reason) {
  return std::string(as_text(reason.first(std::min(reason.size(), kMaxReasonBytes))));
}

ByteSpan read_rest(Reader& in) { return in.bytes(in.remaining()); }

StreamData read_stream(Reader& in, std::uint64_t type) {
  StreamData stream;
  stream.fin = (type & kStreamFin) != 0;
  stream.id = in.varint();
  if ((type & kStreamOffset) != 0) stream.offset = in.varint();
  stream.data = (type & kStreamLength) != 0 ? in.prefixed() : read_rest(in);
  return stream;
}

ResetStream read_reset(Reader& in, bool at) {
  ResetStream reset;
  reset.id = in.varint();
  reset.code = read_code(in);
  reset.final_size = in.varint();
  if (at) {
    reset.reliable_size = in.varint();
    if (*reset.reliable_size > reset.final_size) in.fail(DecodeError::out_of_range);
  }
  return reset;
}

Close read_close(Reader& in, bool application) {
  Close close;
  close.application = application;
  close.code = in.varint();
  if (!application) in.varint();  // The type of the frame at fault.
  close.reason = cut_reason(in.prefixed());
  return close;
}

Frame read_webtransport(Reader& in) {
  const std::uint8_t type = in.u8();
  switch (type) {
    case kStream:
    case kStream | kStreamFin:
      return StreamData{.id = in.varint(), .fin = type != kStream, .data = read_rest(in)};
    case kResetStream:
      return ResetStream{.id = in.varint(), .code = read_code(in)};
    case kStopSending:
      return StopSending{.id = in.varint(), .code = read_code(in)};
    case kConnectionClose:
    case kApplicationClose:
      return Close{.application = type == kApplicationClose,
                   .code = in.varint(),
                   .reason = cut_reason(read_rest(in))};
    default:
      in.fail(DecodeError::unknown);
      return Ignored{};
  }
}

/// Frames that came with 01.
Frame read_newer(Reader& in, std::uint64_t type, std::size_t begin) {
  switch (type) {
    case kDatagram:
    case kDatagramLength: {
      Datagram datagram;
      datagram.data = type == kDatagram ? read_rest(in) : in.prefixed();
      datagram.frame_bytes = in.position() - begin;
      return datagram;
    }
    case kPing:
    case kPong:
      return Ping{.response = type == kPong, .sequence = in.varint()};
    default:
      in.fail(DecodeError::unknown);
      return Ignored{};
  }
}

Frame read_qmux(Reader& in, Framing framing) {
  const std::size_t begin = in.position();
  const std::uint64_t type = in.varint();
  if (type >= kStream && type <= kLastStream) return read_stream(in, type);
  switch (type) {
    case kPadding:
      return Ignored{.padding = true};
    case kResetStream:
      return read_reset(in, false);
    case kStopSending:
      return StopSending{.id = in.varint(), .code = read_code(in)};
    case kMaxData:
      return MaxData{in.varint()};
    case kMaxStreamData:
      return MaxStreamData{.id = in.varint(), .max = in.varint()};
    case kMaxStreamsBidi:
    case kMaxStreamsUni:
      return MaxStreams{.bidi = type == kMaxStreamsBidi, .max = in.varint()};
    case kStreamDataBlocked:
      in.varint();
      [[fallthrough]];
    case kDataBlocked:
    case kStreamsBlockedBidi:
    case kStreamsBlockedUni:
      in.varint();
      return Ignored{};
    case kConnectionClose:
    case kApplicationClose:
      return read_close(in, type == kApplicationClose);
    case kParameters:
      return ParametersFrame{in.prefixed()};
    case kResetStreamAt:
      if (is_strict(framing)) return read_reset(in, true);
      break;
    default:
      if (has_records(framing)) return read_newer(in, type, begin);
  }
  in.fail(DecodeError::unknown);
  return Ignored{};
}

}  // namespace

std::expected<Frame, DecodeError> decode_frame(Reader& in, Framing framing) {
  Frame frame = has_flow_control(framing) ? read_qmux(in, framing) : read_webtransport(in);
  if (!in.ok()) return std::unexpected(in.error());
  return frame;
}

void encode_stream_header(Writer& out, const StreamData& stream, std::size_t data_bytes,
                          Framing framing) {
  const std::uint64_t fin = stream.fin ? kStreamFin : 0;
  if (!has_flow_control(framing)) {
    out.varint(kStream | fin).varint(stream.id);
    return;
  }
  out.varint(kStream | kStreamOffset | kStreamLength | fin);
  out.varint(stream.id).varint(stream.offset).varint(data_bytes);
}

void encode_stream(Writer& out, const StreamData& stream, Framing framing) {
  encode_stream_header(out, stream, stream.data.size(), framing);
  out.bytes(stream.data);
}

void encode_reset(Writer& out, const ResetStream& reset, Framing framing) {
  out.varint(reset.reliable_size ? kResetStreamAt : kResetStream);
  out.varint(reset.id).varint(reset.code);
  if (!has_flow_control(framing)) return;
  out.varint(reset.final_size);
  if (reset.reliable_size) out.varint(*reset.reliable_size);
}

void encode_stop(Writer& out, const StopSending& stop) {
  out.varint(kStopSending).varint(stop.id).varint(stop.code);
}

void encode_close(Writer& out, const Close& close, Framing framing) {
  out.varint(close.application ? kApplicationClose : kConnectionClose).varint(close.code);
  if (!has_flow_control(framing)) {
    out.bytes(as_bytes(close.reason));
    return;
  }
  if (!close.application) out.varint(kPadding);  // No frame in particular.
  out.text(close.reason);
}

void encode_max_data(Writer& out, std::uint64_t max) { out.varint(kMaxData).varint(max); }

void encode_max_stream_data(Writer& out, const MaxStreamData& max) {
  out.varint(kMaxStreamData).varint(max.id).varint(max.max);
}

void encode_max_streams(Writer& out, const MaxStreams& max) {
  out.varint(max.bidi ? kMaxStreamsBidi : kMaxStreamsUni).varint(max.max);
}

void encode_ping(Writer& out, const Ping& ping) {
  out.varint(ping.response ? kPong : kPing).varint(ping.sequence);
}

void encode_datagram(Writer& out, ByteSpan data) { out.varint(kDatagramLength).prefixed(data); }

void encode_parameters(Writer& out, ByteSpan body) { out.varint(kParameters).prefixed(body); }

std::size_t stream_overhead(std::uint64_t id, std::uint64_t offset, std::size_t data_bytes,
                            Framing framing) {
  const std::size_t type_and_id = 1 + varint_size(id);
  if (!has_flow_control(framing)) return type_and_id;
  return type_and_id + varint_size(offset) + varint_size(data_bytes);
}

std::size_t datagram_bytes(std::size_t data_bytes) {
  return 1 + varint_size(data_bytes) + data_bytes;
}

}  // namespace moq::transport::qmux

#include "moq/transport/webtransport/internal/connect_stream.h"

#include <fmt/format.h>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::uint64_t kCloseSession = 0x2843;

std::unexpected<H3Error> error(H3Code code, std::string text) {
  return std::unexpected(H3Error{code, std::move(text)});
}

}  // namespace

std::string cut_reason(std::string_view text) {
  if (!is_utf8(as_bytes(text))) return {};
  if (text.size() <= kMaxReasonBytes) return std::string(text);
  std::size_t end = kMaxReasonBytes;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

Bytes encode_close(const CloseInfo& close) {
  Writer value;
  value.u32(close.code).bytes(as_bytes(cut_reason(close.reason)));
  Writer capsule;
  capsule.varint(kCloseSession).prefixed(value.span());
  Writer frame;
  frame.varint(std::to_underlying(FrameType::data)).prefixed(capsule.span());
  return frame.take();
}

Result<ConnectStream::Event, H3Error> ConnectStream::next() {
  for (;;) {
    MOQ_TRY(Event capsule, next_capsule());
    if (!std::holds_alternative<NeedMore>(capsule)) return capsule;
    MOQ_TRY(const std::optional<Tlv> frame, frames_.next());
    if (!frame) return NeedMore{};
    MOQ_TRY(Event event, handle(*frame));
    if (!std::holds_alternative<NeedMore>(event)) return event;
  }
}

Result<ConnectStream::Event, H3Error> ConnectStream::next_capsule() {
  for (;;) {
    MOQ_TRY(const std::optional<Tlv> capsule, capsules_.next());
    if (!capsule) return NeedMore{};
    if (capsule->type != kCloseSession) continue;  // Unknown ones are ignored. RFC 9297 §3.2.
    Reader in(capsule->value);
    CloseInfo close;
    close.code = in.u32();
    if (!in.ok()) return error(H3Code::message_error, "a close capsule without a whole code");
    close.reason = cut_reason(as_text(in.bytes(in.remaining())));
    return close;
  }
}

Result<ConnectStream::Event, H3Error> ConnectStream::handle(const Tlv& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::headers: {
      if (headers_done_) return error(H3Code::frame_unexpected, "HEADERS within a session");
      headers_done_ = true;
      MOQ_TRY(auto headers, decode_headers(frame.value));
      return headers;
    }
    case FrameType::data:
      if (!headers_done_) return error(H3Code::frame_unexpected, "DATA before HEADERS");
      capsules_.push(frame.value);
      return NeedMore{};
    case FrameType::cancel_push:
    case FrameType::settings:
    case FrameType::push_promise:
    case FrameType::goaway:
    case FrameType::max_push_id:
      return error(H3Code::frame_unexpected,
                   fmt::format("frame {:#x} on a request stream", frame.type));
  }
  if (is_forbidden_frame(frame.type)) {
    return error(H3Code::frame_unexpected, fmt::format("frame {:#x} of HTTP/2", frame.type));
  }
  return NeedMore{};  // Unknown types are ignored. RFC 9114 §9.
}

Result<CloseInfo, H3Error> ConnectStream::finish() const {
  if (!frames_.at_boundary()) {
    return error(H3Code::frame_error, "the CONNECT stream ends within a frame");
  }
  if (!headers_done_) {
    return error(H3Code::request_incomplete, "the CONNECT stream ends before its headers");
  }
  if (!capsules_.at_boundary()) {
    return error(H3Code::message_error, "the CONNECT stream ends within a capsule");
  }
  return CloseInfo{};
}

}  // namespace moq::transport::webtransport

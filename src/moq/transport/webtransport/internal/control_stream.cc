#include "moq/transport/webtransport/internal/control_stream.h"

#include <fmt/format.h>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {
namespace {

std::unexpected<H3Error> error(H3Code code, std::string text) {
  return std::unexpected(H3Error{code, std::move(text)});
}

/// The one varint that GOAWAY, CANCEL_PUSH and MAX_PUSH_ID consist of.
Result<std::uint64_t, H3Error> single_varint(ByteSpan payload, std::string_view frame) {
  Reader in(payload);
  const std::uint64_t value = in.varint();
  if (!in.finish(value)) {
    return error(H3Code::frame_error, fmt::format("{} is not one integer", frame));
  }
  return value;
}

}  // namespace

Result<void, H3Error> ControlStream::push(ByteSpan bytes) {
  frames_.push(bytes);
  for (;;) {
    MOQ_TRY(const std::optional<Tlv> frame, frames_.next());
    if (!frame) return {};
    MOQ_CHECK(handle(*frame));
  }
}

Result<void, H3Error> ControlStream::handle(const Tlv& frame) {
  const auto type = static_cast<FrameType>(frame.type);
  if (!settings_) {
    if (is_reserved(frame.type)) return {};
    if (type != FrameType::settings) {
      return error(H3Code::missing_settings,
                   fmt::format("the control stream starts with frame {:#x}", frame.type));
    }
    MOQ_TRY(settings_, Settings::decode(frame.value));
    return {};
  }
  switch (type) {
    case FrameType::settings:
      return error(H3Code::frame_unexpected, "SETTINGS came twice");
    case FrameType::data:
    case FrameType::headers:
    case FrameType::push_promise:
      return error(H3Code::frame_unexpected,
                   fmt::format("frame {:#x} on the control stream", frame.type));
    case FrameType::goaway:
      return handle_goaway(frame.value);
    case FrameType::cancel_push:
    case FrameType::max_push_id:
      return handle_push_frame(frame);
  }
  if (is_forbidden_frame(frame.type)) {
    return error(H3Code::frame_unexpected, fmt::format("frame {:#x} of HTTP/2", frame.type));
  }
  return {};  // Unknown types are ignored. RFC 9114 §9.
}

Result<void, H3Error> ControlStream::handle_goaway(ByteSpan payload) {
  MOQ_TRY(const std::uint64_t id, single_varint(payload, "GOAWAY"));
  if (goaway_id_ && id > *goaway_id_) {
    return error(H3Code::id_error, fmt::format("GOAWAY raises its id to {}", id));
  }
  goaway_id_ = id;
  return {};
}

// There is no server push here: a client never allows one, and a server never makes one.
Result<void, H3Error> ControlStream::handle_push_frame(const Tlv& frame) {
  const bool cancel = static_cast<FrameType>(frame.type) == FrameType::cancel_push;
  MOQ_CHECK(single_varint(frame.value, cancel ? "CANCEL_PUSH" : "MAX_PUSH_ID"));
  if (cancel) return error(H3Code::id_error, "CANCEL_PUSH for a push that was never promised");
  if (role_ == Role::client) return error(H3Code::frame_unexpected, "MAX_PUSH_ID from a server");
  return {};
}

}  // namespace moq::transport::webtransport

#include "moq/capi/internal/failure.h"

#include <limits>
#include <utility>

namespace moq::capi {
namespace {

thread_local std::optional<Failure> newest;

std::uint32_t kind_of(Code code) {
  switch (code) {
    case Code::cancelled:
      return MOQ_PROTOCOL_KIND_CANCEL;
    case Code::unauthorized:
    case Code::forbidden:
      return MOQ_PROTOCOL_KIND_UNAUTHORIZED;
    case Code::protocol_violation:
      return MOQ_PROTOCOL_KIND_PROTOCOL_VIOLATION;
    case Code::key_value_formatting:
      return MOQ_PROTOCOL_KIND_KEY_VALUE_FORMATTING;
    case Code::timeout:
    case Code::control_timeout:
      return MOQ_PROTOCOL_KIND_TIMEOUT;
    case Code::version:
      return MOQ_PROTOCOL_KIND_VERSION;
    case Code::closed:
      return MOQ_PROTOCOL_KIND_SESSION_CLOSED;
    case Code::going_away:
      return MOQ_PROTOCOL_KIND_GOING_AWAY;
    case Code::too_far_behind:
      return MOQ_PROTOCOL_KIND_TOO_FAR_BEHIND;
    case Code::malformed_track:
      return MOQ_PROTOCOL_KIND_MALFORMED_TRACK;
    case Code::not_found:
      return MOQ_PROTOCOL_KIND_NOT_FOUND;
    case Code::unroutable:
      return MOQ_PROTOCOL_KIND_UNROUTABLE;
    case Code::old:
      return MOQ_PROTOCOL_KIND_OLD;
    case Code::evicted:
      return MOQ_PROTOCOL_KIND_EVICTED;
    case Code::wrong_size:
      return MOQ_PROTOCOL_KIND_WRONG_SIZE;
    case Code::frame_too_large:
      return MOQ_PROTOCOL_KIND_FRAME_TOO_LARGE;
    case Code::timestamp_mismatch:
      return MOQ_PROTOCOL_KIND_TIMESTAMP_MISMATCH;
    case Code::application:
      return MOQ_PROTOCOL_KIND_APP;
    case Code::internal:
      return MOQ_PROTOCOL_KIND_INTERNAL;
    default:
      return MOQ_PROTOCOL_KIND_UNKNOWN;
  }
}

std::uint32_t scope_of(Code code) {
  switch (code) {
    case Code::unauthorized:
    case Code::forbidden:
    case Code::rejected:
    case Code::protocol_violation:
    case Code::version:
    case Code::going_away:
      return MOQ_ERROR_SCOPE_SESSION;
    default:
      return MOQ_ERROR_SCOPE_STREAM;
  }
}

}  // namespace

std::int32_t to_status(const Error& error, std::int32_t fallback) {
  switch (error.code) {
    case Code::unauthorized:
      return MOQ_ERROR_UNAUTHORIZED;
    case Code::forbidden:
      return MOQ_ERROR_FORBIDDEN;
    case Code::bad_config:
      return MOQ_ERROR_INVALID_CONFIG;
    default:
      return fallback;
  }
}

Failure::Failure(const Error& error, std::int32_t fallback)
    : status(to_status(error, fallback)), text(error.describe()) {
  if (!error.wire || *error.wire > std::numeric_limits<std::uint32_t>::max()) return;
  const bool is_application = *error.wire >= kFirstApplicationCode;
  protocol = moq_protocol_error{
      .scope = scope_of(error.code),
      .code = static_cast<std::uint32_t>(*error.wire),
      .kind = is_application ? std::uint32_t{MOQ_PROTOCOL_KIND_APP} : kind_of(error.code)};
}

std::int32_t record(Failure failure) {
  newest = std::move(failure);
  return newest->status;
}

const Failure* last_failure() { return newest ? &*newest : nullptr; }

Error application_error(std::uint16_t code) {
  return {Code::application, "application code " + std::to_string(code),
          kFirstApplicationCode + code};
}

}  // namespace moq::capi

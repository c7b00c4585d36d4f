#include "moq/net/wire_code.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace moq::net {
namespace {

constexpr std::uint32_t kMaxCode = std::numeric_limits<std::uint32_t>::max();

SessionCode session_code(Code code) {
  switch (code) {
    case Code::closed:
    case Code::cancelled:
    case Code::going_away:
      return SessionCode::no_error;
    case Code::unauthorized:
    case Code::forbidden:
      return SessionCode::unauthorized;
    case Code::protocol_violation:
    case Code::decode:
    case Code::duplicate:
    case Code::too_many:
    case Code::wrong_size:
    case Code::frame_too_large:
    case Code::group_too_large:
    case Code::timestamp_mismatch:
    case Code::malformed_track:
      return SessionCode::protocol_violation;
    case Code::key_value_formatting:
      return SessionCode::key_value_formatting;
    case Code::timeout:
    case Code::control_timeout:
      return SessionCode::control_timeout;
    case Code::version:
      return SessionCode::version_negotiation_failed;
    default:
      return SessionCode::internal;
  }
}

StreamCode stream_code(Code code) {
  switch (code) {
    case Code::cancelled:
    case Code::restarted:
      return StreamCode::cancelled;
    case Code::timeout:
      return StreamCode::delivery_timeout;
    case Code::closed:
    case Code::transport:
    case Code::unauthorized:
    case Code::forbidden:
    case Code::version:
    case Code::protocol_violation:
      return StreamCode::session_closed;
    case Code::going_away:
      return StreamCode::going_away;
    case Code::too_far_behind:
      return StreamCode::too_far_behind;
    case Code::decode:
    case Code::malformed_track:
    case Code::key_value_formatting:
      return StreamCode::malformed_track;
    case Code::control_timeout:
      return StreamCode::control_timeout;
    case Code::group_too_large:
      return StreamCode::group_too_large;
    case Code::not_found:
      return StreamCode::not_found;
    case Code::old:
      return StreamCode::old;
    case Code::evicted:
      return StreamCode::evicted;
    case Code::unroutable:
      return StreamCode::unroutable;
    case Code::wrong_size:
      return StreamCode::wrong_size;
    case Code::frame_too_large:
      return StreamCode::frame_too_large;
    case Code::timestamp_mismatch:
      return StreamCode::timestamp_mismatch;
    default:
      return StreamCode::internal;
  }
}

Code cause_of(SessionCode code) {
  switch (code) {
    case SessionCode::no_error:
      return Code::closed;
    case SessionCode::internal:
      return Code::internal;
    case SessionCode::unauthorized:
      return Code::unauthorized;
    case SessionCode::protocol_violation:
      return Code::protocol_violation;
    case SessionCode::key_value_formatting:
      return Code::key_value_formatting;
    case SessionCode::goaway_timeout:
      return Code::going_away;
    case SessionCode::control_timeout:
      return Code::control_timeout;
    case SessionCode::version_negotiation_failed:
      return Code::version;
  }
  return Code::application;
}

Code cause_of(StreamCode code) {
  switch (code) {
    case StreamCode::internal:
      return Code::internal;
    case StreamCode::cancelled:
      return Code::cancelled;
    case StreamCode::delivery_timeout:
      return Code::timeout;
    case StreamCode::session_closed:
      return Code::closed;
    case StreamCode::going_away:
      return Code::going_away;
    case StreamCode::too_far_behind:
      return Code::too_far_behind;
    case StreamCode::malformed_track:
      return Code::malformed_track;
    case StreamCode::control_timeout:
      return Code::control_timeout;
    case StreamCode::group_too_large:
      return Code::group_too_large;
    case StreamCode::not_found:
      return Code::not_found;
    case StreamCode::old:
      return Code::old;
    case StreamCode::evicted:
      return Code::evicted;
    case StreamCode::unroutable:
      return Code::unroutable;
    case StreamCode::wrong_size:
      return Code::wrong_size;
    case StreamCode::frame_too_large:
      return Code::frame_too_large;
    case StreamCode::timestamp_mismatch:
      return Code::timestamp_mismatch;
  }
  return Code::application;
}

Code cause_of(std::uint64_t code, Scope scope) {
  if (code >= kApplicationCodeBase) return Code::application;
  const auto small = static_cast<std::uint32_t>(code);
  return scope == Scope::session ? cause_of(SessionCode{small}) : cause_of(StreamCode{small});
}

}  // namespace

std::uint32_t to_code(const Error& error, Scope scope) {
  if (error.code == Code::application && error.wire && *error.wire >= kApplicationCodeBase) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(*error.wire, kMaxCode));
  }
  constexpr std::uint32_t kGoawayTimeout = std::to_underlying(SessionCode::goaway_timeout);
  if (error.code == Code::going_away && error.wire == kGoawayTimeout && scope == Scope::session) {
    return kGoawayTimeout;
  }
  return scope == Scope::session ? std::to_underlying(session_code(error.code))
                                 : std::to_underlying(stream_code(error.code));
}

Error from_code(std::uint64_t code, Scope scope, std::string text) {
  return {cause_of(code, scope), std::move(text), code};
}

Error from_transport(Error error, Scope scope) {
  const bool carries_code = error.code == Code::application || error.code == Code::closed;
  if (!error.wire || !carries_code) return error;
  return from_code(*error.wire, scope, std::move(error.text));
}

Error goaway_timeout(std::string text) {
  return from_code(std::to_underlying(SessionCode::goaway_timeout), Scope::session,
                   std::move(text));
}

Error application_error(std::uint32_t code, std::string text) {
  return {Code::application, std::move(text), std::uint64_t{kApplicationCodeBase} + code};
}

std::optional<std::uint32_t> application_code(const Error& error) {
  if (error.code != Code::application || !error.wire) return std::nullopt;
  if (*error.wire < kApplicationCodeBase || *error.wire > kMaxCode) return std::nullopt;
  return static_cast<std::uint32_t>(*error.wire - kApplicationCodeBase);
}

}  // namespace moq::net

#include "moq/net/moqt/codes.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "moq/net/wire_code.h"
#include "moq/transport/code_mapping.h"

namespace moq::net::moqt {
namespace {

/// The requests that share a table of codes in draft 14, one bit each.
using Kinds = std::uint8_t;
constexpr Kinds bit_of(RequestKind kind) {
  return static_cast<Kinds>(1U << std::to_underlying(kind));
}
constexpr Kinds kTracks = bit_of(RequestKind::subscribe) | bit_of(RequestKind::track_status) |
                          bit_of(RequestKind::subscribe_tracks) | bit_of(RequestKind::update);
constexpr Kinds kFetch = bit_of(RequestKind::fetch);
constexpr Kinds kOffers = bit_of(RequestKind::publish) | bit_of(RequestKind::publish_namespace);
constexpr Kinds kNames = bit_of(RequestKind::subscribe_namespace);
constexpr Kinds kAll = kTracks | kFetch | kOffers | kNames;

/// What a number of draft 14 means in the answer to some requests.
struct OldCode {
  std::uint64_t wire = 0;
  Kinds kinds = 0;
  RequestCode code = RequestCode::internal;
};

/// For sending, the first row that fits is taken.
constexpr std::array kOldCodes{
    OldCode{0x0, kAll, RequestCode::internal},
    OldCode{0x1, kAll, RequestCode::unauthorized},
    OldCode{0x2, kAll, RequestCode::timeout},
    OldCode{0x3, kAll, RequestCode::not_supported},
    OldCode{0x4, kTracks | kFetch | kNames, RequestCode::does_not_exist},
    OldCode{0x4, kOffers, RequestCode::uninterested},
    OldCode{0x5, kTracks | kFetch, RequestCode::invalid_range},
    OldCode{0x5, kNames, RequestCode::prefix_overlap},
    OldCode{0x6, kFetch, RequestCode::does_not_exist},
    OldCode{0x7, kFetch, RequestCode::invalid_joining_request},
    OldCode{0x8, kFetch, RequestCode::unsupported_extension},
    OldCode{0x9, kFetch, RequestCode::malformed_track},
    OldCode{0x10, kAll, RequestCode::malformed_token},
    OldCode{0x12, kAll, RequestCode::expired_token},
};

/// A code that only some drafts have, and what is nearest to it in the others.
struct Span {
  std::uint64_t code = 0;
  Draft first = Draft::d14;
  Draft last = Draft::d22;
  std::uint64_t instead = 0;
};

template <typename C>
constexpr Span span_of(C code, Draft first, Draft last, C instead) {
  return {.code = static_cast<std::uint64_t>(code),
          .first = first,
          .last = last,
          .instead = static_cast<std::uint64_t>(instead)};
}

/// The number to send in `draft` for `code`.
std::uint64_t available(std::span<const Span> spans, std::uint64_t code, Draft draft) {
  const auto found = std::ranges::find(spans, code, &Span::code);
  if (found == spans.end() || (draft >= found->first && draft <= found->last)) return code;
  return found->instead;
}

/// Draft 14 is not in here; 15 has the number of `unsupported_extension`, which it calls "unknown
/// status in range".
constexpr std::array kRequestSpans{
    span_of(RequestCode::going_away, Draft::d17, Draft::d22, RequestCode::internal),
    span_of(RequestCode::excessive_load, Draft::d17, Draft::d22, RequestCode::internal),
    span_of(RequestCode::duplicate_subscription, Draft::d16, Draft::d18, RequestCode::internal),
    span_of(RequestCode::namespace_too_large, Draft::d17, Draft::d22, RequestCode::not_supported),
    span_of(RequestCode::invalid_joining_request, Draft::d15, Draft::d19,
            RequestCode::not_supported),
    span_of(RequestCode::unsupported_extension, Draft::d18, Draft::d22, RequestCode::not_supported),
    span_of(RequestCode::redirect, Draft::d18, Draft::d22, RequestCode::not_supported),
    span_of(RequestCode::conflicting_filters, Draft::d19, Draft::d22, RequestCode::not_supported),
    span_of(RequestCode::invalid_filter, Draft::d19, Draft::d22, RequestCode::not_supported),
};

constexpr std::array kDoneSpans{
    span_of(DoneCode::subscription_ended, Draft::d14, Draft::d19, DoneCode::track_ended),
    span_of(DoneCode::update_failed, Draft::d15, Draft::d22, DoneCode::internal),
    span_of(DoneCode::excessive_load, Draft::d17, Draft::d22, DoneCode::internal),
    // 14 and 15 have another number for it.
    Span{.code = 0x12, .first = Draft::d16, .instead = 0x7},
};

constexpr std::array kResetSpans{
    span_of(ResetCode::going_away, Draft::d18, Draft::d22, ResetCode::cancelled),
    span_of(ResetCode::too_far_behind, Draft::d17, Draft::d22, ResetCode::delivery_timeout),
    // Up to 17 it has the number of `going_away`.
    Span{.code = 0x6, .first = Draft::d18, .instead = 0x4},
    span_of(ResetCode::expired_token, Draft::d18, Draft::d22, ResetCode::session_closed),
    span_of(ResetCode::excessive_load, Draft::d17, Draft::d22, ResetCode::internal),
    span_of(ResetCode::malformed_track, Draft::d16, Draft::d22, ResetCode::internal),
};

constexpr std::array kCloseSpans{
    span_of(CloseCode::version_negotiation_failed, Draft::d14, Draft::d19,
            CloseCode::protocol_violation),
    span_of(CloseCode::too_many_updates, Draft::d19, Draft::d22, CloseCode::protocol_violation),
};

std::uint64_t to_old_wire(RequestCode code, RequestKind kind) {
  for (const OldCode& row : kOldCodes) {
    if (row.code == code && (row.kinds & bit_of(kind)) != 0) return row.wire;
  }
  // Codes of the application have the same number everywhere.
  if (std::to_underlying(code) >= kApplicationCodeBase) return std::to_underlying(code);
  switch (code) {
    case RequestCode::malformed_track:
      return to_old_wire(RequestCode::does_not_exist, kind);
    case RequestCode::unsupported_extension:
    case RequestCode::redirect:
    case RequestCode::conflicting_filters:
    case RequestCode::invalid_filter:
    case RequestCode::invalid_joining_request:
    case RequestCode::namespace_too_large:
      return to_old_wire(RequestCode::not_supported, kind);
    default:
      return to_old_wire(RequestCode::internal, kind);
  }
}

Code cause_of(RequestCode code) {
  switch (code) {
    case RequestCode::internal:
      return Code::internal;
    case RequestCode::unauthorized:
    case RequestCode::malformed_token:
    case RequestCode::expired_token:
      return Code::unauthorized;
    case RequestCode::timeout:
      return Code::timeout;
    case RequestCode::not_supported:
    case RequestCode::unsupported_extension:
      return Code::unsupported;
    case RequestCode::going_away:
    case RequestCode::redirect:
      return Code::going_away;
    case RequestCode::excessive_load:
      return Code::too_many;
    case RequestCode::does_not_exist:
    case RequestCode::invalid_range:
      return Code::not_found;
    case RequestCode::malformed_track:
      return Code::malformed_track;
    case RequestCode::duplicate_subscription:
    case RequestCode::prefix_overlap:
      return Code::duplicate;
    case RequestCode::uninterested:
      return Code::rejected;
    case RequestCode::namespace_too_large:
    case RequestCode::invalid_joining_request:
    case RequestCode::conflicting_filters:
    case RequestCode::invalid_filter:
      return Code::invalid_argument;
  }
  return Code::application;
}

/// The application's own code in `error`: the same number for requests, streams and sessions.
std::optional<std::uint64_t> application_wire(const Error& error) {
  if (error.code != Code::application || !error.wire) return std::nullopt;
  if (*error.wire < kApplicationCodeBase) return std::nullopt;
  return error.wire;
}

Code cause_of(CloseCode code) {
  switch (code) {
    case CloseCode::no_error:
      return Code::closed;
    case CloseCode::internal:
      return Code::internal;
    case CloseCode::unauthorized:
    case CloseCode::token_cache_overflow:
    case CloseCode::duplicate_token_alias:
    case CloseCode::malformed_token:
    case CloseCode::unknown_token_alias:
    case CloseCode::expired_token:
      return Code::unauthorized;
    case CloseCode::protocol_violation:
    case CloseCode::invalid_request_id:
    case CloseCode::duplicate_track_alias:
    case CloseCode::too_many_requests:
    case CloseCode::too_many_updates:
      return Code::protocol_violation;
    case CloseCode::key_value_formatting:
      return Code::key_value_formatting;
    case CloseCode::invalid_path:
    case CloseCode::malformed_path:
    case CloseCode::invalid_authority:
    case CloseCode::malformed_authority:
      return Code::rejected;
    case CloseCode::goaway_timeout:
      return Code::going_away;
    case CloseCode::control_timeout:
      return Code::control_timeout;
    case CloseCode::data_stream_timeout:
      return Code::timeout;
    case CloseCode::version_negotiation_failed:
      return Code::version;
  }
  return Code::application;
}

ResetCode reset_code(Code code) {
  switch (code) {
    case Code::cancelled:
    case Code::restarted:
      return ResetCode::cancelled;
    case Code::timeout:
      return ResetCode::delivery_timeout;
    case Code::closed:
    case Code::transport:
    case Code::version:
    case Code::protocol_violation:
    case Code::unauthorized:
    case Code::forbidden:
      return ResetCode::session_closed;
    case Code::going_away:
      return ResetCode::going_away;
    case Code::too_far_behind:
    case Code::old:
    case Code::evicted:
      return ResetCode::too_far_behind;
    case Code::too_many:
      return ResetCode::excessive_load;
    case Code::decode:
    case Code::malformed_track:
    case Code::key_value_formatting:
    case Code::timestamp_mismatch:
      return ResetCode::malformed_track;
    default:
      return ResetCode::internal;
  }
}

Code cause_of(ResetCode code) {
  switch (code) {
    case ResetCode::internal:
      return Code::internal;
    case ResetCode::cancelled:
      return Code::cancelled;
    case ResetCode::delivery_timeout:
      return Code::timeout;
    case ResetCode::session_closed:
      return Code::closed;
    case ResetCode::going_away:
      return Code::going_away;
    case ResetCode::too_far_behind:
      return Code::too_far_behind;
    case ResetCode::unknown_status:
      return Code::not_found;
    case ResetCode::expired_token:
      return Code::unauthorized;
    case ResetCode::excessive_load:
      return Code::too_many;
    case ResetCode::malformed_track:
      return Code::malformed_track;
  }
  return Code::application;
}

}  // namespace

// --- Requests -----------------------------------------------------------------------------------

std::uint64_t request_code_to_wire(RequestCode code, RequestKind kind, Draft draft) {
  if (has_separate_replies(draft)) return to_old_wire(code, kind);
  return available(kRequestSpans, std::to_underlying(code), draft);
}

RequestCode request_code_from_wire(std::uint64_t wire, RequestKind kind, Draft draft) {
  if (!has_separate_replies(draft) || wire >= kApplicationCodeBase) return RequestCode{wire};
  for (const OldCode& row : kOldCodes) {
    if (row.wire == wire && (row.kinds & bit_of(kind)) != 0) return row.code;
  }
  return RequestCode::internal;
}

RequestCode to_request_code(const Error& error) {
  if (const auto wire = application_wire(error)) return RequestCode{*wire};
  switch (error.code) {
    case Code::unauthorized:
    case Code::forbidden:
      return RequestCode::unauthorized;
    case Code::timeout:
    case Code::control_timeout:
      return RequestCode::timeout;
    case Code::unsupported:
      return RequestCode::not_supported;
    case Code::going_away:
      return RequestCode::going_away;
    case Code::too_many:
      return RequestCode::excessive_load;
    case Code::not_found:
    case Code::unroutable:
    case Code::old:
    case Code::evicted:
    case Code::closed:
      return RequestCode::does_not_exist;
    case Code::malformed_track:
      return RequestCode::malformed_track;
    case Code::duplicate:
      return RequestCode::duplicate_subscription;
    case Code::rejected:
    case Code::cancelled:
      return RequestCode::uninterested;
    default:
      return RequestCode::internal;
  }
}

Error from_request_code(RequestCode code, std::string text) {
  return {cause_of(code), std::move(text), std::to_underlying(code)};
}

// --- PUBLISH_DONE -------------------------------------------------------------------------------

namespace {

/// 5 and 6 changed places at 18.
std::uint64_t swap_old(std::uint64_t code, Draft draft) {
  return has_old_done_codes(draft) && (code == 5 || code == 6) ? 11 - code : code;
}

}  // namespace

std::uint64_t done_code_to_wire(DoneCode code, Draft draft) {
  return swap_old(available(kDoneSpans, std::to_underlying(code), draft), draft);
}

DoneCode done_code_from_wire(std::uint64_t wire, Draft draft) {
  if (wire == done_code_to_wire(DoneCode::malformed_track, draft)) return DoneCode::malformed_track;
  return DoneCode{swap_old(wire, draft)};
}

DoneCode to_done_code(const Error& error) {
  if (const auto wire = application_wire(error)) return DoneCode{*wire};
  switch (error.code) {
    case Code::unauthorized:
    case Code::forbidden:
      return DoneCode::unauthorized;
    case Code::closed:
    case Code::cancelled:
      return DoneCode::subscription_ended;
    case Code::going_away:
      return DoneCode::going_away;
    case Code::too_far_behind:
    case Code::old:
    case Code::evicted:
      return DoneCode::too_far_behind;
    case Code::timeout:
      return DoneCode::expired;
    case Code::too_many:
      return DoneCode::excessive_load;
    case Code::decode:
    case Code::malformed_track:
    case Code::timestamp_mismatch:
      return DoneCode::malformed_track;
    default:
      return DoneCode::internal;
  }
}

std::optional<Error> from_done_code(DoneCode code, std::string text) {
  const auto error = [&](Code cause) {
    return Error(cause, std::move(text), std::to_underlying(code));
  };
  switch (code) {
    case DoneCode::track_ended:
    case DoneCode::subscription_ended:
      return std::nullopt;
    case DoneCode::internal:
      return error(Code::internal);
    case DoneCode::unauthorized:
      return error(Code::unauthorized);
    case DoneCode::going_away:
      return error(Code::going_away);
    case DoneCode::too_far_behind:
      return error(Code::too_far_behind);
    case DoneCode::expired:
      return error(Code::timeout);
    case DoneCode::update_failed:
      return error(Code::unsupported);
    case DoneCode::excessive_load:
      return error(Code::too_many);
    case DoneCode::malformed_track:
      return error(Code::malformed_track);
  }
  return error(Code::application);
}

// --- Sessions -----------------------------------------------------------------------------------

Error close_error(CloseCode code, std::string text) {
  return {cause_of(code), std::move(text), std::to_underlying(code)};
}

std::uint64_t to_close_code(const Error& error, Draft draft) {
  // A code that the cause does not fit is that of a stream or a request.
  const bool meant = error.wire && cause_of(CloseCode{*error.wire}) == error.code;
  const std::uint64_t code = meant ? *error.wire : to_code(error, Scope::session);
  return available(kCloseSpans, code, draft);
}

Error from_close_code(std::uint64_t wire, std::string text) {
  return {cause_of(CloseCode{wire}), std::move(text), wire};
}

// --- Streams ------------------------------------------------------------------------------------

std::uint32_t to_reset_code(const Error& error, Draft draft) {
  if (const auto wire = application_wire(error)) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(*wire, kMax));
  }
  const ResetCode code = reset_code(error.code);
  return static_cast<std::uint32_t>(available(kResetSpans, std::to_underlying(code), draft));
}

Error from_reset_code(std::uint64_t wire, Draft draft, std::string text) {
  // Peers map the codes to HTTP/3's also where there is no HTTP, or do not where there is.
  const std::uint64_t code = transport::from_wire_code(wire).value_or(
      static_cast<std::uint32_t>(std::min<std::uint64_t>(wire, UINT32_MAX)));
  Code cause = cause_of(ResetCode{static_cast<std::uint32_t>(code)});
  const bool is_old_status = has_old_reset_codes(draft) && code == 0x4;
  if (is_old_status) cause = cause_of(ResetCode::unknown_status);
  return {cause, std::move(text), code};
}

Error from_stream_error(Error error, Draft draft) {
  const bool carries_code = error.code == Code::application || error.code == Code::closed;
  if (!error.wire || !carries_code) return error;
  return from_reset_code(*error.wire, draft, std::move(error.text));
}

}  // namespace moq::net::moqt

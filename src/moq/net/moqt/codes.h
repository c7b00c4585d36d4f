#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/net/moqt/draft.h"

/// Error codes, in the numbering of the newest drafts; the codec translates.
/// draft-ietf-moq-transport-21, Error Codes.
namespace moq::net::moqt {

/// The requests, by how they are answered.
enum class RequestKind : std::uint8_t {
  subscribe,
  publish,
  fetch,
  track_status,
  publish_namespace,
  subscribe_namespace,
  subscribe_tracks,
  update,
};

/// Why a request is refused. Other numbers of a peer are kept as they are.
enum class RequestCode : std::uint64_t {
  internal = 0x0,
  unauthorized = 0x1,
  timeout = 0x2,
  not_supported = 0x3,
  malformed_token = 0x4,
  expired_token = 0x5,
  going_away = 0x6,
  excessive_load = 0x9,
  does_not_exist = 0x10,
  invalid_range = 0x11,
  malformed_track = 0x12,
  duplicate_subscription = 0x19,
  uninterested = 0x20,
  prefix_overlap = 0x30,
  namespace_too_large = 0x31,
  invalid_joining_request = 0x32,
  unsupported_extension = 0x33,  ///< Unknown status in range, in 14 and 15.
  redirect = 0x34,
  conflicting_filters = 0x35,
  invalid_filter = 0x36,
};

/// The number that `draft` has for `code` as an answer to `kind`; what it lacks becomes the nearest
/// that it has.
std::uint64_t request_code_to_wire(RequestCode code, RequestKind kind, Draft draft);
RequestCode request_code_from_wire(std::uint64_t wire, RequestKind kind, Draft draft);
/// Why we refuse with `error`.
RequestCode to_request_code(const Error& error);
/// What the refusal of a peer means; `wire` is its number in the newest drafts.
Error from_request_code(RequestCode code, std::string text);

/// Why a publisher ends a subscription.
enum class DoneCode : std::uint64_t {
  internal = 0x0,
  unauthorized = 0x1,
  track_ended = 0x2,
  subscription_ended = 0x3,  ///< Up to 19.
  going_away = 0x4,
  too_far_behind = 0x5,
  expired = 0x6,
  update_failed = 0x8,
  excessive_load = 0x9,
  malformed_track = 0x12,
};
std::uint64_t done_code_to_wire(DoneCode code, Draft draft);
DoneCode done_code_from_wire(std::uint64_t wire, Draft draft);
DoneCode to_done_code(const Error& error);
/// None for the ends that are no failure: `track_ended` and `subscription_ended`.
std::optional<Error> from_done_code(DoneCode code, std::string text);

/// The codes that close a session: as `net::to_code` has them for `Scope::session`, with those that
/// moq-transport adds.
enum class CloseCode : std::uint64_t {
  no_error = 0x0,
  internal = 0x1,
  unauthorized = 0x2,
  protocol_violation = 0x3,
  invalid_request_id = 0x4,
  duplicate_track_alias = 0x5,
  key_value_formatting = 0x6,
  too_many_requests = 0x7,
  invalid_path = 0x8,
  malformed_path = 0x9,
  goaway_timeout = 0x10,
  control_timeout = 0x11,
  data_stream_timeout = 0x12,
  token_cache_overflow = 0x13,
  duplicate_token_alias = 0x14,
  version_negotiation_failed = 0x15,
  malformed_token = 0x16,
  unknown_token_alias = 0x17,
  expired_token = 0x18,
  invalid_authority = 0x19,
  malformed_authority = 0x1a,
  too_many_updates = 0x1b,
};
/// A failure that closes the session with `code`: its cause, and the code in `wire`.
Error close_error(CloseCode code, std::string text);
/// The code to close a session with. What `close_error` made goes out with its code.
std::uint64_t to_close_code(const Error& error, Draft draft);
/// Why a peer closed the session with `wire`.
Error from_close_code(std::uint64_t wire, std::string text);

/// The codes of RESET_STREAM and STOP_SENDING, in the numbering from 18 on.
enum class ResetCode : std::uint32_t {
  internal = 0x0,
  cancelled = 0x1,
  delivery_timeout = 0x2,
  session_closed = 0x3,
  going_away = 0x4,
  too_far_behind = 0x5,
  unknown_status = 0x6,
  expired_token = 0x7,
  excessive_load = 0x9,
  malformed_track = 0x12,
};
std::uint32_t to_reset_code(const Error& error, Draft draft);
Error from_reset_code(std::uint64_t wire, Draft draft, std::string text = {});
/// The failure of a stream as the transport reported it, with the peer's code, if it carries one,
/// read by `from_reset_code`.
Error from_stream_error(Error error, Draft draft);

}  // namespace moq::net::moqt

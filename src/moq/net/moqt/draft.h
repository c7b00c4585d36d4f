#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "moq/base/wire.h"

/// The wire of draft-ietf-moq-transport, drafts 14 to 22, one codec for all. Messages are structs
/// with what any draft carries, in words of the newest; what a draft lacks is left out on sending
/// and has its default on receipt. What the drafts changed is told by the functions below; which
/// numbers they have, by the tables in message.cc (types of messages), parameters.cc and codes.cc.
namespace moq::net::moqt {

/// A draft of moq-transport; the value is its number.
enum class Draft : std::uint8_t {
  d14 = 14,
  d15 = 15,
  d16 = 16,
  d17 = 17,
  d18 = 18,
  d19 = 19,
  d20 = 20,
  d21 = 21,  ///< On the wire the same as 20.
  d22 = 22,
};

/// All of them, oldest first.
inline constexpr std::array kDrafts{Draft::d14, Draft::d15, Draft::d16, Draft::d17, Draft::d18,
                                    Draft::d19, Draft::d20, Draft::d21, Draft::d22};

/// "draft 18", for logs.
inline std::string to_string(Draft draft) {
  return "draft " + std::to_string(std::to_underlying(draft));
}

/// The number in the version lists of draft 14.
constexpr std::uint64_t version_number(Draft draft) {
  return 0xff000000 + std::uint64_t{std::to_underlying(draft)};
}

/// How integers are written.
constexpr Varint varint_kind(Draft draft) {
  return draft <= Draft::d16   ? Varint::quic
         : draft == Draft::d17 ? Varint::vi64_no_7
                               : Varint::vi64;
}
/// A reader and a writer of `draft`'s integers.
inline Reader reader_of(ByteSpan in, Draft draft) { return Reader(in, varint_kind(draft)); }
inline Writer writer_of(Draft draft) { return Writer(varint_kind(draft)); }

// --- Streams ------------------------------------------------------------------------------------

/// CLIENT_SETUP lists versions and SERVER_SETUP picks one.
constexpr bool has_version_list(Draft draft) { return draft == Draft::d14; }
/// Each side opens a unidirectional control stream with SETUP, and each request is a bidirectional
/// stream of its own, whose replies come without a Request ID. Before, everything is on the
/// client's first bidirectional stream.
constexpr bool has_request_streams(Draft draft) { return draft >= Draft::d17; }
/// SUBSCRIBE_NAMESPACE opens a bidirectional stream.
constexpr bool has_namespace_streams(Draft draft) { return draft >= Draft::d16; }
/// Replies name the request by its id.
constexpr bool has_request_ids_in_replies(Draft draft) { return !has_request_streams(draft); }
/// UNSUBSCRIBE, FETCH_CANCEL and PUBLISH_NAMESPACE_DONE and _CANCEL end requests; since, a reset.
constexpr bool has_cancel_messages(Draft draft) { return !has_request_streams(draft); }
/// A requester's FIN ends its request; from 19 it only says that no update follows.
constexpr bool fin_cancels_request(Draft draft) {
  return draft == Draft::d17 || draft == Draft::d18;
}
/// A request must not have an id from MAX_REQUEST_ID on, which is 0 until told.
constexpr bool has_max_request_id(Draft draft) { return draft <= Draft::d16; }
/// Padding streams and datagrams exist.
constexpr bool has_padding(Draft draft) { return draft >= Draft::d18; }

// --- Key-value pairs and parameters -------------------------------------------------------------

/// SETUP counts its options; since, they run to the message's end.
constexpr bool has_setup_count(Draft draft) { return draft <= Draft::d16; }
/// Types of key-value pairs are differences to the one before.
constexpr bool has_delta_types(Draft draft) { return draft >= Draft::d16; }
/// The value of a message parameter is written as its type says; before, as in key-value pairs.
constexpr bool has_typed_parameters(Draft draft) { return draft >= Draft::d17; }
/// Unknown message parameters are passed over; since, a violation.
constexpr bool ignores_unknown_parameters(Draft draft) { return draft <= Draft::d15; }
/// A parameter in a message where it does not belong is a violation; before, it is ignored.
constexpr bool refuses_misplaced_parameters(Draft draft) { return draft >= Draft::d20; }
/// Priority, order, forwarding and filter are fields of SUBSCRIBE; since, parameters.
constexpr bool has_inline_subscribe_fields(Draft draft) { return draft == Draft::d14; }
/// SUBSCRIBE_OK, PUBLISH and FETCH_OK end with the properties of the track; before, some of them
/// are parameters.
constexpr bool has_track_properties(Draft draft) { return draft >= Draft::d16; }
/// Some properties of a track must be understood to use it.
constexpr bool has_mandatory_properties(Draft draft) { return draft >= Draft::d18; }
constexpr bool has_rendezvous_timeout(Draft draft) { return draft >= Draft::d17; }
constexpr bool has_subgroup_delivery_timeout(Draft draft) { return draft >= Draft::d18; }
/// Range filters, if the peer's SETUP allows some.
constexpr bool has_range_filters(Draft draft) { return draft >= Draft::d19; }
/// A subscription may ask for what lies before its start, on a fill stream (FILL_PARAMETERS).
constexpr bool has_fill(Draft draft) { return draft >= Draft::d20; }

// --- Filters and ranges -------------------------------------------------------------------------

/// The forms of the location filter.
enum class FilterForm : std::uint8_t {
  tagged,   ///< Type 1 to 4, then fields.
  counted,  ///< A length; the count of fields tells what they mean.
  typed,    ///< Type 0 to 5, then fields.
};
constexpr FilterForm filter_form(Draft draft) {
  return draft <= Draft::d19   ? FilterForm::tagged
         : draft <= Draft::d21 ? FilterForm::counted
                               : FilterForm::typed;
}
/// A filter may start some groups before the next one, and end at an object.
constexpr bool has_relative_filters(Draft draft) {
  return filter_form(draft) != FilterForm::tagged;
}
/// The end group of a filter is a difference to its start.
constexpr bool has_delta_end_group(Draft draft) { return draft >= Draft::d17; }
/// The range of a FETCH is its location filter; before, it has start and end fields.
constexpr bool has_fetch_filter(Draft draft) { return draft >= Draft::d20; }
/// FETCH may join a subscription, and take its range from there.
constexpr bool has_joining_fetch(Draft draft) { return draft <= Draft::d19; }
/// The end of FETCH and FETCH_OK is the last object; before, one more, with 0 for the whole group.
constexpr bool has_inclusive_fetch_end(Draft draft) { return draft >= Draft::d20; }

// --- Messages -----------------------------------------------------------------------------------

/// Each kind of request has an OK and an ERROR of its own, with codes of its own.
constexpr bool has_separate_replies(Draft draft) { return draft == Draft::d14; }
/// PUBLISH_OK is a message; since, it is a REQUEST_OK.
constexpr bool has_publish_ok(Draft draft) { return draft <= Draft::d17; }
/// The answer to PUBLISH says what is wanted of the track; since, that is as PUBLISH has it.
constexpr bool decides_in_publish_ok(Draft draft) { return draft <= Draft::d19; }
/// A REQUEST_OK to TRACK_STATUS ends with the properties of the track.
constexpr bool has_reply_properties(Draft draft) { return draft >= Draft::d18; }
/// Errors tell when to try again.
constexpr bool has_retry_interval(Draft draft) { return draft >= Draft::d16; }
/// An error may send the requester elsewhere.
constexpr bool has_redirect(Draft draft) { return draft >= Draft::d18; }
/// A 0 follows each Request ID of a request.
constexpr bool has_required_request_delta(Draft draft) { return draft == Draft::d17; }
/// Updates are answered.
constexpr bool has_update_reply(Draft draft) { return draft >= Draft::d15; }
/// Namespaces are listed by NAMESPACE and NAMESPACE_DONE; before, by PUBLISH_NAMESPACE requests.
constexpr bool has_namespace_messages(Draft draft) { return draft >= Draft::d16; }
/// SUBSCRIBE_NAMESPACE says whether it wants namespaces, tracks or both.
constexpr bool has_namespace_options(Draft draft) {
  return draft == Draft::d16 || draft == Draft::d17;
}
/// PUBLISH_NAMESPACE_DONE and _CANCEL name a namespace; in 16 a Request ID.
constexpr bool ends_namespaces_by_name(Draft draft) { return draft <= Draft::d15; }
/// UNSUBSCRIBE_NAMESPACE exists; in 14 it names a prefix, in 15 a Request ID.
constexpr bool has_unsubscribe_namespace(Draft draft) { return draft <= Draft::d15; }
constexpr bool unsubscribes_namespaces_by_name(Draft draft) { return draft == Draft::d14; }
/// SUBSCRIBE_TRACKS exists.
constexpr bool has_subscribe_tracks(Draft draft) { return draft >= Draft::d18; }
/// PUBLISH_BLOCKED, from 19 called PUBLISH_SKIPPED, exists.
constexpr bool has_publish_blocked(Draft draft) { return draft >= Draft::d17; }
/// PUBLISH_STATE_NOTIFY exists.
constexpr bool has_publish_state_notify(Draft draft) { return draft >= Draft::d20; }
/// GOAWAY tells a timeout.
constexpr bool has_goaway_timeout(Draft draft) { return draft >= Draft::d17; }
/// On the control stream, GOAWAY ends with a Request ID, which some peers leave out.
constexpr bool has_goaway_request_id(Draft draft) { return draft == Draft::d18; }
/// GOAWAY may come on a request's stream, and move that request alone.
constexpr bool has_goaway_on_requests(Draft draft) { return draft >= Draft::d18; }
/// The number that stands for an unknown count of streams in PUBLISH_DONE.
constexpr std::uint64_t unknown_stream_count(Draft draft) {
  return draft >= Draft::d20 ? UINT64_MAX : kMaxVarint;
}

/// Two codes of PUBLISH_DONE, 5 and 6, mean each other.
constexpr bool has_old_done_codes(Draft draft) { return draft <= Draft::d17; }
/// 4 as a code of RESET_STREAM means the status of an object is unknown; since, GOAWAY.
constexpr bool has_old_reset_codes(Draft draft) { return draft <= Draft::d17; }

// --- Data ---------------------------------------------------------------------------------------

/// A subgroup or datagram may leave its priority to the track.
constexpr bool has_default_priority(Draft draft) { return draft >= Draft::d15; }
/// A subgroup says whether its first object here is its first of all.
constexpr bool has_first_object(Draft draft) { return draft >= Draft::d18; }
/// The timestamp of an object may also be property 0x06, which means something else since.
constexpr bool has_old_timestamp(Draft draft) { return draft <= Draft::d17; }
/// Objects may have the status "does not exist".
constexpr bool has_missing_objects(Draft draft) { return draft <= Draft::d15; }
/// Objects of a fetch begin with flags that tell which fields follow.
constexpr bool has_fetch_flags(Draft draft) { return draft >= Draft::d15; }
/// Those flags are a varint; in 15 one byte.
constexpr bool has_varint_fetch_flags(Draft draft) { return draft >= Draft::d16; }
/// Groups and objects of a fetch are distances to the object before.
constexpr bool has_fetch_distances(Draft draft) { return draft >= Draft::d18; }
/// Empty objects of a fetch have a status.
constexpr bool has_fetch_status(Draft draft) { return draft <= Draft::d15; }
/// A fetch tells which ranges do not exist or are unknown.
constexpr bool has_fetch_range_marks(Draft draft) { return draft >= Draft::d16; }
/// A fetch also tells which ranges have timed out.
constexpr bool has_timed_out_ranges(Draft draft) { return draft >= Draft::d20; }

}  // namespace moq::net::moqt

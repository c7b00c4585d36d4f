#include "moq/net/moqt/request.h"

#include <algorithm>
#include <utility>

#include "moq/net/moqt/fields.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

/// The fields of draft 14 that are parameters since: what a subscriber wants.
struct InlineFields {
  std::optional<std::uint8_t> priority;
  std::optional<GroupOrder> group_order;
  std::optional<bool> forward;
  std::optional<LocationFilter> filter;

  void put_into(Parameters& parameters) const {
    parameters.priority = priority;
    parameters.group_order = group_order;
    parameters.forward = forward;
    parameters.filter = filter;
  }
};

/// The largest object of a track, behind a byte that says whether there is one.
std::optional<Location> read_largest(Reader& in) {
  if (!in.boolean()) return std::nullopt;
  return Location::read(in);
}

void write_largest(Writer& out, const std::optional<Location>& largest) {
  out.boolean(largest.has_value());
  if (largest) largest->write(out);
}

LocationFilter filter_of(const Parameters& parameters) {
  return parameters.filter.value_or(LocationFilter::next_object());
}

/// The order of a track in draft 14, which is always told.
GroupOrder order_of(const TrackProperties& track) {
  return track.group_order.value_or(GroupOrder::ascending);
}

/// The part of SUBSCRIBE, and of TRACK_STATUS, after the name.
Parameters read_wanted(Reader& in, Draft draft, ParameterPlace place) {
  if (!has_inline_subscribe_fields(draft)) return Parameters::read(in, draft, place);
  const InlineFields fields{.priority = in.u8(),
                            .group_order = read_inline_order(in),
                            .forward = in.boolean(),
                            .filter = LocationFilter::read(in, draft)};
  Parameters parameters = Parameters::read(in, draft, place);
  fields.put_into(parameters);
  return parameters;
}

void write_wanted(Writer& out, const Parameters& parameters, Draft draft, ParameterPlace place) {
  if (has_inline_subscribe_fields(draft)) {
    out.u8(parameters.priority.value_or(kDefaultPriority));
    write_inline_order(out, parameters.group_order);
    out.boolean(parameters.forward.value_or(true));
    filter_of(parameters).write(out, draft);
  }
  parameters.write(out, draft, place);
}

/// The part of SUBSCRIBE_OK, and of draft 14's TRACK_STATUS_OK, after the alias.
struct TrackTold {
  Parameters parameters;
  TrackProperties track;
};

TrackTold read_told(Reader& in, Draft draft) {
  TrackTold told;
  if (!has_inline_subscribe_fields(draft)) {
    told.parameters = Parameters::read(in, draft, ParameterPlace::subscribe_ok, &told.track);
    if (has_track_properties(draft)) told.track = TrackProperties::read(in, draft);
    return told;
  }
  const std::optional<Duration> expires = read_optional_ms(in);
  told.track.group_order = read_inline_order(in);
  const std::optional<Location> largest = read_largest(in);
  told.parameters = Parameters::read(in, draft, ParameterPlace::subscribe_ok, &told.track);
  told.parameters.expires = expires;
  told.parameters.largest = largest;
  return told;
}

void write_told(Writer& out, const Parameters& parameters, const TrackProperties& track,
                Draft draft) {
  if (has_inline_subscribe_fields(draft)) {
    write_optional_ms(out, parameters.expires);
    write_inline_order(out, order_of(track));
    write_largest(out, parameters.largest);
  }
  parameters.write(out, draft, ParameterPlace::subscribe_ok, &track);
  track.write(out, draft);
}

/// The answer of draft 14 to PUBLISH, after the Request ID.
Parameters read_inline_publish_ok(Reader& in, Draft draft) {
  const bool forward = in.boolean();
  const InlineFields fields{.priority = in.u8(),
                            .group_order = read_inline_order(in),
                            .forward = forward,
                            .filter = LocationFilter::read(in, draft)};
  Parameters parameters = Parameters::read(in, draft, ParameterPlace::request_ok);
  fields.put_into(parameters);
  return parameters;
}

void write_inline_publish_ok(Writer& out, const Parameters& parameters, Draft draft) {
  out.boolean(parameters.forward.value_or(true));
  out.u8(parameters.priority.value_or(kDefaultPriority));
  // This answer must decide; the publisher's own order is ascending unless it said another.
  write_inline_order(out, parameters.group_order.value_or(GroupOrder::ascending));
  filter_of(parameters).write(out, draft);
  parameters.write(out, draft, ParameterPlace::request_ok);
}

/// What a FETCH is, up to 19.
enum class FetchType : std::uint8_t { standalone = 1, relative_joining = 2, absolute_joining = 3 };

void read_typed_fetch(Reader& in, Fetch& fetch, Draft draft) {
  const std::uint64_t type = in.varint();
  if (type == std::to_underlying(FetchType::standalone)) {
    fetch.track = read_full_name(in, draft);
    fetch.range = LocationFilter::from(Location::read(in));
    fetch.range.end = read_fetch_end(in, draft);
  } else if (type == std::to_underlying(FetchType::relative_joining) ||
             type == std::to_underlying(FetchType::absolute_joining)) {
    fetch.joining =
        JoiningFetch{.subscription = in.varint(),
                     .relative = type == std::to_underlying(FetchType::relative_joining),
                     .start = in.varint()};
  } else {
    in.fail(DecodeError::unknown);
  }
}

void write_typed_fetch(Writer& out, const Fetch& fetch, Draft draft) {
  if (fetch.joining) {
    out.varint(std::to_underlying(fetch.joining->relative ? FetchType::relative_joining
                                                          : FetchType::absolute_joining));
    out.varint(fetch.joining->subscription).varint(fetch.joining->start);
    return;
  }
  out.varint(std::to_underlying(FetchType::standalone));
  write_full_name(out, fetch.track);
  fetch.range.start.write(out);
  const RangeEnd everything{.group = max_value(out.varint_kind())};
  write_fetch_end(out, fetch.range.end.value_or(everything), draft);
}

/// The range of SUBSCRIBE_UPDATE in draft 14: a start, and the last group plus one, 0 = open.
LocationFilter read_inline_range(Reader& in) {
  LocationFilter filter = LocationFilter::from(Location::read(in));
  if (const auto group = in.optional_varint()) filter.end = RangeEnd{.group = *group};
  return filter;
}

void write_inline_range(Writer& out, const LocationFilter& filter) {
  filter.start.write(out);
  out.optional_varint(filter.end ? std::optional(filter.end->group) : std::nullopt);
}

std::optional<Duration> read_retry(Reader& in) {
  const std::optional<std::uint64_t> ms = in.optional_varint();
  if (!ms) return std::nullopt;
  return from_ms(*ms);
}

void write_retry(Writer& out, std::optional<Duration> after) {
  if (!after) {
    out.varint(0);
    return;
  }
  out.optional_varint(static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(*after), 0)));
}

/// Where no kind is told, the one whose codes are like those of later drafts.
RequestKind kind_of(std::optional<RequestKind> kind) {
  return kind.value_or(RequestKind::subscribe);
}

}  // namespace

Result<Subscribe, DecodeError> Subscribe::decode(Reader& in, Draft draft) {
  Subscribe subscribe{.request_id = read_request_id(in, draft),
                      .track = read_full_name(in, draft),
                      .parameters = read_wanted(in, draft, ParameterPlace::subscribe)};
  return in.finish(std::move(subscribe));
}

void Subscribe::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_full_name(out, track);
  write_wanted(out, parameters, draft, ParameterPlace::subscribe);
}

Result<SubscribeOk, DecodeError> SubscribeOk::decode(Reader& in, Draft draft) {
  SubscribeOk answer{.request_id = read_reply_id(in, draft), .track_alias = in.varint()};
  TrackTold told = read_told(in, draft);
  answer.parameters = std::move(told.parameters);
  answer.track = std::move(told.track);
  return in.finish(std::move(answer));
}

void SubscribeOk::encode(Writer& out, Draft draft) const {
  write_reply_id(out, request_id, draft);
  out.varint(track_alias);
  write_told(out, parameters, track, draft);
}

Result<RequestUpdate, DecodeError> RequestUpdate::decode(Reader& in, Draft draft) {
  RequestUpdate update{.request_id = read_request_id(in, draft),
                       .updated_request = read_reply_id(in, draft)};
  if (!has_inline_subscribe_fields(draft)) {
    update.parameters = Parameters::read(in, draft, ParameterPlace::update);
    return in.finish(std::move(update));
  }
  const LocationFilter filter = read_inline_range(in);
  const std::uint8_t priority = in.u8();
  const bool forward = in.boolean();
  update.parameters = Parameters::read(in, draft, ParameterPlace::update);
  update.parameters.filter = filter;
  update.parameters.priority = priority;
  update.parameters.forward = forward;
  return in.finish(std::move(update));
}

void RequestUpdate::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_reply_id(out, updated_request, draft);
  if (has_inline_subscribe_fields(draft)) {
    write_inline_range(out, parameters.filter.value_or(LocationFilter{}));
    out.u8(parameters.priority.value_or(kDefaultPriority));
    out.boolean(parameters.forward.value_or(true));
  }
  parameters.write(out, draft, ParameterPlace::update);
}

Result<Unsubscribe, DecodeError> Unsubscribe::decode(Reader& in, Draft) {
  return in.finish(Unsubscribe{.request_id = in.varint()});
}

void Unsubscribe::encode(Writer& out, Draft) const { out.varint(request_id); }

Result<Publish, DecodeError> Publish::decode(Reader& in, Draft draft) {
  Publish publish{.request_id = read_request_id(in, draft),
                  .name = read_full_name(in, draft),
                  .track_alias = in.varint()};
  if (!has_inline_subscribe_fields(draft)) {
    publish.parameters = Parameters::read(in, draft, ParameterPlace::publish, &publish.track);
    if (has_track_properties(draft)) publish.track = TrackProperties::read(in, draft);
    return in.finish(std::move(publish));
  }
  publish.track.group_order = read_inline_order(in);
  const std::optional<Location> largest = read_largest(in);
  const bool forward = in.boolean();
  publish.parameters = Parameters::read(in, draft, ParameterPlace::publish, &publish.track);
  publish.parameters.largest = largest;
  publish.parameters.forward = forward;
  return in.finish(std::move(publish));
}

void Publish::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_full_name(out, name);
  out.varint(track_alias);
  if (has_inline_subscribe_fields(draft)) {
    write_inline_order(out, order_of(track));
    write_largest(out, parameters.largest);
    out.boolean(parameters.forward.value_or(true));
  }
  parameters.write(out, draft, ParameterPlace::publish, &track);
  track.write(out, draft);
}

Result<PublishDone, DecodeError> PublishDone::decode(Reader& in, Draft draft) {
  PublishDone done{.request_id = read_reply_id(in, draft),
                   .code = done_code_from_wire(in.varint(), draft)};
  // Whoever has the number of another draft for "unknown" means the same.
  const std::uint64_t streams = in.varint();
  if (streams < kMaxVarint) done.stream_count = streams;
  done.reason = read_reason(in);
  return in.finish(std::move(done));
}

void PublishDone::encode(Writer& out, Draft draft) const {
  write_reply_id(out, request_id, draft);
  out.varint(done_code_to_wire(code, draft));
  out.varint(stream_count.value_or(unknown_stream_count(draft)));
  write_reason(out, reason);
}

Result<Fetch, DecodeError> Fetch::decode(Reader& in, Draft draft) {
  Fetch fetch{.request_id = read_request_id(in, draft)};
  InlineFields fields;
  if (has_inline_subscribe_fields(draft)) {
    fields.priority = in.u8();
    fields.group_order = read_inline_order(in);
  }
  if (has_fetch_filter(draft)) {
    fetch.track = read_full_name(in, draft);
  } else {
    read_typed_fetch(in, fetch, draft);
  }
  fetch.parameters = Parameters::read(in, draft, ParameterPlace::fetch);
  if (has_inline_subscribe_fields(draft)) fields.put_into(fetch.parameters);
  if (fetch.parameters.filter) {
    fetch.range = *std::exchange(fetch.parameters.filter, std::nullopt);
  }
  return in.finish(std::move(fetch));
}

void Fetch::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  if (has_inline_subscribe_fields(draft)) {
    out.u8(parameters.priority.value_or(kDefaultPriority));
    write_inline_order(out, parameters.group_order);
  }
  Parameters with_range = parameters;
  with_range.filter.reset();
  if (has_fetch_filter(draft)) {
    write_full_name(out, track);
    if (range.kind != LocationFilter::Kind::unfiltered) with_range.filter = range;
  } else {
    write_typed_fetch(out, *this, draft);
  }
  with_range.write(out, draft, ParameterPlace::fetch);
}

Result<FetchOk, DecodeError> FetchOk::decode(Reader& in, Draft draft) {
  FetchOk answer{.request_id = read_reply_id(in, draft)};
  std::optional<GroupOrder> order;
  if (has_inline_subscribe_fields(draft)) order = read_inline_order(in);
  answer.end_of_track = in.boolean();
  answer.end = read_fetch_end(in, draft);
  answer.parameters = Parameters::read(in, draft, ParameterPlace::fetch_ok, &answer.track);
  if (has_track_properties(draft)) answer.track = TrackProperties::read(in, draft);
  if (order) answer.track.group_order = order;
  return in.finish(std::move(answer));
}

void FetchOk::encode(Writer& out, Draft draft) const {
  write_reply_id(out, request_id, draft);
  if (has_inline_subscribe_fields(draft)) write_inline_order(out, order_of(track));
  out.boolean(end_of_track);
  write_fetch_end(out, end, draft);
  parameters.write(out, draft, ParameterPlace::fetch_ok, &track);
  track.write(out, draft);
}

Result<FetchCancel, DecodeError> FetchCancel::decode(Reader& in, Draft) {
  return in.finish(FetchCancel{.request_id = in.varint()});
}

void FetchCancel::encode(Writer& out, Draft) const { out.varint(request_id); }

Result<TrackStatus, DecodeError> TrackStatus::decode(Reader& in, Draft draft) {
  TrackStatus status{.request_id = read_request_id(in, draft),
                     .track = read_full_name(in, draft),
                     .parameters = read_wanted(in, draft, ParameterPlace::track_status)};
  return in.finish(std::move(status));
}

void TrackStatus::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_full_name(out, track);
  write_wanted(out, parameters, draft, ParameterPlace::track_status);
}

Result<RequestOk, DecodeError> RequestOk::decode(Reader& in, Draft draft,
                                                 std::optional<RequestKind> kind) {
  RequestOk answer{.request_id = read_reply_id(in, draft), .kind = kind};
  if (!has_separate_replies(draft)) {
    answer.parameters = Parameters::read(in, draft, ParameterPlace::request_ok);
    if (has_reply_properties(draft)) answer.track = TrackProperties::read(in, draft);
  } else if (kind == RequestKind::publish) {
    answer.parameters = read_inline_publish_ok(in, draft);
  } else if (kind == RequestKind::track_status) {
    in.varint();  // An alias that means nothing.
    TrackTold told = read_told(in, draft);
    answer.parameters = std::move(told.parameters);
    answer.track = std::move(told.track);
  }
  return in.finish(std::move(answer));
}

void RequestOk::encode(Writer& out, Draft draft) const {
  write_reply_id(out, request_id, draft);
  if (!has_separate_replies(draft)) {
    parameters.write(out, draft, ParameterPlace::request_ok);
    if (has_reply_properties(draft)) track.write(out, draft);
  } else if (kind == RequestKind::publish) {
    write_inline_publish_ok(out, parameters, draft);
  } else if (kind == RequestKind::track_status) {
    out.varint(0);
    write_told(out, parameters, track, draft);
  }
}

Result<RequestError, DecodeError> RequestError::decode(Reader& in, Draft draft,
                                                       std::optional<RequestKind> kind) {
  RequestError error{.request_id = read_reply_id(in, draft),
                     .kind = kind,
                     .code = request_code_from_wire(in.varint(), kind_of(kind), draft)};
  if (has_retry_interval(draft)) error.retry_after = read_retry(in);
  error.reason = read_reason(in);
  if (has_redirect(draft) && error.code == RequestCode::redirect && in.remaining() > 0) {
    error.redirect =
        Redirect{.uri = std::string(in.text(kMaxUriBytes)), .track = read_full_name(in, draft)};
  }
  return in.finish(std::move(error));
}

void RequestError::encode(Writer& out, Draft draft) const {
  write_reply_id(out, request_id, draft);
  out.varint(request_code_to_wire(code, kind_of(kind), draft));
  if (has_retry_interval(draft)) write_retry(out, retry_after);
  write_reason(out, reason);
  if (has_redirect(draft) && code == RequestCode::redirect) {
    const Redirect target = redirect.value_or(Redirect{});
    out.text(target.uri);
    write_full_name(out, target.track);
  }
}

Result<PublishStateNotify, DecodeError> PublishStateNotify::decode(Reader& in, Draft draft) {
  return in.finish(
      PublishStateNotify{.parameters = Parameters::read(in, draft, ParameterPlace::state_notify)});
}

void PublishStateNotify::encode(Writer& out, Draft draft) const {
  parameters.write(out, draft, ParameterPlace::state_notify);
}

}  // namespace moq::net::moqt

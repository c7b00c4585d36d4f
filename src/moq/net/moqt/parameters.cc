#include "moq/net/moqt/parameters.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <utility>

#include "moq/net/moqt/key_value.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

enum class Id : std::uint64_t {
  delivery_timeout = 0x02,
  token = 0x03,
  /// 14 and 15: how long a cache may keep the track's objects. From 17: RENDEZVOUS_TIMEOUT.
  max_cache_duration = 0x04,
  rendezvous_timeout = 0x04,
  subgroup_delivery_timeout = 0x06,
  expires = 0x08,
  largest = 0x09,
  fill_timeout = 0x0a,
  publisher_priority = 0x0e,
  forward = 0x10,
  priority = 0x20,
  filter = 0x21,
  group_order = 0x22,
  fill = 0x23,
  subgroup_filter = 0x25,
  object_id_filter = 0x26,
  priority_filter = 0x27,
  object_property_filter = 0x28,
  track_property_filter = 0x29,
  dynamic_groups = 0x30,
  new_group_request = 0x32,
  namespace_prefix = 0x34,
  include_properties = 0x35,
};

using Places = std::uint32_t;

constexpr Places bit_of(ParameterPlace place) { return Places{1} << std::to_underlying(place); }

constexpr Places kSubscribe = bit_of(ParameterPlace::subscribe);
constexpr Places kSubscribeOk = bit_of(ParameterPlace::subscribe_ok);
constexpr Places kPublish = bit_of(ParameterPlace::publish);
constexpr Places kFetch = bit_of(ParameterPlace::fetch);
constexpr Places kTrackStatus = bit_of(ParameterPlace::track_status);
constexpr Places kSubscribeTracks = bit_of(ParameterPlace::subscribe_tracks);
constexpr Places kUpdate = bit_of(ParameterPlace::update);
constexpr Places kRequestOk = bit_of(ParameterPlace::request_ok);
constexpr Places kStateNotify = bit_of(ParameterPlace::state_notify);
constexpr Places kFill = bit_of(ParameterPlace::fill);
/// Answers that tell of a track.
constexpr Places kTrack = kSubscribeOk | kPublish;
/// What changes a subscription, or makes one.
constexpr Places kSubscription = kSubscribe | kUpdate;
/// All messages that say what a subscriber wants.
constexpr Places kWanted = kSubscription | kSubscribeTracks;
constexpr Places kRequests = kWanted | kPublish | kFetch | kTrackStatus |
                             bit_of(ParameterPlace::publish_namespace) |
                             bit_of(ParameterPlace::subscribe_namespace);

/// In which drafts and messages a parameter may be; some peers close the session for another one.
/// Up to 19 the answer to PUBLISH says what the subscriber wants, as SUBSCRIBE does.
struct Rule {
  Id id;
  Draft first;
  Draft last;
  Places places;
};

constexpr std::array kRules{
    Rule{Id::delivery_timeout, Draft::d14, Draft::d15, kSubscription | kTrack | kRequestOk},
    Rule{Id::delivery_timeout, Draft::d16, Draft::d19, kSubscription | kRequestOk},
    Rule{Id::delivery_timeout, Draft::d20, Draft::d22, kWanted | kPublish},
    Rule{Id::token, Draft::d14, Draft::d22, kRequests},
    Rule{Id::max_cache_duration, Draft::d14, Draft::d15, kTrack | bit_of(ParameterPlace::fetch_ok)},
    Rule{Id::rendezvous_timeout, Draft::d17, Draft::d19, kSubscribe},
    Rule{Id::rendezvous_timeout, Draft::d20, Draft::d22, kSubscribe | kSubscribeTracks},
    Rule{Id::subgroup_delivery_timeout, Draft::d18, Draft::d19, kSubscription | kRequestOk},
    Rule{Id::subgroup_delivery_timeout, Draft::d20, Draft::d22, kWanted | kPublish},
    Rule{Id::expires, Draft::d15, Draft::d22, kSubscribeOk | kPublish | kRequestOk},
    Rule{Id::largest, Draft::d15, Draft::d22, kSubscribeOk | kPublish | kRequestOk | kStateNotify},
    Rule{Id::fill_timeout, Draft::d18, Draft::d22, kFetch | kFill},
    Rule{Id::publisher_priority, Draft::d15, Draft::d15, kTrack},
    Rule{Id::forward, Draft::d15, Draft::d19, kWanted | kPublish | kRequestOk},
    Rule{Id::forward, Draft::d20, Draft::d22, kWanted | kPublish | kStateNotify},
    Rule{Id::priority, Draft::d15, Draft::d19, kSubscription | kFetch | kRequestOk},
    Rule{Id::priority, Draft::d20, Draft::d22, kWanted | kFetch | kPublish | kFill},
    Rule{Id::filter, Draft::d15, Draft::d19, kSubscription | kRequestOk},
    Rule{Id::filter, Draft::d20, Draft::d22, kWanted | kFetch | kPublish | kStateNotify | kFill},
    Rule{Id::group_order, Draft::d15, Draft::d15, kSubscribe | kFetch | kTrack | kRequestOk},
    Rule{Id::group_order, Draft::d16, Draft::d18, kSubscribe | kFetch | kRequestOk},
    Rule{Id::group_order, Draft::d19, Draft::d19, kSubscribe | kSubscribeTracks | kFetch},
    Rule{Id::group_order, Draft::d20, Draft::d22,
         kSubscribe | kSubscribeTracks | kFetch | kPublish | kFill},
    Rule{Id::fill, Draft::d20, Draft::d22, kWanted},
    Rule{Id::subgroup_filter, Draft::d19, Draft::d22, kWanted | kFetch | kFill},
    Rule{Id::object_id_filter, Draft::d19, Draft::d22, kWanted | kFetch | kFill},
    Rule{Id::priority_filter, Draft::d19, Draft::d22, kWanted | kFetch | kFill},
    Rule{Id::object_property_filter, Draft::d19, Draft::d22, kWanted | kFetch | kFill},
    Rule{Id::track_property_filter, Draft::d19, Draft::d22, kSubscribeTracks | kUpdate},
    Rule{Id::dynamic_groups, Draft::d15, Draft::d15, kTrack},
    Rule{Id::new_group_request, Draft::d15, Draft::d19, kSubscription | kRequestOk},
    Rule{Id::new_group_request, Draft::d20, Draft::d22, kWanted},
    Rule{Id::namespace_prefix, Draft::d18, Draft::d22, kUpdate},
    Rule{Id::include_properties, Draft::d20, Draft::d22,
         kSubscribe | kSubscribeTracks | kFetch | kTrackStatus},
};

/// The rule for `id` in `draft`; null if it is not known there.
const Rule* rule_of(std::uint64_t id, Draft draft) {
  const auto found = std::ranges::find_if(kRules, [&](const Rule& rule) {
    return std::to_underlying(rule.id) == id && draft >= rule.first && draft <= rule.last;
  });
  return found == kRules.end() ? nullptr : &*found;
}

bool is_range_filter(std::uint64_t id) {
  return id >= std::to_underlying(Id::subgroup_filter) &&
         id <= std::to_underlying(Id::track_property_filter);
}

bool has_property(RangeFilter::Of of) {
  return of == RangeFilter::Of::object_property || of == RangeFilter::Of::track_property;
}

/// Whether the parameters of `place` tell of the track, in the drafts before track properties.
bool tells_of_track(ParameterPlace place, Draft draft) {
  return !has_track_properties(draft) && (bit_of(place) & kTrack) != 0;
}

// --- Values -------------------------------------------------------------------------------------

/// Reads values in the way of `draft`: as key-value pairs, or each as its type has it.
class ValueReader {
 public:
  ValueReader(Reader& reader, Draft draft) : in_(reader), draft_(draft) {}

  std::uint64_t number() { return in_.varint(); }
  Duration duration() { return from_ms(in_.varint()); }
  std::uint8_t byte() {
    if (has_typed_parameters(draft_)) return in_.u8();
    const std::uint64_t value = in_.varint();
    if (value > 255) in_.fail(DecodeError::out_of_range);
    return static_cast<std::uint8_t>(value);
  }
  bool boolean() {
    const std::uint8_t value = byte();
    if (value > 1) in_.fail(DecodeError::out_of_range);
    return value == 1;
  }
  GroupOrder order() {
    const std::uint8_t value = byte();
    if (value != 1 && value != 2) in_.fail(DecodeError::out_of_range);
    return static_cast<GroupOrder>(value);
  }
  /// What `read(Reader&)` makes of all of the bytes behind a length.
  template <typename Read>
  auto nested(Read read) {
    Reader inner(in_.prefixed(kMaxValueBytes), in_.varint_kind());
    auto value = inner.finish(read(inner));
    if (value) return *std::move(value);
    in_.fail(value.error());
    return decltype(read(inner)){};
  }
  Location location() {
    return has_typed_parameters(draft_) ? Location::read(in_) : nested(Location::read);
  }
  LocationFilter filter() {
    const auto read = [this](Reader& reader) { return LocationFilter::read(reader, draft_); };
    return filter_form(draft_) == FilterForm::tagged ? nested(read) : read(in_);
  }

 private:
  Reader& in_;
  Draft draft_;
};

RangeFilter read_range_filter(Reader& in, RangeFilter::Of of) {
  RangeFilter filter{.of = of, .set = in.u8()};
  if (has_property(of)) filter.property = in.varint();
  std::uint64_t previous = 0;
  const auto next = [&] {
    const std::uint64_t delta = in.varint();
    if (delta > UINT64_MAX - previous) in.fail(DecodeError::out_of_range);
    return previous += delta;
  };
  while (in.remaining() > 0) {
    if (filter.ranges.size() == kMaxFilterRanges) in.fail(DecodeError::too_many);
    const std::uint64_t first = next();
    filter.ranges.push_back({.first = first, .last = next()});
  }
  return filter;
}

void write_range_filter(Writer& out, const RangeFilter& filter) {
  out.u8(filter.set);
  if (has_property(filter.of)) out.varint(filter.property);
  std::uint64_t previous = 0;
  for (const RangeFilter::Range& range : filter.ranges) {
    const std::uint64_t first = std::max(range.first, previous);
    const std::uint64_t last = std::max(range.last, first);
    out.varint(first - previous).varint(last - first);
    previous = last;
  }
}

/// Collects parameters, each with its value, and writes those that the message may have.
class ParameterWriter {
 public:
  ParameterWriter(Draft draft, ParameterPlace place) : draft_(draft), place_(place) {}

  void number(Id id, std::optional<std::uint64_t> value) {
    if (value) add(id, [&](Writer& out) { out.varint(*value); });
  }
  void duration(Id id, std::optional<Duration> value) {
    if (value) number(id, static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(*value), 0)));
  }
  /// As `duration`, where 0 says nothing, or is forbidden.
  void positive_duration(Id id, std::optional<Duration> value) {
    if (value && to_ms(*value) > 0) duration(id, value);
  }
  void byte(Id id, std::optional<std::uint8_t> value) {
    if (!value) return;
    add(id, [&](Writer& out) {
      if (has_typed_parameters(draft_)) {
        out.u8(*value);
      } else {
        out.varint(*value);
      }
    });
  }
  void boolean(Id id, std::optional<bool> value) {
    if (value) byte(id, *value ? 1 : 0);
  }
  void order(Id id, std::optional<GroupOrder> value) {
    if (value) byte(id, std::to_underlying(*value));
  }
  /// What `write(Writer&)` writes, behind its length.
  template <typename Write>
  void nested(Id id, Write write) {
    add(id, [&](Writer& out) {
      Writer inner(out.varint_kind());
      write(inner);
      fits_ = fits_ && inner.ok();
      out.prefixed(inner.span());
    });
  }
  void location(Id id, std::optional<Location> value) {
    if (!value) return;
    const auto write = [&](Writer& out) { value->write(out); };
    if (has_typed_parameters(draft_)) {
      add(id, write);
    } else {
      nested(id, write);
    }
  }
  void filter(Id id, const std::optional<LocationFilter>& value) {
    const bool tagged = filter_form(draft_) == FilterForm::tagged;
    if (!value || (tagged && value->kind == LocationFilter::Kind::unfiltered)) return;
    const auto write = [&](Writer& out) { value->write(out, draft_); };
    if (tagged) {
      nested(id, write);
    } else {
      add(id, write);
    }
  }
  void ranges(const std::vector<RangeFilter>& filters) {
    for (const RangeFilter& filter : filters) {
      nested(static_cast<Id>(filter.of), [&](Writer& out) { write_range_filter(out, filter); });
    }
  }
  void name(Id id, const std::optional<TrackNamespace>& value) {
    if (value) add(id, [&](Writer& out) { write_namespace(out, *value); });
  }

  void finish(Writer& out) {
    out.varint(entries_.size());
    TypeWriter types(draft_);
    for (const Entry& entry : entries_) {
      types.write(out, entry.id);
      out.bytes(entry.value);
    }
    // A number that did not fit one of ours does not fit there either.
    if (!fits_) out.varint(UINT64_MAX);
  }

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::vector<std::uint8_t> value;
  };

  template <typename Write>
  void add(Id id, Write write) {
    const Rule* rule = rule_of(std::to_underlying(id), draft_);
    if (rule == nullptr || (rule->places & bit_of(place_)) == 0) return;
    Writer value = writer_of(draft_);
    write(value);
    fits_ = fits_ && value.ok();
    const auto at = std::ranges::upper_bound(entries_, std::to_underlying(id), {}, &Entry::id);
    entries_.insert(at, {.id = std::to_underlying(id), .value = value.take_vector()});
  }

  Draft draft_;
  ParameterPlace place_;
  bool fits_ = true;
  std::vector<Entry> entries_;  ///< Sorted.
};

// --- The parameters of one message --------------------------------------------------------------

void write_fill(Writer& out, const Fill& fill, Draft draft) {
  ParameterWriter parameters(draft, ParameterPlace::fill);
  parameters.duration(Id::fill_timeout, fill.timeout);
  parameters.byte(Id::priority, fill.priority);
  parameters.filter(Id::filter, fill.filter);
  parameters.order(Id::group_order, fill.group_order);
  parameters.ranges(fill.ranges);
  parameters.finish(out);
}

Fill read_fill(Reader& in, Draft draft) {
  Parameters inner = Parameters::read(in, draft, ParameterPlace::fill);
  return {.timeout = inner.fill_timeout,
          .priority = inner.priority,
          .filter = inner.filter,
          .group_order = inner.group_order,
          .ranges = std::move(inner.ranges)};
}

/// A duration that means nothing when it is 0.
std::optional<Duration> unless_zero(Duration duration) {
  if (duration == Duration::zero()) return std::nullopt;
  return duration;
}

/// Reads the value of one parameter into its field; false for one that is not known.
bool read_known(Reader& reader, std::uint64_t id, Draft draft, Parameters& to,
                TrackProperties& track) {
  ValueReader in(reader, draft);
  if (is_range_filter(id)) {
    const auto of = static_cast<RangeFilter::Of>(id);
    to.ranges.push_back(in.nested([of](Reader& inner) { return read_range_filter(inner, of); }));
    return true;
  }
  switch (static_cast<Id>(id)) {
    case Id::delivery_timeout:
      to.delivery_timeout = unless_zero(in.duration());
      return true;
    case Id::token:
      if (to.tokens.size() == kMaxTokens) reader.fail(DecodeError::too_many);
      to.tokens.push_back(in.nested(Token::read));
      return true;
    case Id::rendezvous_timeout:
      (has_rendezvous_timeout(draft) ? to.rendezvous_timeout : track.max_cache_duration) =
          in.duration();
      return true;
    case Id::subgroup_delivery_timeout:
      to.subgroup_delivery_timeout = unless_zero(in.duration());
      return true;
    case Id::expires:
      to.expires = unless_zero(in.duration());
      return true;
    case Id::largest:
      to.largest = in.location();
      return true;
    case Id::fill_timeout:
      to.fill_timeout = in.duration();
      return true;
    case Id::publisher_priority:
      track.priority = in.byte();
      return true;
    case Id::forward:
      to.forward = in.boolean();
      return true;
    case Id::priority:
      to.priority = in.byte();
      return true;
    case Id::filter:
      to.filter = in.filter();
      return true;
    case Id::group_order:
      to.group_order = in.order();
      return true;
    case Id::fill:
      to.fill = in.nested([draft](Reader& inner) { return read_fill(inner, draft); });
      return true;
    case Id::dynamic_groups:
      track.dynamic_groups = in.boolean();
      return true;
    case Id::new_group_request:
      to.new_group_request = in.number();
      return true;
    case Id::namespace_prefix:
      to.namespace_prefix = read_namespace(reader, draft);
      return true;
    case Id::include_properties:
      to.include_properties = in.boolean();
      return true;
    default:
      return false;
  }
}

/// Reads parameters one after the other, and keeps what belongs to the message.
class ParameterReader {
 public:
  ParameterReader(Draft draft, ParameterPlace place) : draft_(draft), place_(place) {}

  void read(Reader& reader) {
    TypeReader types(draft_);
    for (std::uint64_t count = reader.count(kMaxParameters); count > 0 && reader.ok(); --count) {
      read_one(reader, types.read(reader));
    }
  }
  Parameters parameters;
  TrackProperties track;

 private:
  void read_one(Reader& reader, std::uint64_t id) {
    const Rule* rule = rule_of(id, draft_);
    const bool placed = rule != nullptr && (rule->places & bit_of(place_)) != 0;
    if (!placed && ignores_unknown_parameters(draft_)) {
      read_value(reader, id);
      return;
    }
    if (rule == nullptr) {
      reader.fail(DecodeError::unknown);
      return;
    }
    if (!placed && refuses_misplaced_parameters(draft_)) {
      reader.fail(DecodeError::out_of_range);
      return;
    }
    const bool repeats = id == std::to_underlying(Id::token) || is_range_filter(id);
    if (!repeats && seen_.test(id)) reader.fail(DecodeError::duplicate);
    if (!repeats) seen_.set(id);
    if (placed) {
      read_known(reader, id, draft_, parameters, track);
      return;
    }
    Parameters ignored;
    TrackProperties ignored_track;
    read_known(reader, id, draft_, ignored, ignored_track);
  }

  Draft draft_;
  ParameterPlace place_;
  /// Ids of rules, which are all small.
  std::bitset<64> seen_;
};

}  // namespace

Parameters Parameters::read(Reader& in, Draft draft, ParameterPlace place, TrackProperties* track) {
  ParameterReader reader(draft, place);
  reader.read(in);
  Parameters parameters = std::move(reader.parameters);
  if (track == nullptr || has_track_properties(draft)) return parameters;
  track->max_cache_duration = reader.track.max_cache_duration;
  track->priority = reader.track.priority;
  track->dynamic_groups = reader.track.dynamic_groups;
  if (!tells_of_track(place, draft)) return parameters;
  if (place == ParameterPlace::subscribe_ok) {
    track->delivery_timeout = std::exchange(parameters.delivery_timeout, std::nullopt);
  }
  // Draft 14 has the order as a field, which is read already.
  if (parameters.group_order) {
    track->group_order = std::exchange(parameters.group_order, std::nullopt);
  }
  return parameters;
}

void Parameters::write(Writer& out, Draft draft, ParameterPlace place,
                       const TrackProperties* track) const {
  ParameterWriter to(draft, place);
  const bool of_track = track != nullptr && tells_of_track(place, draft);
  const bool ok = of_track && place == ParameterPlace::subscribe_ok;
  to.positive_duration(Id::delivery_timeout, ok ? track->delivery_timeout : delivery_timeout);
  for (const Token& token : tokens) {
    to.nested(Id::token, [&](Writer& value) { token.write(value); });
  }
  if (has_rendezvous_timeout(draft)) to.duration(Id::rendezvous_timeout, rendezvous_timeout);
  to.positive_duration(Id::subgroup_delivery_timeout, subgroup_delivery_timeout);
  to.positive_duration(Id::expires, expires);
  to.location(Id::largest, largest);
  to.duration(Id::fill_timeout, fill_timeout);
  to.boolean(Id::forward, forward);
  to.byte(Id::priority, priority);
  to.filter(Id::filter, filter);
  to.order(Id::group_order, of_track ? track->group_order : group_order);
  if (fill) to.nested(Id::fill, [&](Writer& value) { write_fill(value, *fill, draft); });
  to.ranges(ranges);
  to.number(Id::new_group_request, new_group_request);
  to.name(Id::namespace_prefix, namespace_prefix);
  to.boolean(Id::include_properties, include_properties);
  if (track != nullptr && !has_track_properties(draft)) {
    to.duration(Id::max_cache_duration, track->max_cache_duration);
    to.byte(Id::publisher_priority, track->priority);
    to.boolean(Id::dynamic_groups, track->dynamic_groups);
  }
  to.finish(out);
}

}  // namespace moq::net::moqt

#include "moq/net/moqt/properties.h"

#include <algorithm>
#include <utility>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::uint64_t kDeliveryTimeout = 0x02;
constexpr std::uint64_t kMaxCacheDuration = 0x04;
/// From 18 the delivery timeout of subgroups; before, an object's timestamp.
constexpr std::uint64_t kSubgroupDeliveryTimeout = 0x06;
constexpr std::uint64_t kOldTimestamp = 0x06;
constexpr std::uint64_t kTimescale = 0x08;
constexpr std::uint64_t kImmutable = 0x0b;
constexpr std::uint64_t kPriority = 0x0e;
constexpr std::uint64_t kTimestamp = 0x10;
constexpr std::uint64_t kGroupOrder = 0x22;
constexpr std::uint64_t kDynamicGroups = 0x30;
constexpr std::uint64_t kPriorGroupGap = 0x3c;
constexpr std::uint64_t kPriorObjectGap = 0x3e;

/// Sets `field` to `value`, once.
template <typename T>
void set_once(Reader& in, std::optional<T>& field, T value) {
  if (field) in.fail(DecodeError::duplicate);
  field = value;
}

void read_track_property(Reader& in, TrackProperties& track, KeyValue pair, Draft draft) {
  const std::uint64_t number = pair.number;
  switch (pair.type) {
    case kDeliveryTimeout:
      set_once(in, track.delivery_timeout, from_ms(number));
      return;
    case kMaxCacheDuration:
      set_once(in, track.max_cache_duration, from_ms(number));
      return;
    case kTimescale:
      set_once(in, track.timescale, number);
      return;
    case kPriority:
      if (number > 255) in.fail(DecodeError::out_of_range);
      set_once(in, track.priority, static_cast<std::uint8_t>(number));
      return;
    case kGroupOrder:
      if (number != 1 && number != 2) in.fail(DecodeError::out_of_range);
      set_once(in, track.group_order, static_cast<GroupOrder>(number));
      return;
    case kDynamicGroups:
      if (number > 1) in.fail(DecodeError::out_of_range);
      set_once(in, track.dynamic_groups, number == 1);
      return;
    case kSubgroupDeliveryTimeout:
      if (has_subgroup_delivery_timeout(draft)) {
        set_once(in, track.subgroup_delivery_timeout, from_ms(number));
        return;
      }
      break;
    default:
      break;
  }
  track.others.push_back(std::move(pair));
}

void read_object_property(Reader& in, ObjectProperties& object, const KeyValue& pair) {
  switch (pair.type) {
    case kTimestamp:
      return set_once(in, object.timestamp, pair.number);
    case kTimescale:
      return set_once(in, object.timescale, pair.number);
    case kPriorGroupGap:
      return set_once(in, object.prior_group_gap, pair.number);
    case kPriorObjectGap:
      return set_once(in, object.prior_object_gap, pair.number);
    default:
      return;
  }
}

/// The number of the first pair of `type`, if there is one.
std::optional<std::uint64_t> find_number(const std::vector<KeyValue>& pairs, std::uint64_t type) {
  const auto found = std::ranges::find(pairs, type, &KeyValue::type);
  if (found == pairs.end()) return std::nullopt;
  return found->number;
}

/// Appends a pair for each field that is set.
class PairList {
 public:
  PairList& number(std::uint64_t type, std::optional<std::uint64_t> value) {
    if (value) pairs_.push_back({.type = type, .number = *value});
    return *this;
  }
  PairList& duration(std::uint64_t type, std::optional<Duration> value) {
    if (!value) return *this;
    return number(type, static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(*value), 0)));
  }
  PairList& all(const std::vector<KeyValue>& pairs) {
    pairs_.insert(pairs_.end(), pairs.begin(), pairs.end());
    return *this;
  }
  std::vector<KeyValue> take() { return std::move(pairs_); }

 private:
  std::vector<KeyValue> pairs_;
};

}  // namespace

std::optional<std::uint64_t> TrackProperties::unknown_mandatory(Draft draft) const {
  if (!has_mandatory_properties(draft)) return std::nullopt;
  for (const KeyValue& pair : others) {
    if (pair.type >= kFirstMandatoryProperty && pair.type <= kLastMandatoryProperty) {
      return pair.type;
    }
  }
  return std::nullopt;
}

TrackProperties TrackProperties::read(Reader& in, Draft draft) {
  TrackProperties track;
  if (!has_track_properties(draft)) return track;
  for (KeyValue& pair : read_pairs(in, draft, kMaxProperties)) {
    read_track_property(in, track, std::move(pair), draft);
  }
  return track;
}

void TrackProperties::write(Writer& out, Draft draft) const {
  if (!has_track_properties(draft)) return;
  PairList pairs;
  pairs.duration(kDeliveryTimeout, delivery_timeout)
      .duration(kMaxCacheDuration, max_cache_duration)
      .number(kTimescale, timescale)
      .number(kPriority, priority)
      .all(others);
  if (has_subgroup_delivery_timeout(draft)) {
    pairs.duration(kSubgroupDeliveryTimeout, subgroup_delivery_timeout);
  }
  if (group_order) pairs.number(kGroupOrder, std::to_underlying(*group_order));
  if (dynamic_groups) pairs.number(kDynamicGroups, *dynamic_groups ? 1 : 0);
  write_pairs(out, pairs.take(), draft);
}

Result<ObjectProperties, DecodeError> ObjectProperties::decode(ByteSpan bytes, Draft draft) {
  Reader in = reader_of(bytes, draft);
  const std::vector<KeyValue> pairs = read_pairs(in, draft, kMaxProperties);
  ObjectProperties object;
  ObjectProperties immutable;
  for (const KeyValue& pair : pairs) {
    read_object_property(in, object, pair);
    if (pair.type != kImmutable) continue;
    // A list in itself, of what no relay may change.
    Reader inner = reader_of(as_bytes(pair.bytes), draft);
    for (const KeyValue& fixed : read_pairs(inner, draft, kMaxProperties)) {
      read_object_property(inner, immutable, fixed);
    }
    if (!inner.ok()) in.fail(inner.error());
  }
  if (!object.timestamp) object.timestamp = immutable.timestamp;
  if (!object.timescale) object.timescale = immutable.timescale;
  if (!object.timestamp && has_old_timestamp(draft)) {
    object.timestamp = find_number(pairs, kOldTimestamp);
  }
  return in.finish(object);
}

void ObjectProperties::write(Writer& out, Draft draft) const {
  PairList pairs;
  pairs.number(kTimescale, timescale)
      .number(kTimestamp, timestamp)
      .number(kPriorGroupGap, prior_group_gap)
      .number(kPriorObjectGap, prior_object_gap);
  write_pairs(out, pairs.take(), draft);
}

}  // namespace moq::net::moqt

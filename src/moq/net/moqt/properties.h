#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/key_value.h"

/// Properties of tracks and objects; drafts before 17 call them extensions.
/// draft-ietf-moq-transport-21, Properties; draft-ietf-moq-loc.
namespace moq::net::moqt {

enum class GroupOrder : std::uint8_t { ascending = 1, descending = 2 };

/// Lower is more urgent, unlike in the model.
inline constexpr std::uint8_t kDefaultPriority = 128;
/// The model's priority, where higher is sooner, as Rust peers map it; its own inverse.
constexpr std::uint8_t flip_priority(std::uint8_t priority) {
  return static_cast<std::uint8_t>(255 - priority);
}

/// Types from here to `kLastMandatoryProperty` must be understood by who reads the track. From 18.
inline constexpr std::uint64_t kFirstMandatoryProperty = 0x4000;
inline constexpr std::uint64_t kLastMandatoryProperty = 0x7fff;

/// What a publisher tells of a track. 14 and 15 have some of it as parameters or fields; what a
/// draft has no place for is left out.
struct TrackProperties {
  std::optional<Duration> delivery_timeout;           ///< Of objects.
  std::optional<Duration> max_cache_duration;         ///< None = for good.
  std::optional<Duration> subgroup_delivery_timeout;  ///< From 18.
  std::optional<std::uint64_t> timescale;             ///< Units per second of `timestamp`. From 16.
  std::optional<std::uint8_t> priority;               ///< From 15. None = `kDefaultPriority`.
  std::optional<GroupOrder> group_order;              ///< None = ascending.
  std::optional<bool> dynamic_groups;                 ///< From 15. None = false.
  /// Types that are not known here, sorted. From 16.
  std::vector<KeyValue> others;

  /// A type among `others` that must be understood to use the track; none = the track is usable.
  [[nodiscard]] std::optional<std::uint64_t> unknown_mandatory(Draft draft) const;
  [[nodiscard]] bool empty() const { return *this == TrackProperties{}; }

  /// Reads up to the end of `in`; nothing before 16. Fails with `duplicate`, and `out_of_range`.
  static TrackProperties read(Reader& in, Draft draft);
  void write(Writer& out, Draft draft) const;
  bool operator==(const TrackProperties&) const = default;
};

/// What a publisher tells of an object.
struct ObjectProperties {
  std::optional<std::uint64_t> timestamp;  ///< Of `timescale`, or of the track's.
  std::optional<std::uint64_t> timescale;  ///< Of this object's timestamp, in units per second.
  std::optional<std::uint64_t> prior_group_gap;   ///< So many groups before this do not exist.
  std::optional<std::uint64_t> prior_object_gap;  ///< So many objects before this do not exist.

  [[nodiscard]] bool empty() const { return *this == ObjectProperties{}; }

  /// Decodes the properties without the length before them; others are passed over. Fails with
  /// `duplicate`, `too_many`, and where the pairs do not end at the end.
  static Result<ObjectProperties, DecodeError> decode(ByteSpan bytes, Draft draft);
  /// Appends the properties without a length.
  void write(Writer& out, Draft draft) const;
  bool operator==(const ObjectProperties&) const = default;
};

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/location.h"
#include "moq/net/moqt/name.h"
#include "moq/net/moqt/properties.h"
#include "moq/net/moqt/token.h"

/// Message parameters. draft-ietf-moq-transport-21, Message Parameters.
namespace moq::net::moqt {

/// The messages that have parameters, by which of them they may have.
enum class ParameterPlace : std::uint8_t {
  subscribe,
  subscribe_ok,
  publish,
  fetch,
  fetch_ok,
  track_status,
  publish_namespace,
  subscribe_namespace,
  subscribe_tracks,
  update,      ///< REQUEST_UPDATE of any request.
  request_ok,  ///< REQUEST_OK to any request, and PUBLISH_OK.
  state_notify,
  fill,  ///< Inside FILL_PARAMETERS.
};

/// A filter by ranges of something. From 19, and only for peers whose SETUP allows some.
struct RangeFilter {
  enum class Of : std::uint8_t {
    subgroup = 0x25,
    object_id = 0x26,
    priority = 0x27,
    object_property = 0x28,
    track_property = 0x29,
  };
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  ///< Inclusive.
    bool operator==(const Range&) const = default;
  };

  Of of = Of::subgroup;
  std::uint8_t set = 0;
  std::uint64_t property = 0;  ///< The type, of the last two kinds.
  std::vector<Range> ranges;   ///< Ascending.
  bool operator==(const RangeFilter&) const = default;
};

/// What to send of the past, beside what a subscription sends from now on. From 20. What is missing
/// is as in the subscription.
struct Fill {
  std::optional<Duration> timeout;
  std::optional<std::uint8_t> priority;
  std::optional<LocationFilter> filter;
  std::optional<GroupOrder> group_order;
  std::vector<RangeFilter> ranges;
  bool operator==(const Fill&) const = default;
};

/// What a message may carry beside its own fields; draft 14 has some of it as fields. Missing ones
/// have the default named here, or in an update stay as they are. A message writes those that it
/// has in its draft, and leaves out the others.
struct Parameters {
  std::optional<Duration> delivery_timeout;  ///< Of objects. Never send 0.
  std::vector<Token> tokens;
  std::optional<Duration> rendezvous_timeout;         ///< How long to wait for the track. From 17.
  std::optional<Duration> subgroup_delivery_timeout;  ///< From 18.
  std::optional<Duration> expires;  ///< Of the subscription; none = never. 14: SUBSCRIBE_OK alone.
  std::optional<Location> largest;  ///< The track's largest object; none = there is none yet.
  std::optional<Duration> fill_timeout;   ///< FETCH. From 18.
  std::optional<bool> forward;            ///< Whether to send objects; none = yes.
  std::optional<std::uint8_t> priority;   ///< The subscriber's; none = `kDefaultPriority`.
  std::optional<LocationFilter> filter;   ///< None = all there is; in 14 the next object.
  std::optional<GroupOrder> group_order;  ///< None = as the publisher has it.
  std::optional<Fill> fill;
  std::vector<RangeFilter> ranges;
  std::optional<std::uint64_t> new_group_request;  ///< From 15: the largest group + 1; 0 = none.
  /// REQUEST_UPDATE. From 18. Better not sent before 22: not all peers read it as we write it.
  std::optional<TrackNamespace> namespace_prefix;
  std::optional<bool> include_properties;  ///< None = yes. From 20.

  bool operator==(const Parameters&) const = default;

  /// Reads the count and the parameters. Those that belong to the track in 14 and 15 go to `track`.
  /// Fails with `duplicate`, `unknown` (from 16) and, for one in the wrong place, `out_of_range`
  /// (from 20).
  static Parameters read(Reader& in, Draft draft, ParameterPlace place,
                         TrackProperties* track = nullptr);
  void write(Writer& out, Draft draft, ParameterPlace place,
             const TrackProperties* track = nullptr) const;
};

}  // namespace moq::net::moqt

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"

/// Places in a track, and ranges of them.
namespace moq::net::moqt {

/// A place in a track.
struct Location {
  std::uint64_t group = 0;
  std::uint64_t object = 0;

  static Location read(Reader& in);
  void write(Writer& out) const;
  auto operator<=>(const Location&) const = default;
};

/// Where a range ends: the last object of it.
struct RangeEnd {
  std::uint64_t group = 0;
  std::optional<std::uint64_t> object;  ///< Inclusive; none = all of the group.

  bool operator==(const RangeEnd&) const = default;
};

/// Which part of a track is meant; the same for all drafts.
/// draft-ietf-moq-transport-21, Location Filter.
struct LocationFilter {
  enum class Kind : std::uint8_t {
    unfiltered,   ///< All of it, also the past. Up to 19 said by no filter at all.
    next_object,  ///< From the object after the largest one. Up to 19 called Largest Object.
    relative,     ///< From object 0 of the group `groups_back` before the next one.
    absolute,     ///< From `start`, up to `end`.
  };

  Kind kind = Kind::unfiltered;
  std::uint64_t groups_back = 0;  ///< `relative`: 0 = the next group, 1 = the current one, ...
  Location start;                 ///< `absolute`.
  std::optional<RangeEnd> end;    ///< `absolute`: none = open.

  static LocationFilter next_object() { return {.kind = Kind::next_object}; }
  static LocationFilter relative(std::uint64_t back) {
    return {.kind = Kind::relative, .groups_back = back};
  }
  static LocationFilter from(Location first, std::optional<RangeEnd> last = std::nullopt) {
    return {.kind = Kind::absolute, .start = first, .end = last};
  }

  /// Whether `end` comes before `start`: what a peer may send, and is refused with `invalid_range`.
  [[nodiscard]] bool is_reversed() const;

  /// Reads the filter with the length that precedes it in `counted` form; in the other forms what
  /// encloses the filter tells where it ends. Fails with `unknown` for another type, and with
  /// `out_of_range` for an end beyond 64 bits.
  static LocationFilter read(Reader& in, Draft draft);
  /// What a draft cannot say becomes the next best: up to 19 `relative` (but 0) and `unfiltered`
  /// become `next_object`, and a range ends with its last group; in 20 and 21 all from {0, 0} on is
  /// `unfiltered`.
  void write(Writer& out, Draft draft) const;
  bool operator==(const LocationFilter&) const = default;
};

/// The end of a FETCH or FETCH_OK, in the form that `draft` has for it.
RangeEnd read_fetch_end(Reader& in, Draft draft);
/// From 20 an unknown last object is written as the greatest there is.
void write_fetch_end(Writer& out, const RangeEnd& end, Draft draft);

}  // namespace moq::net::moqt

#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/path.h"

/// Names of tracks. draft-ietf-moq-transport-21, Track Naming.
namespace moq::net::moqt {

/// A namespace, or a prefix or suffix of one: its fields, any bytes.
struct TrackNamespace {
  std::vector<std::string> fields;

  /// Of all fields together.
  [[nodiscard]] std::size_t size_bytes() const;
  auto operator<=>(const TrackNamespace&) const = default;
};

/// A namespace and the name of a track in it.
struct FullTrackName {
  TrackNamespace track_namespace;
  std::string name;  ///< Any bytes; may be empty.

  auto operator<=>(const FullTrackName&) const = default;
};

/// Reads a namespace, or a part of one. None of its fields may be empty, except in 14. No field at
/// all is always accepted: up to 16 the drafts have at least one, but Rust peers publish their
/// root. Fails with `too_many` fields, `too_long` together, and `out_of_range` for an empty field.
TrackNamespace read_namespace(Reader& in, Draft draft);
void write_namespace(Writer& out, const TrackNamespace& name);
/// Fails as `read_namespace`, and with `too_long` where namespace and name are so together.
FullTrackName read_full_name(Reader& in, Draft draft);
void write_full_name(Writer& out, const FullTrackName& name);

/// The broadcast path that a namespace stands for, as Rust peers map it: fields joined by '/', with
/// a backslash before each '/' and '\' of a field. Fails with `bad_utf8`, and with `out_of_range`
/// for an empty field, which no path has.
Result<Path, DecodeError> to_path(const TrackNamespace& name);
/// The namespace of a path; the inverse of `to_path`. A backslash at the end of a field stands for
/// itself.
TrackNamespace from_path(const Path& path);

/// "live-cam--video", as the drafts write names in logs.
std::string describe(const FullTrackName& name);
std::string describe(const TrackNamespace& name);

}  // namespace moq::net::moqt

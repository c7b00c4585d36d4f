#pragma once

#include <memory>
#include <optional>

#include "moq/capi/internal/call.h"
#include "moq/capi/internal/guarded.h"
#include "moq/capi/internal/renditions.h"
#include "moq/net/origin.h"

namespace moq::capi {

/// How a broadcast is reached: where it was made, and how it is announced just now.
struct Presence {
  net::origin::Producer origin;
  net::Path path;
  std::optional<net::origin::Announcement> announcement;
};

/// The object of a broadcast handle. Each part has its own lock; they are never held together.
struct Broadcast {
  Broadcast(net::broadcast::Producer tracks, hang::SharedCatalog shared,
            std::optional<Presence> where)
      : producer(std::move(tracks)), catalog(std::move(shared)), presence(std::move(where)) {}

  Guarded<net::broadcast::Producer> producer;
  hang::SharedCatalog catalog;
  OwnRenditions renditions;
  /// None for a broadcast that belongs to no origin.
  Guarded<std::optional<Presence>> presence;
};

/// The object of a raw track's handle.
struct Track {
  Track(net::track::Producer shared, std::uint64_t scale)
      : producer(std::move(shared)), timescale(scale) {}
  Guarded<net::track::Producer> producer;
  const std::uint64_t timescale;
};

/// The object of a group's handle.
struct Group {
  Group(net::group::Producer shared, std::uint64_t scale)
      : producer(std::move(shared)), timescale(scale) {}
  Guarded<net::group::Producer> producer;
  const std::uint64_t timescale;
};

}  // namespace moq::capi

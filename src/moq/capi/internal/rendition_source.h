#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/capi/internal/consume.h"
#include "moq/mux/track_reader.h"

namespace moq::capi {

using MediaKind = mux::mp4::Track::Kind;

/// A rendition of a catalog on its way to a reader: where its track is, and how to take its frames
/// out of their container.
struct RenditionSource {
  net::broadcast::Consumer broadcast;
  std::string name;
  MediaKind kind = MediaKind::video;
  mux::FrameDecoder decoder;

  /// The frames, with `max_latency` as patience. On the library's thread; both arguments must
  /// outlive the reader.
  [[nodiscard]] mux::TrackReader read(kio::Clock& clock, mux::EventQueue& events,
                                      Duration max_latency) const;
};

/// The `index`-th rendition of a snapshot, in the order of the names. Fails with -19 if there are
/// fewer, -29 for a container that we do not know, -41 if the broadcast that has it is not there.
std::optional<RenditionSource> find_rendition(Call& call, const CatalogSnapshot* snapshot,
                                              MediaKind kind, std::uint32_t index);

}  // namespace moq::capi

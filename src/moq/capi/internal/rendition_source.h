#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/capi/internal/consume.h"
#include "moq/mux/track_reader.h"

namespace moq::capi {

using MediaKind = mux::mp4::Track::Kind;

/// Where a task begins to read, and how long it waits for what is missing.
struct ReadStart {
  Duration max_latency{};
  bool at_newest = false;  ///< Not with what is cached of older groups.
};

/// A rendition of a catalog on its way to a reader: where its track is, and how to take its frames
/// out of their container.
struct RenditionSource {
  net::broadcast::Consumer broadcast;
  std::string name;
  MediaKind kind = MediaKind::video;
  mux::FrameDecoder decoder;

  /// The frames. On the library's thread; `clock` and `events` must outlive the reader.
  [[nodiscard]] mux::TrackReader read(kio::Clock& clock, mux::EventQueue& events,
                                      const ReadStart& start) const;
};

/// The `index`-th rendition of a snapshot, in the order of the names. Fails with -19 if there are
/// fewer, -29 for a container that we do not know, -41 if the broadcast that has it is not there.
std::optional<RenditionSource> find_rendition(Call& call, const CatalogSnapshot* snapshot,
                                              MediaKind kind, std::uint32_t index);

}  // namespace moq::capi

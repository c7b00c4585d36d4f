#pragma once

#include <memory>
#include <variant>

#include "moq/capi/internal/broadcast.h"
#include "moq/mux/importer.h"
#include "moq/mux/media_track.h"

namespace moq::capi {

/// The object of a media handle: a codec track, or a container with what it holds.
struct Media {
  using Writer = std::variant<mux::MediaTrack, mux::Importer>;
  Media(std::shared_ptr<Broadcast> owner, Writer shared)
      : broadcast(std::move(owner)), writer(std::move(shared)) {}

  const std::shared_ptr<Broadcast> broadcast;  ///< Before the writer, which ends in its catalog.
  Guarded<Writer> writer;
};

/// The object of a container handle of its own family.
struct ContainerImport {
  ContainerImport(std::shared_ptr<Broadcast> owner, mux::Importer shared)
      : broadcast(std::move(owner)), importer(std::move(shared)) {}

  const std::shared_ptr<Broadcast> broadcast;
  Guarded<mux::Importer> importer;
};

/// A container of `broadcast`, fed with its leading bytes.
Result<mux::Importer> open_container(Broadcast& broadcast, const mux::Importer::Options& options,
                                     ByteSpan init);

/// What the structures of the C API say of a track to be.
std::optional<mux::MediaTrack::Options> read_init(Call& call, const moq_audio_init* config);
std::optional<mux::MediaTrack::Options> read_init(Call& call, const moq_video_init* config);

}  // namespace moq::capi

#include "moq/capi/internal/decode.h"

namespace moq::capi {

mux::TrackReader start_reading(const RenditionSource& source, kio::Clock& clock,
                               mux::EventQueue& events, const DecodeStart& start) {
  const std::uint8_t priority =
      source.kind == MediaKind::video ? hang::kVideoPriority : hang::kAudioPriority;
  net::track::Subscription wanted{.priority = priority, .max_age = start.max_latency};
  auto track = source.broadcast.subscribe(source.name, wanted);
  if (start.at_newest) {
    wanted.start = track.latest();
    track.update(wanted);
  }
  return {clock, events, std::move(track), source.decoder,
          mux::TrackReader::Options{.max_latency = start.max_latency, .priority = priority}};
}

}  // namespace moq::capi

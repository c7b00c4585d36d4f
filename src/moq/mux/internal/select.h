#pragma once

#include <optional>
#include <string>

#include "moq/hang/catalog.h"
#include "moq/mux/exporter.h"
#include "moq/mux/mp4/movie.h"

namespace moq::mux {

/// One rendition of a catalog, video or audio.
struct Rendition {
  std::string name;
  mp4::Track::Kind kind = mp4::Track::Kind::video;
  std::string codec;
  Bytes description;  ///< Empty: in the stream.
  hang::Container container;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::optional<std::uint64_t> bitrate;
  std::optional<double> framerate;
  bool stalled = false;

  /// Whether what is read for one can be read on for the other: not so if a publisher came back
  /// with another track or configuration. A configuration in the stream may change there.
  [[nodiscard]] bool same_media(const Rendition& other) const;
};

/// The best rendition that the exporter's format can carry and its options allow: one that is not
/// stalled, then the largest picture, then the highest bitrate. None if there is none.
std::optional<Rendition> pick_video(const hang::Catalog& catalog, const Exporter::Options& options);
/// None for a format without audio.
std::optional<Rendition> pick_audio(const hang::Catalog& catalog, const Exporter::Options& options);

}  // namespace moq::mux

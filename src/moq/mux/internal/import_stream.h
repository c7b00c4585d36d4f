#pragma once

#include <memory>

#include "moq/hang/catalog_track.h"
#include "moq/mux/importer.h"
#include "moq/mux/track_writer.h"

namespace moq::mux {

/// What all importers share.
struct ImportContext {
  net::broadcast::Producer broadcast;
  hang::CatalogProducer catalog;
  kio::Clock* clock;
  Importer::Options options;
  EventQueue events;
  Progress progress;

  /// Creates a media track under the first free name `N.suffix`.
  Result<TrackWriter> create_track(std::string_view suffix, bool is_video, std::uint64_t timescale);
  /// Counts a frame that was published.
  void count(bool counts_as_frame, std::size_t bytes, std::uint64_t media_us);
};

class Importer::Stream {
 public:
  virtual ~Stream() = default;
  virtual Result<void> push(const Bytes& data) = 0;
  /// Publishes what is left, and ends the tracks.
  virtual Result<void> finish() = 0;
  virtual void abort(const Error& error) = 0;
};

/// `context` must outlive the stream.
std::unique_ptr<Importer::Stream> make_fmp4_stream(ImportContext& context);
std::unique_ptr<Importer::Stream> make_avc3_stream(ImportContext& context);

}  // namespace moq::mux

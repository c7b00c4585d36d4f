#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moq/hang/shared_catalog.h"
#include "moq/mux/importer.h"
#include "moq/mux/track_writer.h"

namespace moq::mux {

/// Creates a media track under the first name `N` + `suffix` that is neither written nor listed.
Result<net::track::Producer> create_numbered_track(net::broadcast::Producer& broadcast,
                                                   const hang::SharedCatalog& catalog,
                                                   std::string_view suffix,
                                                   const net::track::Info& info);

/// What all importers share.
struct ImportContext {
  net::broadcast::Producer broadcast;
  hang::SharedCatalog catalog;
  kio::Clock* clock;
  Importer::Options options;
  EventQueue events;
  Progress progress;
  std::vector<std::string> names;  ///< Of the tracks that were created.

  /// Creates a media track under the first free name `N.suffix`.
  Result<TrackWriter> create_track(std::string_view suffix, bool is_video, std::uint64_t timescale);
  /// Counts a frame that was published.
  void count(bool counts_as_frame, std::size_t bytes, std::uint64_t media_us);
};

class Importer::Stream {
 public:
  virtual ~Stream() = default;
  virtual Result<void> push(const Bytes& data) = 0;
  /// As those of the importer.
  virtual void cut() = 0;
  virtual Result<void> seek(std::uint64_t sequence) = 0;
  /// Publishes what is left, and ends the tracks.
  virtual Result<void> finish() = 0;
  virtual void abort(const Error& error) = 0;
};

/// `context` must outlive the stream.
std::unique_ptr<Importer::Stream> make_fmp4_stream(ImportContext& context);
std::unique_ptr<Importer::Stream> make_avc3_stream(ImportContext& context);
/// For all other containers.
std::unique_ptr<Importer::Stream> make_demux_stream(ImportContext& context);

}  // namespace moq::mux

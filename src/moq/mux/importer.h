#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "moq/hang/shared_catalog.h"
#include "moq/kio/clock.h"
#include "moq/mux/events.h"
#include "moq/net/broadcast.h"

namespace moq::mux {

/// Turns a byte stream into the tracks and the catalog of a broadcast.
///
/// Fragmented MP4 becomes a track for each of its own, `0.m4s` and so on, in the cmaf container.
/// The tracks of other containers, `0.avc1` and so on, are in the legacy container, and so is an
/// Annex-B stream, `0.avc3`. Video groups begin at key frames, audio groups with them, or each
/// second.
class Importer {
 public:
  enum class Format : std::uint8_t {
    fmp4,  ///< Fragmented MP4.
    avc3,  ///< H.264 in Annex-B.
    ts,    ///< MPEG-2 transport stream, packets of 188 or 192 bytes.
    flv,   ///< Flash Video.
    mkv,   ///< Matroska or WebM.
  };
  /// The container of that name (`cmaf`, `m2ts`, `webm`, ...; case counts); none if there is none.
  static std::optional<Format> parse_container(std::string_view name);

  enum class AudioGroups : std::uint8_t {
    with_video,  ///< A group lasts until one of video begins, or for a second.
    each_frame,  ///< A group is one frame, of fMP4 one fragment.
  };
  struct Options {
    Format format = Format::fmp4;
    AudioGroups audio_groups = AudioGroups::with_video;
    Duration max_age = 30s;  ///< How long relays keep a group that is not the newest.
    /// The catalogs to write; without effect on a catalog that has other writers.
    hang::CatalogTracks catalogs = hang::CatalogTracks::all;
  };

  /// Creates the catalog tracks, whose last catalog stays readable. `clock` stamps what has no
  /// times of its own (Annex-B) and must outlive the importer; `broadcast` must too, or nobody
  /// finds the tracks.
  static Result<Importer> create(const net::broadcast::Producer& broadcast, kio::Clock& clock,
                                 const Options& options);
  /// Writes to a catalog that has other writers, too. The importer's tracks leave it with their
  /// end.
  static Importer create(const net::broadcast::Producer& broadcast, hang::SharedCatalog catalog,
                         kio::Clock& clock, const Options& options);
  Importer(Importer&&) noexcept;
  Importer& operator=(Importer&&) noexcept;
  /// Aborts the tracks unless they were finished.
  ~Importer();

  /// Takes the next piece of the stream, of any size. After an error the stream is of no use; what
  /// came before it is published.
  Result<void> push(const Bytes& data);
  /// Begins a new group on every track with what is pushed next: of audio at once, of video with
  /// its next key frame, as ever. From here on, audio groups do not end by their length.
  void cut();
  /// The same, and the new groups get that number. Fails with `invalid_argument` unless it is above
  /// all earlier ones and at most 2^62-1.
  Result<void> seek(std::uint64_t sequence);
  /// Publishes what is left and ends the tracks. Fails if the stream ended before any track began,
  /// or within a box: then what came before is published.
  Result<void> finish() &&;
  /// Ends the tracks with an error for their readers.
  void abort(const Error& error) &&;

  /// What happened since the last call, one by one; also after `finish()`.
  std::optional<Event> next_event();
  [[nodiscard]] const Progress& progress() const;

  /// One format's half. For `importer.cc`.
  class Stream;

 private:
  struct State;
  explicit Importer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moq::mux

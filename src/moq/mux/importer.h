#pragma once

#include <memory>

#include "moq/hang/shared_catalog.h"
#include "moq/kio/clock.h"
#include "moq/mux/events.h"
#include "moq/net/broadcast.h"

namespace moq::mux {

/// Turns a byte stream into the tracks and the catalog of a broadcast.
///
/// Fragmented MP4 becomes a track for each of its own, `0.m4s` and so on, in the cmaf container; an
/// Annex-B stream becomes `0.avc3` in the legacy container. Video groups begin at key frames, audio
/// groups with them, or each second.
class Importer {
 public:
  enum class Format : std::uint8_t { fmp4, avc3 };
  struct Options {
    Format format = Format::fmp4;
    Duration max_age = 30s;  ///< How long relays keep a group that is not the newest.
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

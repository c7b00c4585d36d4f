#pragma once

#include <memory>
#include <optional>
#include <string>

#include "moq/hang/catalog.h"
#include "moq/kio/clock.h"
#include "moq/mux/events.h"
#include "moq/net/broadcast.h"

namespace moq::mux {

/// Turns a broadcast into one byte stream: its best video and its best audio rendition, from the
/// first key frame on.
///
/// As fragmented MP4: an init segment, then fragments of one track each. As H.264: Annex-B with the
/// parameter sets before each key frame, video alone. Changes of the route are not seen; when the
/// broadcast started over, `replace` goes on with the new one in the same stream.
class Exporter {
 public:
  enum class Format : std::uint8_t { fmp4, h264 };
  struct Options {
    Format format = Format::fmp4;
    /// How long to wait for a group that is missing or slow before it is skipped.
    Duration max_latency = 500ms;
    /// fMP4: the longest fragment. Zero: one a frame, as it comes. None: one a video group.
    std::optional<Duration> fragment_duration = Duration::zero();
    /// fMP4: how long a broadcast that lists pictures alone, or sound, may take to list the other.
    /// The output begins with all of its tracks: one that comes later costs a second init segment,
    /// which many readers of files do not take. What comes meanwhile is held, and the wait is over
    /// early once that is much.
    Duration max_tracks_wait = 1s;
    hang::CatalogFormat catalog_format = hang::CatalogFormat::hang;
    std::optional<std::string> video_name;  ///< This rendition; default the best.
    std::optional<std::string> audio_name;
    std::optional<std::string> video_codec;  ///< What its codec string must start with.
    std::optional<std::string> audio_codec;
  };

  /// `clock` must outlive the exporter.
  Exporter(kio::Clock& clock, net::broadcast::Consumer broadcast, Options options);
  Exporter(Exporter&&) noexcept;
  Exporter& operator=(Exporter&&) noexcept;
  ~Exporter();

  /// The next bytes; none when the broadcast has ended. Tracks that fail are asked for again as
  /// long as the broadcast lives. Fails once nothing more can come: with the broadcast's error, or
  /// `unsupported` if it has no rendition that this format can carry.
  kio::Poll<Result<std::optional<Bytes>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }
  /// Goes on with another broadcast. Its times are continued if they start over.
  void replace(net::broadcast::Consumer broadcast);

  /// What happened since the last call, one by one.
  std::optional<Event> next_event();
  [[nodiscard]] const Progress& progress() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moq::mux

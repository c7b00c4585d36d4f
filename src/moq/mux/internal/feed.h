#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "moq/mux/internal/shaper.h"
#include "moq/mux/track_reader.h"
#include "moq/net/broadcast.h"

namespace moq::mux {

/// What a feed may hold before the output begins: a second of most broadcasts, and of 64 Mbit/s.
inline constexpr std::size_t kMaxPendingSamples = 256;
inline constexpr std::size_t kMaxPendingBytes = std::size_t{8} << 20;

/// One rendition on its way into an exporter: subscribed, put in order, shaped; subscribed again
/// when its track fails.
class Feed {
 public:
  /// `clock` and `events` must outlive the feed. Fails if the rendition cannot be carried.
  static Result<Feed> create(kio::Clock& clock, EventQueue& events, const Rendition& rendition,
                             const Exporter::Options& options);

  [[nodiscard]] const Rendition& rendition() const { return rendition_; }
  [[nodiscard]] const Shaper& shaper() const { return *shaper_; }
  [[nodiscard]] bool is_video() const { return rendition_.kind == mp4::Track::Kind::video; }
  /// The next sample to write; none while nothing has come.
  [[nodiscard]] const std::optional<mp4::Sample>& pending() const { return pending_; }
  mp4::Sample take() { return *std::exchange(pending_, std::nullopt); }
  /// No more will come: the track ended.
  [[nodiscard]] bool ended() const { return ended_ && !pending_ && held_.empty(); }
  /// The track failed, and is asked for again after a while.
  [[nodiscard]] bool failed() const { return retry_->deadline().has_value(); }

  /// Fills `pending()` if it is empty.
  void poll(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter);
  /// Fills `pending()`, and takes in all else that there is, until it `is_full()`. What is held is
  /// shaped in its turn, so that the shaper's track is always that of `pending()`.
  void hold(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter);
  /// Whether it holds `kMaxPendingSamples`, or `kMaxPendingBytes` but for the last sample.
  [[nodiscard]] bool is_full() const {
    return held_.size() + (pending_ ? 1 : 0) >= kMaxPendingSamples ||
           held_bytes_ >= kMaxPendingBytes;
  }
  /// Lets go of the track and of what was read of it, for another broadcast.
  void detach();

 private:
  Feed(kio::Clock& clock, EventQueue& events, Rendition rendition, FrameDecoder decoder,
       std::unique_ptr<Shaper> shaper, Duration max_latency);
  bool read(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter);
  void subscribe(const net::broadcast::Consumer& broadcast);
  /// A sample as it was read.
  struct Held {
    ReadSample read;
    bool after_failure = false;  ///< The track failed between it and the one before.
  };
  void take_in(ReadSample read);
  void shape(Held held);
  void fail(const Error& error);

  kio::Clock* clock_;
  EventQueue* events_;
  Rendition rendition_;
  FrameDecoder decoder_;
  std::unique_ptr<Shaper> shaper_;
  Duration max_latency_;
  std::unique_ptr<kio::Timer> retry_;  ///< Set while the track is not asked for.
  std::optional<TrackReader> reader_;
  std::optional<std::uint64_t> next_group_;  ///< Groups below were delivered.
  bool failed_since_ = false;                ///< Since the last sample was read.
  std::optional<mp4::Sample> pending_;
  std::deque<Held> held_;  ///< Behind `pending_`.
  std::size_t held_bytes_ = 0;
  bool in_step_ = false;  ///< A key frame came, and nothing that follows it was lost since.
  bool ended_ = false;
};

}  // namespace moq::mux

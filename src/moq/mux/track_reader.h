#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "moq/hang/catalog.h"
#include "moq/kio/clock.h"
#include "moq/mux/events.h"
#include "moq/mux/mp4/fragment.h"
#include "moq/net/track.h"

namespace moq::mux {

/// Takes the frames of one rendition out of their container.
class FrameDecoder {
 public:
  /// Fails with `unsupported` for a container that we do not know, or what is wrong with an init
  /// segment.
  static Result<FrameDecoder> create(const hang::Container& container, mp4::Track::Kind kind);

  /// The samples in a frame, in decode order; none in a mark. `first`: it begins its group.
  [[nodiscard]] Result<std::vector<mp4::Sample>> decode(const Bytes& frame, bool first) const;
  /// Units of the samples' times per second.
  [[nodiscard]] std::uint64_t timescale() const;
  /// False if the container has presentation times alone: then `dts` is that time.
  [[nodiscard]] bool has_decode_times() const { return track_.has_value(); }
  /// The track in the init segment, for cmaf.
  [[nodiscard]] const std::optional<mp4::Track>& track() const { return track_; }

 private:
  hang::Container::Kind container_ = hang::Container::Kind::legacy;
  mp4::Track::Kind kind_ = mp4::Track::Kind::video;
  std::optional<mp4::Track> track_;
};

/// A sample with where it came from.
struct ReadSample {
  std::uint64_t group = 0;
  bool begins_group = false;
  mp4::Sample sample;
};

/// Groups that a reader holds while it waits for an older one. At a group per audio frame of 20 ms
/// that is 5 s, more than any reader waits.
inline constexpr std::size_t kMaxHeldGroups = 256;
/// Payload taken out of groups ahead of their turn; the rest stays with the track, which has limits
/// of its own.
inline constexpr std::uint64_t kMaxHeldBytes = 64 << 20;

/// Reads a media track: groups in the order of their numbers, the samples of each in decode order.
/// A group that is missing or stalls is waited for, but no longer than `max_latency`, neither by
/// the clock nor by the times of what came after it; then it is skipped. Groups that have passed
/// never come again, also over changes of the route.
class TrackReader {
 public:
  struct Options {
    Duration max_latency = 500ms;
    std::uint8_t priority = 0;
  };
  /// `clock` and `events` must outlive the reader.
  TrackReader(kio::Clock& clock, EventQueue& events, net::track::Consumer track,
              FrameDecoder decoder, const Options& options);
  TrackReader(TrackReader&&) noexcept;
  TrackReader& operator=(TrackReader&&) noexcept;
  ~TrackReader();

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const FrameDecoder& decoder() const;
  /// The next sample; none after the end of the track. Fails with the track's error; a group that
  /// fails, or does not decode, is skipped.
  kio::Poll<Result<std::optional<ReadSample>>> poll_next(const kio::Waiter& waiter);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moq::mux

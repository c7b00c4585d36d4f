#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "moq/base/bytes.h"
#include "moq/hang/catalog.h"
#include "moq/hang/flate.h"
#include "moq/net/limits.h"
#include "moq/net/track.h"

/// Payloads of the application as a track, whatever they are: the newest one, or all of them.
namespace moq::hang::binary {

/// A stream is one group, so it holds what a group may: what peers accept. There is no way to go on
/// in another group; who has more to say starts another track.
inline constexpr std::size_t kMaxStreamFrames = net::kMaxGroupFrames;
inline constexpr std::size_t kMaxStreamBytes = net::kMaxGroupBytes;

enum class Mode : std::uint8_t {
  snapshot,  ///< A group with one frame for each payload; the newest counts.
  stream,    ///< One group for the track, a frame for each payload; all of them count.
};

struct Options {
  Mode mode = Mode::snapshot;
  bool compressed = false;  ///< Frames go through `flate`.
};

/// What the catalog says of such a track: its mode and its compression.
DataTrack describe(const Options& options);

/// Writes the track.
class Producer {
 public:
  Producer(net::track::Producer track, const Options& options);

  /// Publishes `payload`, maybe empty. `timestamp`, in the track's timescale, must not go back.
  /// Fails with `frame_too_large` above `net::kMaxFrameBytes`; in a stream with `group_too_large`
  /// once it is full: what was written stays readable. Else fails with the track's error.
  Result<void> write(std::uint64_t timestamp, Bytes payload);
  /// Ends the track; what a reader could read stays readable.
  void finish() &&;
  void abort(const Error& error) &&;

 private:
  Result<void> write_snapshot(std::uint64_t timestamp, Bytes payload);
  Result<void> append(std::uint64_t timestamp, Bytes payload);

  net::track::Producer track_;
  Options options_;
  // Of a stream:
  std::optional<net::group::Producer> group_;
  flate::Encoder flate_;
  std::size_t frames_ = 0;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

/// Reads the track.
class Consumer {
 public:
  Consumer(net::track::Consumer track, const Options& options);

  /// Of a snapshot track: the newest payload, once it was not returned yet; a lost group is no
  /// error, and after a payload that does not decode the next one counts. Of a stream: each payload
  /// in order, from the first on; every error ends it, a second group (`malformed_track`) too. None
  /// after the track's end.
  kio::Poll<Result<std::optional<Bytes>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  using Payload = Result<std::optional<Bytes>>;
  kio::Poll<Payload> poll_newest(const kio::Waiter& waiter);
  kio::Poll<Payload> poll_each(const kio::Waiter& waiter);
  Result<void> take_groups(const kio::Waiter& waiter);
  Payload unwrap(const Bytes& frame);

  net::track::Consumer track_;
  Options options_;
  std::optional<net::group::Consumer> group_;
  std::optional<std::uint64_t> sequence_;  ///< Of the newest group seen.
  bool ended_ = false;                     ///< No group will come.
  std::optional<Error> failed_;
  flate::Decoder flate_;
};

}  // namespace moq::hang::binary

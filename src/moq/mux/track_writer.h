#pragma once

#include <optional>

#include "moq/mux/events.h"
#include "moq/net/track.h"

namespace moq::mux {

/// Writes a media track: groups that begin at key frames. A group that outgrows its limits is lost
/// from there on; what follows waits for the next one.
class TrackWriter {
 public:
  /// Tells `events` of the groups that are done; it must outlive the writer. Null = nobody.
  TrackWriter(net::track::Producer track, EventQueue* events);

  [[nodiscard]] const net::track::Producer& track() const { return track_; }
  [[nodiscard]] const std::string& name() const { return track_.name(); }
  [[nodiscard]] std::uint64_t timescale() const { return timescale_; }
  /// False until the first group, and after one that was lost.
  [[nodiscard]] bool has_group() const { return group_.has_value(); }
  /// Frames in the open group.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// Payload in the open group.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// The number of the newest group; none before the first.
  [[nodiscard]] std::optional<std::uint64_t> last_sequence() const { return last_sequence_; }

  /// Finishes the open group and begins the next, or that of the number given.
  Result<void> begin_group(std::optional<std::uint64_t> sequence = std::nullopt);
  /// Appends to the open group, which there must be. Fails once the track is over.
  Result<void> write(std::uint64_t timestamp, Bytes payload);
  /// Finishes the open group.
  void finish_group();
  /// Finishes the open group, and the track.
  void finish() &&;
  void abort(const Error& error) &&;

 private:
  net::track::Producer track_;
  EventQueue* events_;
  std::uint64_t timescale_;
  std::optional<net::group::Producer> group_;
  std::optional<std::uint64_t> last_sequence_;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace moq::mux

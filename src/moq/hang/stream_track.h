#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/hang/binary_track.h"

/// JSON records as a track that keeps them all: one group, a record in each frame.
namespace moq::hang::stream {

/// Writes a stream track.
class Producer {
 public:
  Producer(net::track::Producer track, bool compressed)
      : payloads_(std::move(track), {.mode = binary::Mode::stream, .compressed = compressed}) {}

  /// Publishes `json_text` after the others, as it is written; equal records are kept. `timestamp`,
  /// in the track's timescale, must not go back. Fails with `decode` if it is no JSON, else as
  /// `binary::Producer::write`: with `group_too_large` after `binary::kMaxStreamFrames` records or
  /// `binary::kMaxStreamBytes`.
  Result<void> append(std::uint64_t timestamp, std::string_view json_text);
  /// Ends the track; all records stay readable.
  void finish() && { std::move(payloads_).finish(); }
  void abort(const Error& error) && { std::move(payloads_).abort(error); }

 private:
  binary::Producer payloads_;
};

/// Reads a stream track: each record in order, from the first on.
class Consumer {
 public:
  Consumer(net::track::Consumer track, bool compressed)
      : payloads_(std::move(track), {.mode = binary::Mode::stream, .compressed = compressed}) {}

  /// The next record as compact JSON; none after the end of the track. Every error ends the stream:
  /// a record that does not decode, a second group, those of the track.
  kio::Poll<Result<std::optional<std::string>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  binary::Consumer payloads_;
  std::optional<Error> failed_;
};

}  // namespace moq::hang::stream

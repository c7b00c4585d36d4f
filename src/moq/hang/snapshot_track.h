#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/hang/newest_group.h"
#include "moq/hang/snapshot.h"
#include "moq/net/track.h"

namespace moq::hang::snapshot {

/// Writes a snapshot track.
class Producer {
 public:
  Producer(net::track::Producer track, const Options& options);

  /// Publishes `json_text` if it differs from the last value. `timestamp`, in the track's
  /// timescale, must not go back. Fails if it is no JSON, too large, or the track is over.
  Result<void> update(std::uint64_t timestamp, std::string_view json_text);
  /// Ends the track; the last value stays readable.
  void finish() &&;
  void abort(Error error) &&;

 private:
  Result<void> write(std::uint64_t timestamp, Encoder::Write write);

  net::track::Producer track_;
  Options options_;
  Encoder encoder_;
  std::optional<net::group::Producer> group_;
};

/// Reads a snapshot track: always the newest value, not each one. A lost group is no error.
class Consumer {
 public:
  Consumer(net::track::Consumer track, bool compressed);

  /// The value, as compact JSON, once it differs from the last one returned; none after the end of
  /// the track. A value that does not decode is an error, after which the next group counts; an
  /// error of the track stays.
  kio::Poll<Result<std::optional<std::string>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  NewestGroup groups_;
  Decoder decoder_;
};

}  // namespace moq::hang::snapshot

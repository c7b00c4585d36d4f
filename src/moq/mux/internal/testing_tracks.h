#pragma once

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "moq/net/broadcast.h"

/// For tests alone.
namespace moq::mux::testing {

struct ReadFrame {
  std::uint64_t timestamp = 0;
  Bytes payload;
};

using ReadGroups = std::map<std::uint64_t, std::vector<ReadFrame>>;

/// A subscription to all of a track.
inline net::track::Consumer subscribe_all(const net::broadcast::Consumer& broadcast,
                                          std::string_view name) {
  return broadcast.subscribe(name, {.max_age = net::kUnlimitedAge, .start = 0});
}

/// All groups that there are now, by sequence.
inline ReadGroups read_all(net::track::Consumer& track) {
  ReadGroups out;
  for (;;) {
    auto group = track.poll_next_group(kio::Waiter::none());
    if (group.pending() || !*group || !**group) return out;
    auto& frames = out[(**group)->sequence()];
    for (;;) {
      auto frame = (**group)->poll_read_frame(kio::Waiter::none());
      if (frame.pending() || !*frame || !**frame) break;
      frames.push_back({(**frame)->first.timestamp, (**frame)->second});
    }
  }
}

inline ReadGroups read_track(const net::broadcast::Consumer& broadcast, std::string_view name) {
  net::track::Consumer track = subscribe_all(broadcast, name);
  return read_all(track);
}

}  // namespace moq::mux::testing

#pragma once

#include <algorithm>
#include <map>

#include "moq/mux/demuxer.h"

/// For tests alone.
namespace moq::mux::testing {

/// What a container was found to hold: its tracks, the newest of each id, and their frames.
struct Contents {
  std::map<std::uint32_t, FoundTrack> tracks;
  std::map<std::uint32_t, std::vector<FoundFrame>> frames;
  std::size_t begun = 0;  ///< How often a track was found.
  std::optional<Error> error;
  bool operator==(const Contents&) const = default;
};

inline void sort_into(Contents& out, const Found& found) {
  for (const auto& one : found) {
    if (const auto* track = std::get_if<FoundTrack>(&one)) {
      out.tracks[track->id] = *track;
      ++out.begun;
    }
    if (const auto* frame = std::get_if<FoundFrame>(&one)) {
      out.frames[frame->track].push_back(*frame);
    }
  }
}

/// All of a stream, pushed `piece` bytes at a time.
template <typename Made>
Contents take_apart(const Bytes& stream, std::size_t piece = SIZE_MAX) {
  Made demuxer;
  Contents out;
  Result<void> result;
  for (std::size_t at = 0; at < stream.size() && result; at += std::min(piece, stream.size())) {
    Found found;
    result = demuxer.push(stream.slice(at, piece), found);
    sort_into(out, found);
  }
  Found rest;
  if (result) result = demuxer.finish(rest);
  sort_into(out, rest);
  if (!result) out.error = result.error();
  return out;
}

/// The presentation times of frames, in decode order.
inline std::vector<std::int64_t> times_of(const std::vector<FoundFrame>& frames) {
  std::vector<std::int64_t> out;
  for (const FoundFrame& frame : frames) out.push_back(frame.pts_us);
  return out;
}

}  // namespace moq::mux::testing

#pragma once

#include <cstddef>
#include <cstdint>

#include "moq/base/time.h"

/// Limits of the model. The first three are the peers' own (moq-lite, message framing): above
/// them they refuse, so we do too.
namespace moq::net {

inline constexpr std::uint64_t kMaxFrameBytes = 32 << 20;  ///< Payload of one frame.
inline constexpr std::uint64_t kMaxGroupBytes = 32 << 20;  ///< Payload of one group.
inline constexpr std::size_t kMaxGroupFrames = 8192;       ///< Frames of one group.
/// Parts in which the payload of one group may come: full packets are a tenth of that. Keeps what
/// tiny parts cost below what a group may hold.
inline constexpr std::size_t kMaxGroupChunks = 1 << 18;
/// What a frame, and each part of its payload, count in a cache beside the payload: about what they
/// take in memory.
inline constexpr std::uint64_t kFrameCost = 96;
inline constexpr std::uint64_t kChunkCost = 64;
/// Groups that one track caches: at one group per 20 ms audio frame, 80 s, above any cache age.
inline constexpr std::size_t kMaxTrackGroups = 4096;
/// What the groups of one track hold together: 30 s of 60 Mbit/s.
inline constexpr std::uint64_t kMaxTrackBytes = 256 << 20;
/// What the groups of an origin's remote tracks hold together, unless it is told another limit:
/// some hundred live tracks with their 5 s of cache.
inline constexpr std::uint64_t kMaxOriginBytes = std::uint64_t{1} << 30;
/// Datagrams kept for a reader that is late, as Rust peers keep them.
inline constexpr std::size_t kMaxTrackDatagrams = 64;
/// Ranges of sequences that a track remembers as received, so that nothing is delivered twice.
inline constexpr std::size_t kMaxSeenRanges = 256;
/// Ranges of groups that the source of a track has said will not come. Beyond, the lowest two count
/// as one: nobody waits for what is between them.
inline constexpr std::size_t kMaxDroppedRanges = 256;
/// Ranges of skipped groups that an ordered reader keeps for who asks; beyond, the oldest are
/// joined.
inline constexpr std::size_t kMaxSkippedRanges = 256;
/// Names that subscribers may ask for in one broadcast at a time without being answered.
inline constexpr std::size_t kMaxTrackRequests = 1024;
/// Finished tracks that a broadcast keeps for readers that come later: those of a dozen renditions,
/// replaced a few times.
inline constexpr std::size_t kMaxFinishedTracks = 64;
/// Fetches of groups waiting for an answer, per track.
inline constexpr std::size_t kMaxGroupRequests = 256;
/// Routes to one path: as many as connections may claim the same name.
inline constexpr std::size_t kMaxRoutes = 64;

/// No limit of age: every cached group is fresh.
inline constexpr Duration kUnlimitedAge = Duration::max();

}  // namespace moq::net

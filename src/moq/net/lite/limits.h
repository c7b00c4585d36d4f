#pragma once

#include <cstddef>
#include <cstdint>

/// Limits of the moq-lite wire. Those of frames and groups are `net::kMaxFrameBytes` and its kin.
namespace moq::net::lite {

/// Any message body, as all peers have it. Only ANNOUNCE_INIT, which lists everything at once, and
/// messages of unknown type, which are skipped unread, may be that long.
inline constexpr std::uint64_t kMaxMessageBytes = 64 << 20;
/// Messages whose fields are bounded: two names and a chain of hops fit twice. Ours: keeps what a
/// peer can make us hold per stream small.
inline constexpr std::uint64_t kMaxControlBytes = 16 << 10;
/// SETUP, as all peers have it.
inline constexpr std::uint64_t kMaxSetupBytes = 64 << 10;
/// Parameters of a SETUP, as all peers have it.
inline constexpr std::size_t kMaxSetupParameters = 64;
/// Versions that a legacy CLIENT_SETUP lists; there are less than 32 in the world.
inline constexpr std::size_t kMaxSetupVersions = 64;
/// The URI of a GOAWAY, as all peers have it.
inline constexpr std::uint64_t kMaxGoawayUriBytes = 8192;
/// Ids in a chain of hops, as all peers have it.
inline constexpr std::size_t kMaxHops = 32;
/// A track name. Ours: as long as moq-transport allows a full track name.
inline constexpr std::uint64_t kMaxTrackNameBytes = 4096;
/// Announce streams of one peer that are served: each is told everything there is. Peers open one
/// for each prefix that they may see.
inline constexpr std::size_t kMaxAnnounceStreams = 32;
/// Probe streams of one peer that are served: each has a timer of its own. Peers open one.
inline constexpr std::size_t kMaxProbeStreams = 4;
/// Live announcements on one announce stream. Ours: several times what the largest relay lists.
/// Each takes some 1.5 KB here, most of it for the broadcast that readers may ask for.
inline constexpr std::size_t kMaxLiveAnnouncements = 1 << 17;
/// Text and hops that the live announcements of one stream may hold. Ours: as much as one message
/// of the largest size.
inline constexpr std::uint64_t kMaxAnnouncedBytes = 64 << 20;

}  // namespace moq::net::lite

#pragma once

#include <cstddef>
#include <cstdint>

#include "moq/base/time.h"

/// Limits of the moq-transport wire. Those of frames and groups are `net::kMaxFrameBytes` and its
/// kin; that of a control message is its 16 bits of length.
namespace moq::net::moqt {

/// Fields of a namespace, as the drafts have it.
inline constexpr std::size_t kMaxNamespaceFields = 32;
/// A namespace and a track name together, as the drafts have it.
inline constexpr std::size_t kMaxFullNameBytes = 4096;
/// A reason phrase, as the drafts have it.
inline constexpr std::uint64_t kMaxReasonBytes = 1024;
/// The URI of a GOAWAY or of a redirect, as the drafts have it.
inline constexpr std::uint64_t kMaxUriBytes = 8192;
/// The value of one key-value pair, as the drafts have it.
inline constexpr std::uint64_t kMaxValueBytes = 65535;
/// Options of a SETUP, as Rust peers have it.
inline constexpr std::size_t kMaxSetupOptions = 64;
/// Versions in a CLIENT_SETUP of draft 14; there are less than 32 in the world.
inline constexpr std::size_t kMaxSetupVersions = 64;
/// Parameters of one message. Ours: each that is known once, and room for tokens and filters.
inline constexpr std::size_t kMaxParameters = 64;
/// Tokens in one message. Ours: peers send one.
inline constexpr std::size_t kMaxTokens = 16;
/// Ranges of one range filter. Ours: nobody uses them yet.
inline constexpr std::size_t kMaxFilterRanges = 64;
/// Properties of one object or track. Ours: those known and some of the application.
inline constexpr std::size_t kMaxProperties = 64;
/// The properties of one object, as Rust peers have it.
inline constexpr std::uint64_t kMaxPropertyBytes = 64 << 10;
/// Requests of a peer that are served at a time, as many as it may have streams.
inline constexpr std::size_t kMaxRequests = 10000;
/// Messages for one request that were read from the control stream and wait for who serves it: an
/// answer, an end, and some updates.
inline constexpr std::size_t kMaxWaitingMessages = 64;
/// Groups of one FETCH or fill. Ours: some minutes of video; the cache rarely has as many.
inline constexpr std::uint64_t kMaxFetchGroups = 256;
/// SUBSCRIBE_NAMESPACE requests of one peer that are served: each is told everything there is.
inline constexpr std::size_t kMaxWishes = 32;
/// How long at most a SUBSCRIBE with RENDEZVOUS_TIMEOUT waits for its broadcast. Ours: who waits
/// longer may ask again, and meanwhile it costs us something.
inline constexpr Duration kMaxRendezvous = 30s;
/// How many of a peer do at a time: each looks at all that is announced.
inline constexpr std::size_t kMaxRendezvousWaits = 64;
/// SUBSCRIBE_TRACKS requests of one peer that are served, and those of SUBSCRIBE_NAMESPACE that ask
/// for the same: each follows the tracks of all that there is.
inline constexpr std::size_t kMaxPushWishes = 32;
/// Broadcasts that are offered at a time to a peer that did not ask, where each takes a stream.
inline constexpr std::size_t kMaxOffers = 64;
/// Tracks that are published at a time to a peer that asked for all, where each takes a stream: it
/// is told of the others, and may subscribe to them.
inline constexpr std::size_t kMaxPushes = 64;

/// Tracks that one peer may offer at a time by PUBLISH. Ours: dozens of broadcasts of a few each.
inline constexpr std::size_t kMaxPushedTracks = 256;
/// Namespaces that one peer may have listed at a time, beside those that it offers, which are
/// requests. Ours: several times what the largest relay lists. Each takes some 1.5 KB here.
inline constexpr std::size_t kMaxListedNamespaces = 1 << 17;
/// The text of those together.
inline constexpr std::uint64_t kMaxListedBytes = 64 << 20;
/// Subgroup streams that wait for the answer which tells what their alias means. Ours: a second of
/// audio in groups of one frame.
inline constexpr std::size_t kMaxWaitingStreams = 64;
/// Datagrams that do.
inline constexpr std::size_t kMaxEarlyDatagrams = 64;

}  // namespace moq::net::moqt

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/version.h"

/// Chains of hops in announcements, and who adds what to them. draft-lcurley-moq-lite, ANNOUNCE.
namespace moq::net::lite {

/// The relays that a broadcast came through: first its origin, last the nearest to us. 0 stands for
/// a hop that is unknown.
using HopChain = std::vector<std::uint64_t>;

/// Fails for more than `kMaxHops` (`too_many`) and for an id, other than 0, that repeats.
Result<void, DecodeError> check_chain(const HopChain& chain);

/// `count`, then the ids; on 03 the count alone, read as that many zeros; nothing before.
HopChain read_chain(Reader& in, Version version);
void write_chain(Writer& out, const HopChain& chain, Version version);

/// The chain to put on the wire for a route that reached us by `chain`: on 03 and 04 with
/// `own_hop` at its end, otherwise as it is. None if that passes `kMaxHops` or closes a loop.
std::optional<HopChain> sent_chain(HopChain chain, std::uint64_t own_hop, Version version);
/// The chain of a route as its receiver keeps it: from 05 on with `sender_hop`, of ANNOUNCE_OK, at
/// its end. None if that passes `kMaxHops` or closes a loop, or if `own_hop` is in it: such an
/// announcement counts, but gives no route.
std::optional<HopChain> received_chain(HopChain chain, std::uint64_t sender_hop,
                                       std::uint64_t own_hop, Version version);

}  // namespace moq::net::lite

#pragma once

#include "moq/native/client.h"

namespace moq::native {

/// Ends once somebody seems to listen at `address`, which has refused us: sends a byte now and then
/// from a connected socket, and sees whether the refusal (ICMP port unreachable) still comes. Costs
/// a packet per knock and no cryptography, so that a server that comes back is found sooner than a
/// growing backoff would. Never ends where refusals do not reach us.
kio::Task<void> knock(Environment environment, transport::SocketAddress address);

}  // namespace moq::native

#include "moq/relay/relay.h"

#include <gtest/gtest.h>

#include "moq/net/wire_code.h"
#include "moq/relay/test_bed_test.h"

namespace moq::relay::test {
namespace {

/// A session of `peer` that stays where it is, whatever the relay asks.
net::Session stay(Bed& bed, Peer& peer) {
  net::SessionOptions options;
  options.publish = peer.origin.consume();
  auto established = bed.world.run(peer.client->connect(peer.url, std::move(options)));
  EXPECT_TRUE(established) << established.error().describe();
  return std::move(established->session);
}

TEST(RelayDrain, WhoStaysBeyondTheDeadlineIsClosedWithItsCode) {
  Bed bed;
  bed.start_relay();
  const net::Session session = stay(bed, bed.add_peer());
  const kio::Spawned<void> draining = bed.world.spawn(bed.relay->drain(3s));
  bed.world.run_for(2900ms);
  EXPECT_TRUE(session.poll_goaway(kio::Waiter::none()).ready());
  EXPECT_TRUE(session.poll_closed(kio::Waiter::none()).pending());
  bed.world.run_for(200ms);
  const auto closed = session.poll_closed(kio::Waiter::none());
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed->code, Code::going_away) << closed->describe();
  EXPECT_EQ(closed->wire, static_cast<std::uint64_t>(net::SessionCode::goaway_timeout));
}

TEST(RelayDrain, IsOverOnceAllHaveLeft) {
  Bed bed;
  bed.start_relay();
  std::optional<net::Session> session = stay(bed, bed.add_peer());
  kio::Spawned<void> draining = bed.world.spawn(bed.relay->drain(10s));
  bed.world.run_for(1s);
  EXPECT_TRUE(draining.poll_join(kio::Waiter::none()).pending());
  session.reset();
  bed.world.run_for(1s);
  EXPECT_TRUE(draining.poll_join(kio::Waiter::none()).ready());
}

TEST(Redial, WhatIsLostOfItsFirstPacketsIsSentAgainAfterThePathsTime) {
  Bed bed;
  bed.start_relay();
  Peer& peer = bed.add_peer();
  peer.connect();
  ASSERT_TRUE(bed.world.run_until([&] { return peer.reconnect->epoch() == 1; }, 5s));
  bed.world.run_for(2s);
  const auto watch = peer.reconnect->watch();
  // The relay is back at once; a stateless reset tells the peer, who redials, and is not heard.
  bed.kill_relay();
  bed.start_relay();
  ASSERT_TRUE(bed.world.run_until([&] { return watch.last_error().has_value(); }, 10s));
  bed.network.partition(peer.host, bed.relay_host);
  bed.world.run_for(20ms);
  bed.network.heal(peer.host, bed.relay_host);
  const TimePoint healed = bed.world.now();
  ASSERT_TRUE(bed.world.run_until([&] { return peer.reconnect->epoch() == 2; }, 5s));
  // Without a former round trip to go by, it were a second.
  EXPECT_LE(bed.world.now() - healed, 300ms);
}

}  // namespace
}  // namespace moq::relay::test

// Many seeds: bad links on which things also happen.
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::quic::test {
namespace {

using contract::pattern;
using contract::read_all;
using contract::write_all;

sim::LinkOptions random_link(Random& random) {
  return {.latency = Duration(random.below(80'000'000) + 100'000),
          .jitter = Duration(random.below(30'000'000)),
          .loss = random.fraction() * 0.08,
          .rate_bps = random.below(2) == 0 ? 0 : 3'000'000 + random.below(50'000'000),
          .queue_bytes = 30'000 + random.below(300'000)};
}

/// Something that a session must survive.
void disturb(Bed& bed, Connection& client, Random& random, int round) {
  switch (random.below(5)) {
    case 0:
      bed.near.shift_ports(static_cast<std::uint16_t>(1 + random.below(1000)));
      break;
    case 1:
      bed.near.move_to("10.1.0." + std::to_string(1 + round),
                       random.below(2) == 0 ? sim::OldSockets::lose : sim::OldSockets::follow);
      break;
    case 2:
      bed.network.partition(bed.near, bed.far);
      bed.world.after(Duration(random.below(4'000'000'000)),
                      [&bed] { bed.network.heal(bed.near, bed.far); });
      break;
    case 3:
      static_cast<void>(client.migrate());
      break;
    default:
      bed.far.set_writable(false);
      bed.world.after(Duration(random.below(500'000'000)), [&bed] { bed.far.set_writable(true); });
  }
}

/// Carries bytes to their end, or to a reset with `code` if that is not zero. False: the session
/// did not; that it carries something else is a failure.
kio::Task<bool> carry(Session& from, Session& to, std::size_t size, std::uint32_t code) {
  auto sending = co_await from.open_uni();
  if (!sending) co_return false;
  const Result<void> written = co_await write_all(**sending, pattern(size), 7000);
  if (!written) co_return false;
  if (code != 0) {
    (*sending)->reset(code);
  } else {
    (*sending)->finish();
  }
  auto receiving = co_await to.accept_uni();
  if (!receiving) co_return false;
  const Result<Bytes> all = co_await read_all(**receiving);
  if (code != 0) {
    EXPECT_FALSE(all);
    co_return all.error().wire == code;
  }
  EXPECT_TRUE(!all || *all == pattern(size));
  co_return all.has_value();
}

/// Whether the session of a new pair lived through everything. None may hang: what `carry` cannot
/// bring to an end stops the simulated world.
bool survives(std::uint64_t seed) {
  SeededRandom random(seed);
  Bed bed(random_link(random), seed);
  bed.parameters.congestion_control =
      seed % 2 == 0 ? CongestionControl::cubic : CongestionControl::bbr;
  Pair pair = bed.connect();
  EXPECT_TRUE(pair.client && pair.server);
  if (!pair.client || !pair.server) return false;
  bed.world.run_for(1s);
  bool alive = true;
  for (int round = 0; alive && round < 8; ++round) {
    disturb(bed, *pair.client, random, round);
    const bool up = random.below(2) == 0;
    const std::size_t size = random.below(20'000) + 1;
    const auto code = static_cast<std::uint32_t>(random.below(4) == 0 ? random.below(100) : 0);
    alive = bed.world.run(
        carry(up ? *pair.client : *pair.server, up ? *pair.server : *pair.client, size, code));
    bed.world.run_for(5s);
    if (!alive) bed.world.run_for(bed.parameters.idle_timeout);
    EXPECT_EQ(pair.client->poll_closed(kio::Waiter::none()).ready(), !alive) << "round " << round;
  }
  pair.client->close(3, "enough");
  bed.world.run_for(15s);
  EXPECT_TRUE(pair.server->poll_closed(kio::Waiter::none()));
  EXPECT_TRUE(bed.client.poll_idle(kio::Waiter::none()));
  EXPECT_EQ(bed.server->connections(), 0u);
  return alive;
}

TEST(Soak, SessionsSurviveBadLinksMovesAndPauses) {
  constexpr int kSeeds = 400;
  // Many moves on top of each other are at times too much for ngtcp2 1.11, see README.md: about
  // four sessions in a thousand end, with an error on both sides.
  constexpr int kMayEnd = kSeeds / 50;
  int ended = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    if (!survives(seed)) ++ended;
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_LE(ended, kMayEnd);
}

}  // namespace
}  // namespace moq::transport::quic::test

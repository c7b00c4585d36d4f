#include "moq/relay/test_bed_test.h"

namespace moq::relay::test {
namespace {

/// A publisher and two subscribers around a relay that is killed and restored again and again: one
/// subscriber wants all that the publisher still holds, the other what is live.
void survive_restarts(Bed& bed, const std::string& scheme, int restarts, Duration limit = 1s) {
  bed.start_relay();
  Peer& publisher = bed.add_peer(scheme);
  Peer& subscriber = bed.add_peer(scheme);
  Peer& live_subscriber = bed.add_peer(scheme);
  net::broadcast::Producer broadcast;
  auto announcement = publisher.origin.announce(net::Path::of("live"), broadcast.consume());
  auto track = broadcast.create_track("video", {.max_age = 30s});
  publisher.connect();
  subscriber.connect();
  live_subscriber.connect();
  kio::TaskGroup tasks(bed.world);
  Received received;
  Received live;
  tasks.spawn(publish_groups(bed.world, *track));
  tasks.spawn(read_track(tasks, subscriber.origin, "live", received));
  tasks.spawn(read_track(tasks, live_subscriber.origin, "live", live, 500ms));
  const auto both_have = [&](std::size_t more, std::size_t live_more) {
    return received.groups.size() > more && live.groups.size() > live_more;
  };
  ASSERT_TRUE(bed.world.run_until([&] { return both_have(30, 30); }, 10s));

  for (int i = 0; i < restarts; ++i) {
    SCOPED_TRACE("restart " + std::to_string(i) + ", seed " + std::to_string(bed.world.seed()));
    const std::uint64_t epoch = subscriber.reconnect->epoch();
    ASSERT_EQ(publisher.reconnect->epoch(), epoch);
    bed.kill_relay();
    bed.world.run_for(3s);
    bed.start_relay();
    const std::size_t before = received.groups.size();
    const std::size_t live_before = live.groups.size();
    const TimePoint back = bed.world.now();
    ASSERT_TRUE(bed.world.run_until([&] { return both_have(before, live_before); }, limit))
        << "nothing new in time after the relay's return: " << before << " to "
        << received.groups.size() << " groups, live " << live_before << " to " << live.groups.size()
        << "; epochs " << publisher.reconnect->epoch() << " " << subscriber.reconnect->epoch()
        << " " << live_subscriber.reconnect->epoch() << ", over: " << received.over.value_or("no");
    EXPECT_LE(bed.world.now() - back, limit);
    // A run of two to five seconds until the next.
    bed.world.run_for(2s + std::chrono::milliseconds(bed.world.below(3000)));
    EXPECT_EQ(subscriber.reconnect->epoch(), epoch + 1);
    EXPECT_EQ(live_subscriber.reconnect->epoch(), epoch + 1);
    EXPECT_EQ(publisher.reconnect->epoch(), epoch + 1);
  }

  EXPECT_TRUE(live.twice.empty());
  EXPECT_TRUE(received.twice.empty());
  EXPECT_TRUE(received.failed.empty()) << received.failed.front();
  // The publisher holds 30 s, so that nothing of the outages is missing.
  std::uint64_t expected = received.groups.begin()->first;
  for (const auto& [sequence, text] : received.groups) {
    ASSERT_EQ(sequence, expected) << "a group is missing";
    const std::string n = std::to_string(sequence);
    ASSERT_EQ(text, n + "/0 " + n + "/1 " + n + "/2 ");
    ++expected;
  }
}

TEST(RestartSoak, AHundredRestartsWithoutAMiss) {
  Bed bed(7);
  survive_restarts(bed, "moqt", 100);
}

class RestartSeeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RestartSeeds, SurvivesOverALossyLink) {
  Bed bed(GetParam(), sim::LinkOptions{.latency = 15ms, .jitter = 5ms, .loss = 0.02});
  // A server's first packet that is lost is sent again after a second, RFC 9002 §6.2.2.
  survive_restarts(bed, "moqt", 4, 3s);
}
INSTANTIATE_TEST_SUITE_P(Soak, RestartSeeds, testing::Range<std::uint64_t>(1, 13));

TEST(RestartSoak, SurvivesOverWebTransport) {
  Bed bed(3);
  survive_restarts(bed, "https", 5);
}

TEST(RestartSoak, SurvivesWhereRefusalsAndResetsAreFiltered) {
  Bed bed(4);
  bed.relay_host.set_refuses(false);
  survive_restarts(bed, "moqt", 5);
}

}  // namespace
}  // namespace moq::relay::test

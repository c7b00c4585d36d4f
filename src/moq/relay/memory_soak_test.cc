#include <algorithm>

#include "moq/net/lite/message.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/subscribe.h"
#include "moq/relay/test_bed_test.h"
#include "moq/sim/heap.h"
#include "moq/transport/quic/client.h"

namespace moq::relay::test {
namespace {

/// When a group was whole at its reader, after its first byte was written.
struct Delays {
  std::vector<Duration> all;
  std::uint64_t last = 0;
  [[nodiscard]] Duration share(double part) const {
    std::vector<Duration> sorted = all;
    std::ranges::sort(sorted);
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
  }
};

kio::Task<void> read_groups(kio::Clock& clock, net::origin::Producer& origin, Delays& delays) {
  auto announced = origin.consume().announced_exactly(net::Path::of("live"));
  std::optional<net::broadcast::Consumer> broadcast;
  while (!broadcast) {
    auto update = co_await announced.next();
    broadcast = std::move(update.broadcast);
  }
  auto track = broadcast->subscribe("video", {.max_age = 5s});
  for (;;) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return;
    std::optional<std::uint64_t> begun;
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame || !*frame) break;
      if (!begun) begun = (**frame).first.timestamp;
    }
    if (!begun) continue;
    delays.all.push_back(clock.now().time_since_epoch() - std::chrono::milliseconds(*begun));
    delays.last = (*group)->sequence();
  }
}

/// Publishes `rate` groups a second of `frames` frames of `size` bytes, stamped with the time.
kio::Task<void> publish(kio::Clock& clock, net::track::Producer& track, Bytes frame,
                        std::size_t frames, std::int64_t rate) {
  TimePoint next = clock.now();
  for (;;) {
    auto group = track.append_group();
    if (!group) co_return;
    const auto now = static_cast<std::uint64_t>(to_ms(clock.now().time_since_epoch()));
    for (std::size_t i = 0; i < frames; ++i) {
      if (!group->write_frame(now, frame)) co_return;
    }
    std::move(*group).finish();
    next += Duration(1s) / rate;
    co_await kio::sleep(clock, next - clock.now());
  }
}

/// A subscriber that never reads: a QUIC connection driven by hand. Its windows are small, so that
/// what it does not take soon waits at the relay.
struct Stalled {
  std::unique_ptr<transport::quic::Connection> connection;
  std::vector<std::unique_ptr<transport::SendStream>> sends;
  std::vector<std::unique_ptr<transport::RecvStream>> receives;
};

kio::Task<void> subscribe_and_stall(transport::quic::Client& client,
                                    transport::SocketAddress address, Stalled& stalled) {
  constexpr net::Version kVersion = net::Version::lite_06;
  transport::quic::ClientTlsOptions checks;
  checks.pins = {identity().fingerprint()};
  auto tls = transport::quic::ClientTls::create(std::move(checks));
  const std::vector<std::string> alpn = {std::string(net::alpn_name(kVersion))};
  transport::quic::DialOptions dial(address, "10.0.0.1", alpn, *std::move(tls));
  dial.parameters.max_streams_uni = 16;
  dial.parameters.connection_window = 64 << 10;
  dial.parameters.stream_window = 16 << 10;
  auto dialled = co_await client.dial(std::move(dial));
  if (!dialled) co_return;
  stalled.connection = *std::move(dialled);
  auto greeting = co_await stalled.connection->open_uni();
  if (!greeting) co_return;
  const net::lite::Setup setup;
  (*greeting)->write(net::lite::encode_opening(net::lite::UniType::setup, setup, kVersion));
  (*greeting)->finish();
  stalled.sends.push_back(*std::move(greeting));
  auto opened = co_await stalled.connection->open_bidi();
  if (!opened) co_return;
  net::lite::Subscribe message;
  message.broadcast = net::Path::of("live");
  message.track = "video";
  message.range.max_age = 30s;
  opened->send->write(net::lite::encode_opening(net::lite::BidiType::subscribe, message, kVersion));
  stalled.sends.push_back(std::move(opened->send));
  stalled.receives.push_back(std::move(opened->recv));
}

/// A publisher and a reader around the relay; what the reader sees.
struct Show {
  Show(std::size_t frame_bytes, std::size_t frames) {
    delays.all.reserve(30 * 60 * 31);
    bed.start_relay();
    publisher = &bed.add_peer();
    reader = &bed.add_peer();
    announcement.emplace(*publisher->origin.announce(net::Path::of("live"), broadcast.consume()));
    track.emplace(*broadcast.create_track("video", {.max_age = 2s}));
    publisher->connect();
    reader->connect();
    tasks.emplace(bed.world);
    const Bytes frame = Bytes::copy(std::string(frame_bytes, 'x'));
    tasks->spawn(publish(bed.world, *track, frame, frames, 30));
    tasks->spawn(read_groups(bed.world, reader->origin, delays));
    EXPECT_TRUE(bed.world.run_until([this] { return delays.all.size() > 30; }, 10s));
  }
  Bed bed{11};
  Delays delays;
  net::broadcast::Producer broadcast;
  Peer* publisher = nullptr;
  Peer* reader = nullptr;
  std::optional<net::origin::Announcement> announcement;
  std::optional<net::track::Producer> track;
  std::optional<kio::TaskGroup> tasks;
};

constexpr std::size_t kStalled = 100;
/// What a subscriber that takes nothing may cost the relay beside the groups, which all share: its
/// connection, and up to the streams and windows it granted in unacknowledged or queued data.
constexpr std::size_t kStalledBytes = 1 << 20;

TEST(MemorySoak, AHundredSubscribersThatNeverReadNeitherGrowNorSlowTheOneThatReads) {
  Show show(2000, 2);
  sim::World& world = show.bed.world;
  show.delays.all.clear();
  world.run_for(10s);
  const Delays alone = std::exchange(show.delays, {});
  show.delays.all.reserve(10'000);
  const std::size_t before = sim::heap_bytes();

  sim::Host& crowd = show.bed.network.add_host("10.0.2.1");
  transport::quic::Client client({world, crowd, world});
  std::vector<Stalled> stalled(kStalled);
  {
    kio::TaskGroup joining(world);
    for (Stalled& one : stalled) {
      joining.spawn(subscribe_and_stall(client, show.bed.relay_host.address(kPort), one));
    }
    ASSERT_TRUE(world.run_until(
        [&] {
          return std::ranges::all_of(stalled,
                                     [](const auto& one) { return !one.receives.empty(); });
        },
        20s));
  }
  world.run_for(10s);
  const std::size_t settled = sim::heap_bytes();
  show.delays.all.clear();
  const std::uint64_t from = show.delays.last;
  world.run_for(10s);
  const std::size_t later = sim::heap_bytes();

  EXPECT_EQ(show.bed.relay->sessions(), kStalled + 2);  // All are still there, and stalled.
  RecordProperty("bytes_per_stalled", static_cast<int>((settled - before) / kStalled));
  EXPECT_LE(settled - before, kStalled * kStalledBytes);
  EXPECT_LE(static_cast<double>(later), 1.05 * static_cast<double>(settled));
  // The reader: as many groups, none later than they were.
  EXPECT_GE(show.delays.all.size() + 3, alone.all.size());
  EXPECT_EQ(show.delays.last - from, show.delays.all.size());
  EXPECT_LE(show.delays.share(0.5), alone.share(0.5) + 2ms);
  EXPECT_LE(show.delays.share(0.99), alone.share(0.99) + 5ms);
}

TEST(MemorySoak, EndsWithTheMemoryItHadAfterTheFirstMinute) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr Duration kRun = 5min;  // Sanitizers take several times as long.
#else
  constexpr Duration kRun = 30min;
#endif
  Show show(500, 1);
  show.bed.world.run_for(1min);
  const std::size_t first = sim::heap_bytes();
  const std::size_t groups = show.delays.all.size();
  show.bed.world.run_for(kRun - 1min);
  EXPECT_LE(static_cast<double>(sim::heap_bytes()), 1.05 * static_cast<double>(first));
  // It was at work all the time.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kRun - 1min).count();
  EXPECT_GE(show.delays.all.size() - groups, static_cast<std::size_t>(seconds) * 30 - 3);
}

}  // namespace
}  // namespace moq::relay::test

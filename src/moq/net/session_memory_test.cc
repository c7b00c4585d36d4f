#include "moq/net/hostile_test_support.h"
#include "moq/net/limits.h"
#include "moq/net/model_test_support.h"
#include "moq/sim/heap.h"

/// That what a session holds for its peer does not grow with time.
namespace moq::net::hostile {
namespace {

/// How much more the second of two equal pieces of work leaves on the heap.
template <typename Work>
std::int64_t growth(Work work) {
  work();
  const auto before = static_cast<std::int64_t>(sim::heap_bytes());
  work();
  return static_cast<std::int64_t>(sim::heap_bytes()) - before;
}

class SessionMemory : public testing::TestWithParam<Version> {};

TEST_P(SessionMemory, NamesThatCameAndWentAreForgotten) {
  sim::World world;
  sim::PairOptions options = pair_options(GetParam());
  options.record = false;
  auto pair = sim::session_pair(world, options);
  origin::Producer publisher(0x1111);
  origin::Producer subscriber(0x2222);
  SessionOptions client;
  client.publish = publisher.consume();
  const auto dialled =
      world.run(net::connect({world, world}, std::move(pair.client), std::move(client)));
  auto request = world.run(net::accept({world, world}, std::move(pair.server)));
  SessionOptions server;
  server.subscribe = subscriber.clone();
  const Session accepted = std::move(*request).accept(std::move(server));
  world.run_for(1s);

  int named = 0;
  constexpr int kNames = 1000;
  const std::int64_t grown = growth([&] {
    for (int i = 0; i < kNames; ++i) {
      const broadcast::Producer broadcast;
      const auto announcement =
          publisher.announce(Path::of(fmt::format("room/{}", named++)), broadcast.consume());
      world.run_for(20ms);
    }
    world.run_for(1s);
  });
  EXPECT_LT(grown, 20 * kNames) << "bytes, for " << kNames << " names";
}

TEST_P(SessionMemory, GroupsForWhichThePeerGrantsNoStreamAreLetGoWithTheCache) {
  sim::World world;
  sim::PairOptions options = pair_options(GetParam());
  options.record = false;
  options.max_uni_streams = 1;
  auto pair = sim::session_pair(world, options);
  origin::Producer publisher(0x1111);
  broadcast::Producer broadcast;
  const auto announcement = publisher.announce(Path::of("live"), broadcast.consume());
  auto track = broadcast.create_track("video", {.max_age = kUnlimitedAge});
  if (has_setup_stream(GetParam())) {
    auto setup = *now(pair.client->poll_open_uni(kio::Waiter::none()));
    setup->write(lite::encode_opening(UniType::setup, lite::Setup(), GetParam()));
    setup->finish();
  }
  auto request = world.run(net::accept({world, world}, std::move(pair.server)));
  SessionOptions server;
  server.publish = publisher.consume();
  const Session accepted = std::move(*request).accept(std::move(server));
  lite::Subscribe subscribe;
  subscribe.broadcast = Path::of("live");
  subscribe.track = "video";
  subscribe.range.max_age = kUnlimitedAge;
  auto stream = *now(pair.client->poll_open_bidi(kio::Waiter::none()));
  stream.send->write(lite::encode_opening(BidiType::subscribe, subscribe, GetParam()));
  world.run_for(100ms);

  std::uint64_t sequence = 0;
  const std::int64_t grown = growth([&] {
    for (std::size_t i = 0; i < kMaxTrackGroups + 100; ++i, ++sequence) {
      write_group(*track, sequence, sequence);
      if (i % 64 == 0) world.run_for(1ms);
    }
    world.run_for(1s);
  });
  EXPECT_LT(grown, std::int64_t{1} << 20) << "bytes";
}

INSTANTIATE_TEST_SUITE_P(Lite, SessionMemory, testing::Values(Version::lite_03, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile

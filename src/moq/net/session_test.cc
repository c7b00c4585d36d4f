#include "moq/net/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "moq/net/wire_code.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

namespace moq::net {
namespace {

/// A publisher's and a subscriber's origin, and the session between them.
struct Bench {
  explicit Bench(Version version_to_speak, sim::World& the_world)
      : world(the_world), version(version_to_speak) {}

  /// Connects the two, the publisher as client.
  void connect() {
    sim::PairOptions options(sim::LinkOptions{.latency = 10ms});
    options.protocol = std::string(alpn_name(version));
    auto pair = sim::session_pair(world, options);
    control.emplace(pair.control);
    SessionOptions client;
    client.publish = publisher.consume();
    const std::vector<Version> versions = {version};
    auto dialling = world.spawn(net::connect({world, world}, std::move(pair.client),
                                             std::move(client), std::nullopt, versions));
    auto request = world.run(net::accept({world, world}, std::move(pair.server), versions));
    ASSERT_TRUE(request) << request.error().describe();
    SessionOptions server;
    server.subscribe = subscriber.clone();
    server_session = std::move(*request).accept(std::move(server));
    auto join = [](kio::Spawned<Result<Session>>& task) -> kio::Task<Result<Session>> {
      co_return co_await task.join();
    };
    client_session = *world.run(join(dialling));
  }

  /// Waits for the broadcast at `path` on the subscriber's side.
  broadcast::Consumer wait_for(const Path& path) {
    auto announced = subscriber.consume().announced_exactly(path);
    for (;;) {
      auto wait = [](origin::Announced& updates) -> kio::Task<origin::Update> {
        co_return co_await updates.next();
      };
      origin::Update update = world.run(wait(announced));
      if (update.broadcast) return *std::move(update.broadcast);
    }
  }

  sim::World& world;
  Version version;
  origin::Producer publisher{0x1111};
  origin::Producer subscriber{0x2222};
  std::optional<sim::PairControl> control;
  std::optional<Session> client_session;
  std::optional<Session> server_session;
};

std::string read_group(sim::World& world, group::Consumer group) {
  auto read = [](group::Consumer source) -> kio::Task<std::string> {
    std::string all;
    for (;;) {
      auto frame = co_await source.read_frame();
      if (!frame) co_return all + "!" + frame.error().describe();
      if (!*frame) co_return all;
      all += std::string((*frame)->second.text()) + ";";
    }
  };
  return world.run(read(std::move(group)));
}

std::optional<group::Consumer> next_group(sim::World& world, track::Consumer& track) {
  auto next = [](track::Consumer& source) -> kio::Task<std::optional<group::Consumer>> {
    auto group = co_await source.next_group();
    if (!group) co_return std::nullopt;
    co_return *std::move(group);
  };
  return world.run(next(track));
}

class EachVersion : public testing::TestWithParam<Version> {};

TEST_P(EachVersion, DeliversGroupsToASubscriber) {
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  bench.connect();

  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto reader = remote.subscribe("video", {.max_age = 5s});
  ASSERT_TRUE(track->write_frame(1000, Bytes::copy("hello")));
  auto first = next_group(world, reader);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence(), 0U);
  EXPECT_EQ(read_group(world, *std::move(first)), "hello;");

  auto group = track->append_group();
  ASSERT_TRUE(group->write_frame(2000, Bytes::copy("a")));
  auto second = next_group(world, reader);
  ASSERT_TRUE(second);
  ASSERT_TRUE(group->write_frame(2001, Bytes()));
  ASSERT_TRUE(group->write_frame(2002, Bytes::copy("b")));
  std::move(*group).finish();
  EXPECT_EQ(read_group(world, *std::move(second)), "a;;b;");

  std::move(*track).finish();
  EXPECT_FALSE(next_group(world, reader));
}

TEST_P(EachVersion, TakesTheAnnouncementBack) {
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  std::optional<origin::Announcement> announcement =
      *bench.publisher.announce(Path::of("room/alice"), broadcast.consume());
  bench.connect();
  auto watch = bench.subscriber.consume().announced(Path::of("room"));
  ASSERT_TRUE(world.run_until([&] { return watch.poll_next(kio::Waiter::none()).ready(); }, 1min));
  announcement.reset();
  std::optional<origin::Update> update;
  ASSERT_TRUE(world.run_until(
      [&] {
        if (auto next = watch.poll_next(kio::Waiter::none())) update = *std::move(next);
        return update.has_value();
      },
      1min));
  EXPECT_EQ(update->path, Path::of("room/alice"));
  EXPECT_FALSE(update->route);
}

TEST_P(EachVersion, ResumesOverANewSessionWithoutRepeating) {
  if (!has_group_range(GetParam())) GTEST_SKIP() << "begins with the newest group";
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video", {.max_age = 1min});
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto reader = remote.subscribe("video", {.max_age = 1min});
  world.run_for(200ms);  // Up to 05 delivery begins at the newest group of that moment.
  ASSERT_TRUE(track->write_frame(1000, Bytes::copy("g0")));
  auto g0 = next_group(world, reader);
  ASSERT_TRUE(g0);
  EXPECT_EQ(read_group(world, *std::move(g0)), "g0;");
  auto group = track->append_group();
  ASSERT_TRUE(group->write_frame(2000, Bytes::copy("g1a")));
  auto g1 = next_group(world, reader);
  ASSERT_TRUE(g1);
  world.run_for(100ms);

  // The connection dies in the middle of group 1; three more groups pass meanwhile.
  bench.control->kill(sim::Side::client, Error(Code::transport, "reset"));
  bench.client_session.reset();
  bench.server_session.reset();
  ASSERT_TRUE(group->write_frame(2500, Bytes::copy("g1b")));
  std::move(*group).finish();
  for (int i = 2; i < 5; ++i) {
    ASSERT_TRUE(track->write_frame(static_cast<std::uint64_t>(1000 * (i + 1)),
                                   Bytes::copy(fmt::format("g{}", i))));
  }
  world.run_for(3s);
  bench.connect();

  EXPECT_EQ(read_group(world, *std::move(g1)), "g1a;g1b;");
  std::map<std::uint64_t, std::string> rest;
  for (int i = 2; i < 5; ++i) {
    auto next = next_group(world, reader);
    ASSERT_TRUE(next);
    const std::uint64_t sequence = next->sequence();
    EXPECT_TRUE(rest.emplace(sequence, read_group(world, *std::move(next))).second);
  }
  EXPECT_EQ(rest, (std::map<std::uint64_t, std::string>{{2, "g2;"}, {3, "g3;"}, {4, "g4;"}}));
}

TEST_P(EachVersion, AReaderThatComesLaterGetsTheOlderGroupsThatItAsksFor) {
  if (!has_group_range(GetParam())) GTEST_SKIP() << "begins with the newest group";
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video", {.max_age = 1min});
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(track->write_frame(static_cast<std::uint64_t>(1000 * i),
                                   Bytes::copy(fmt::format("g{}", i))));
  }
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  // Asks for the same groups, all but the newest of which are too old for it.
  auto impatient = remote.subscribe("video", {.start = 3});
  auto newest = next_group(world, impatient);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->sequence(), 6U);

  auto patient = remote.subscribe("video", {.max_age = 1min, .start = 3});
  std::map<std::uint64_t, std::string> all;
  for (int i = 3; i < 7; ++i) {
    auto next = next_group(world, patient);
    ASSERT_TRUE(next);
    const std::uint64_t sequence = next->sequence();
    EXPECT_TRUE(all.emplace(sequence, read_group(world, *std::move(next))).second);
  }
  EXPECT_EQ(all,
            (std::map<std::uint64_t, std::string>{{3, "g3;"}, {4, "g4;"}, {5, "g5;"}, {6, "g6;"}}));
  ASSERT_TRUE(track->write_frame(7000, Bytes::copy("g7")));
  EXPECT_EQ(next_group(world, impatient)->sequence(), 7U);
  EXPECT_EQ(next_group(world, patient)->sequence(), 7U);
}

/// The groups of `track` that have come by now, whole: what they hold, by number.
std::map<std::uint64_t, std::string> read_all(sim::World& world, track::Consumer& track) {
  std::map<std::uint64_t, std::string> all;
  for (;;) {
    auto next = track.poll_next_group(kio::Waiter::none());
    if (next.pending() || !*next || !**next) return all;
    const std::uint64_t sequence = (**next)->sequence();
    EXPECT_TRUE(all.emplace(sequence, read_group(world, ***std::move(next))).second);
  }
}

TEST_P(EachVersion, AReaderMayComeAtAnyMomentOfAnothersSubscription) {
  // Before the peer is asked, while the request, the answer, or the first group is on its way.
  for (Duration wait = 0ms; wait < 100ms; wait += 3ms) {
    SCOPED_TRACE(fmt::format("{} ms after the first reader", to_ms(wait)));
    sim::World world;
    Bench bench(GetParam(), world);
    broadcast::Producer broadcast;
    auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
    auto track = broadcast.create_track("video", {.max_age = 1min});
    for (int i = 0; i < 7; ++i) {
      ASSERT_TRUE(track->write_frame(static_cast<std::uint64_t>(1000 * i),
                                     Bytes::copy(fmt::format("g{}", i))));
    }
    bench.connect();
    const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
    auto impatient = remote.subscribe("video", {.start = 3});
    world.run_for(wait);
    auto patient = remote.subscribe("video", {.max_age = 1min, .start = 3});
    world.run_for(5s);
    EXPECT_EQ(read_all(world, impatient), (std::map<std::uint64_t, std::string>{{6, "g6;"}}));
    // Without ranges the peer begins with its newest group, and nobody waits for others.
    if (has_group_range(GetParam())) {
      EXPECT_EQ(read_all(world, patient), (std::map<std::uint64_t, std::string>{
                                              {3, "g3;"}, {4, "g4;"}, {5, "g5;"}, {6, "g6;"}}));
    } else {
      EXPECT_EQ(read_all(world, patient), (std::map<std::uint64_t, std::string>{{6, "g6;"}}));
    }
    EXPECT_FALSE(patient.may_come(3, 6));
  }
}

TEST_P(EachVersion, AFinishedTrackIsThereForLateSubscribers) {
  if (!has_group_range(GetParam())) GTEST_SKIP() << "begins with the newest group";
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  {
    auto track = broadcast.create_track("clip");
    ASSERT_TRUE(track->write_frame(0, Bytes::copy("g0")));
    ASSERT_TRUE(track->write_frame(1000, Bytes::copy("g1")));
    std::move(*track).finish();
  }
  world.run_for(1min);
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  for (int i = 0; i < 2; ++i) {  // Also for who comes after the last reader has left.
    auto reader = remote.subscribe("clip", {.max_age = 5s, .start = 0});
    std::map<std::uint64_t, std::string> all;
    while (auto group = next_group(world, reader)) {
      const std::uint64_t sequence = group->sequence();
      all.emplace(sequence, read_group(world, *std::move(group)));
    }
    EXPECT_EQ(all, (std::map<std::uint64_t, std::string>{{0, "g0;"}, {1, "g1;"}}));
    auto end = reader.poll_end(kio::Waiter::none());
    EXPECT_TRUE(end.ready() && *end);
  }
}

TEST_P(EachVersion, RefusesAnUnknownTrack) {
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto reader = remote.subscribe("nothing");
  auto read = [](track::Consumer& source) -> kio::Task<Result<std::optional<group::Consumer>>> {
    co_return co_await source.next_group();
  };
  auto next = world.run(read(reader));
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::not_found) << next.error().describe();
}

TEST_P(EachVersion, SharesOneSubscriptionAmongReaders) {
  sim::World world;
  Bench bench(GetParam(), world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  std::vector<track::Consumer> readers;
  for (int i = 0; i < 5; ++i) readers.push_back(remote.subscribe("video", {.max_age = 5s}));
  ASSERT_TRUE(track->write_frame(1000, Bytes::copy("x")));
  for (auto& reader : readers) {
    auto group = next_group(world, reader);
    ASSERT_TRUE(group);
    EXPECT_EQ(read_group(world, *std::move(group)), "x;");
  }
  // One announce stream, and per track one TRACK (from 05) and one SUBSCRIBE.
  EXPECT_LE(bench.control->streams_opened(sim::Side::server), 1U + 3U);
  readers.clear();
  ASSERT_TRUE(
      world.run_until([&] { return track->poll_unused(kio::Waiter::none()).ready(); }, 10s));
}

INSTANTIATE_TEST_SUITE_P(Lite, EachVersion,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         [](const auto& param_info) {
                           return "v0" + std::to_string(static_cast<int>(param_info.param) + 1);
                         });
INSTANTIATE_TEST_SUITE_P(Moqt, EachVersion,
                         testing::Values(Version::moqt_14, Version::moqt_15, Version::moqt_16,
                                         Version::moqt_17, Version::moqt_18, Version::moqt_19,
                                         Version::moqt_20, Version::moqt_21, Version::moqt_22),
                         [](const auto& param_info) {
                           return "d" + std::to_string(draft_number(param_info.param));
                         });

TEST(Session, FetchesACachedGroupAndRefusesAnother) {
  sim::World world;
  Bench bench(Version::lite_06, world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  ASSERT_TRUE(track->write_frame(1000, Bytes::copy("cached")));
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto fetch = [](track::Fetch request) -> kio::Task<Result<group::Consumer>> {
    co_return co_await request.result();
  };
  auto group = world.run(fetch(remote.fetch("video", 0)));
  ASSERT_TRUE(group) << group.error().describe();
  EXPECT_EQ(read_group(world, *std::move(group)), "cached;");
  auto missing = world.run(fetch(remote.fetch("video", 7)));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
}

TEST(Session, AFetchFromAPeerWithoutFetchIsRefused) {
  sim::World world;
  Bench bench(Version::lite_04, world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto fetch = [](track::Fetch request) -> kio::Task<Result<group::Consumer>> {
    co_return co_await request.result();
  };
  auto refused = world.run(fetch(remote.fetch("video", 7)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported) << refused.error().describe();
}

TEST(Session, AFetchOutlivesItsSession) {
  sim::World world;
  Bench bench(Version::lite_06, world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  track::Producer handler = track->clone();
  EXPECT_TRUE(handler.poll_requested_group(kio::Waiter::none()).pending());
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  track::Fetch fetch = remote.fetch("video", 7);
  world.run_for(1s);
  EXPECT_TRUE(fetch.poll(kio::Waiter::none()).pending());
  bench.control->kill(sim::Side::client, Error(Code::transport, "reset"));
  bench.client_session.reset();
  bench.server_session.reset();
  world.run_for(1s);
  EXPECT_TRUE(fetch.poll(kio::Waiter::none()).pending());

  bench.connect();
  std::optional<group::Producer> answer;
  ASSERT_TRUE(world.run_until(
      [&] {
        auto request = handler.poll_requested_group(kio::Waiter::none());
        if (request) answer = std::move(**request).accept();
        return answer.has_value();
      },
      10s));
  ASSERT_TRUE(answer->write_frame(0, Bytes::copy("old")));
  std::move(*answer).finish();
  auto wait = [](track::Fetch& request) -> kio::Task<Result<group::Consumer>> {
    co_return co_await request.result();
  };
  auto group = world.run(wait(fetch));
  ASSERT_TRUE(group) << group.error().describe();
  EXPECT_EQ(read_group(world, *std::move(group)), "old;");
}

TEST(Session, AFetchedGroupThatNobodyReadsIsStopped) {
  sim::World world;
  Bench bench(Version::lite_06, world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("video");
  track::Producer handler = track->clone();
  EXPECT_TRUE(handler.poll_requested_group(kio::Waiter::none()).pending());
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  std::optional<track::Fetch> fetch = remote.fetch("video", 7);
  world.run_for(1s);
  auto answer = std::move(**handler.poll_requested_group(kio::Waiter::none())).accept();
  ASSERT_TRUE(answer.write_frame(0, Bytes::copy("first")));
  world.run_for(1s);
  EXPECT_TRUE(answer.poll_unused(kio::Waiter::none()).pending());
  fetch.reset();
  world.run_for(1s);
  EXPECT_TRUE(answer.poll_unused(kio::Waiter::none()).ready());
}

TEST(Session, CarriesDatagrams) {
  sim::World world;
  Bench bench(Version::lite_06, world);
  broadcast::Producer broadcast;
  auto announcement = bench.publisher.announce(Path::of("alice"), broadcast.consume());
  auto track = broadcast.create_track("clock");
  bench.connect();
  const broadcast::Consumer remote = bench.wait_for(Path::of("alice"));
  auto reader = remote.subscribe("clock");
  ASSERT_TRUE(world.run_until([&] { return track->poll_used(kio::Waiter::none()).ready(); }, 10s));
  world.run_for(100ms);
  ASSERT_TRUE(track->append_datagram(5, Bytes::copy("tick")));
  auto read = [](track::Consumer& source) -> kio::Task<Result<std::optional<track::Datagram>>> {
    co_return co_await source.datagram();
  };
  auto datagram = world.run(read(reader));
  ASSERT_TRUE(datagram && *datagram);
  EXPECT_EQ((*datagram)->payload.text(), "tick");
  EXPECT_EQ((*datagram)->timestamp, 5U);
}

TEST(Session, TellsGoaway) {
  sim::World world;
  Bench bench(Version::lite_06, world);
  bench.connect();
  bench.server_session->goaway("https://b.example/x");
  std::optional<std::string> uri;
  ASSERT_TRUE(world.run_until(
      [&] {
        if (auto told = bench.client_session->poll_goaway(kio::Waiter::none())) uri = *told;
        return uri.has_value();
      },
      10s));
  EXPECT_EQ(uri, "https://b.example/x");
}

TEST(Session, ARefusalReachesTheClient) {
  sim::World world;
  sim::PairOptions options(sim::LinkOptions{.latency = 10ms});
  options.protocol = "moq-lite-06";
  auto pair = sim::session_pair(world, options);
  auto client = world.run(net::connect({world, world}, std::move(pair.client), {}, "/room?jwt=x"));
  auto request = world.run(net::accept({world, world}, std::move(pair.server)));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path(), "/room?jwt=x");
  std::move(*request).reject(Error(Code::unauthorized, "no such token"));
  auto closed = [](const Session& session) -> kio::Task<Error> {
    co_return co_await session.closed();
  };
  EXPECT_EQ(world.run(closed(*client)).code, Code::unauthorized);
}

TEST(Session, AClientThatNeverGreetsIsDropped) {
  sim::World world;
  sim::PairOptions options(sim::LinkOptions{.latency = 10ms});
  options.protocol = "moq-lite-06";
  auto pair = sim::session_pair(world, options);
  auto request = world.run(net::accept({world, world}, std::move(pair.server)));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Code::control_timeout);
  EXPECT_EQ(world.elapsed(), kHandshakeTimeout);
}

TEST(Session, AServerThatNeverGreetsIsLeft) {
  sim::World world;
  sim::PairOptions options(sim::LinkOptions{.latency = 10ms});
  options.protocol = "moq-lite-06";
  auto pair = sim::session_pair(world, options);
  auto client = world.run(net::connect({world, world}, std::move(pair.client), {}));
  auto closed = [](const Session& session) -> kio::Task<Error> {
    co_return co_await session.closed();
  };
  EXPECT_EQ(world.run(closed(*client)).code, Code::control_timeout);
  EXPECT_EQ(world.elapsed(), kHandshakeTimeout);
  world.run_for(1s);
  const auto seen = pair.server->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(seen.ready());
  EXPECT_EQ(seen->wire, static_cast<std::uint64_t>(SessionCode::control_timeout));
}

}  // namespace
}  // namespace moq::net

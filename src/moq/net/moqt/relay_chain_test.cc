#include <fmt/format.h>

#include <map>

#include "moq/net/moqt/scripted_test_support.h"

/// Both halves, and relays between drafts, over links that lose and delay.
namespace moq::net::moqt {
namespace {

/// A session between two of our origins; either may be a client.
struct Link {
  Link(sim::World& world, Version version, SessionOptions client, SessionOptions server,
       const sim::LinkOptions& link) {
    sim::PairOptions options(link);
    options.protocol = std::string(alpn_name(version));
    auto pair = sim::session_pair(world, options);
    control.emplace(pair.control);
    const std::vector<Version> versions = {version};
    auto dialling = world.spawn(
        net::connect({world, world}, std::move(pair.client), std::move(client), {}, versions));
    auto request = world.run(net::accept({world, world}, std::move(pair.server), versions));
    EXPECT_TRUE(request) << request.error().describe();
    accepting = std::move(*request).accept(std::move(server));
    auto join = [](kio::Spawned<Result<Session>>& task) -> kio::Task<Result<Session>> {
      co_return co_await task.join();
    };
    dialled = *world.run(join(dialling));
  }
  std::optional<sim::PairControl> control;
  std::optional<Session> dialled;
  std::optional<Session> accepting;
};

SessionOptions publishing(const origin::Producer& origin) {
  SessionOptions options;
  options.publish = origin.consume();
  return options;
}
SessionOptions subscribing(const origin::Producer& origin) {
  SessionOptions options;
  options.subscribe = origin.clone();
  return options;
}

broadcast::Consumer find(sim::World& world, const origin::Producer& origin, std::string_view path) {
  std::optional<broadcast::Consumer> found;
  EXPECT_TRUE(world.run_until(
      [&] {
        found = origin.consume().find(Path::of(path));
        return found.has_value();
      },
      20s));
  MOQ_ASSERT(found.has_value());
  return *std::move(found);
}

/// Reads a track: what each group holds, once it is whole.
class Log {
 public:
  explicit Log(track::Consumer track) : track_(std::move(track)) {}
  void read() {
    while (auto next = track_.poll_next_group(Waiter::none())) {
      if (!*next || !**next) {
        over = true;
        break;
      }
      EXPECT_FALSE(groups.contains((**next)->sequence())) << "twice";
      groups[(**next)->sequence()] = "";
      open_.push_back(**std::move(*next));
    }
    for (group::Consumer& group : open_) {
      std::string& text = groups[group.sequence()];
      while (auto frame = group.poll_read_frame(Waiter::none())) {
        if (!*frame || !**frame) break;
        text += fmt::format("{}@{};", (**frame)->second.text(), (**frame)->first.timestamp);
      }
    }
  }
  std::map<std::uint64_t, std::string> groups;
  bool over = false;

 private:
  track::Consumer track_;
  std::vector<group::Consumer> open_;
};

class RelayChain : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, RelayChain, testing::ValuesIn(kDrafts), DraftName());

TEST_P(RelayChain, EverythingArrivesOnceOverALossyLink) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    sim::World world(seed);
    origin::Producer publisher{0x1111};
    origin::Producer subscriber{0x2222};
    broadcast::Producer broadcast;
    auto announcement = publisher.announce(Path::of("a/b"), broadcast.consume());
    auto track = broadcast.create_track("video", {.max_age = 1min});
    sim::LinkOptions lossy{.latency = 20ms};
    lossy.loss = 0.05;
    const bool dials = seed % 2 == 0;
    Link link(world, version_of(GetParam()),
              dials ? publishing(publisher) : subscribing(subscriber),
              dials ? subscribing(subscriber) : publishing(publisher), lossy);
    std::map<std::uint64_t, std::string> expected;
    std::uint64_t timestamp = 0;
    const auto write = [&](std::uint64_t sequence) {
      auto group = track->create_group(sequence);
      ASSERT_TRUE(group);
      for (int i = 0; i < 5; ++i) {
        timestamp += 33;
        const std::string text = fmt::format("{}-{}", sequence, i);
        expected[sequence] += fmt::format("{}@{};", text, timestamp);
        ASSERT_TRUE(group->write_frame(timestamp, Bytes::copy(text)));
        world.run_for(7ms);
      }
      std::move(*group).finish();
    };
    write(0);  // Is there before anybody reads.
    Log log(find(world, subscriber, "a/b").subscribe("video", {.max_age = 1min}));
    world.run_for(1s);  // What is sent begins with the newest group of the moment that we ask.
    for (std::uint64_t sequence = 1; sequence < 12; ++sequence) {
      write(sequence);
      log.read();
    }
    std::move(*track).finish();
    ASSERT_TRUE(world.run_until(
        [&] {
          log.read();
          return log.over;
        },
        1min));
    log.read();
    EXPECT_EQ(log.groups, expected);
  }
}

TEST_P(RelayChain, ARelayPassesOnFromOneDraftToAnother) {
  for (const Version onward : {Version::moqt_14, Version::moqt_18, Version::lite_06}) {
    SCOPED_TRACE(to_string(onward));
    sim::World world;
    origin::Producer publisher{0x1111};
    origin::Producer relay{0x3333};
    origin::Producer subscriber{0x2222};
    broadcast::Producer broadcast;
    auto announcement = publisher.announce(Path::of("a/b"), broadcast.consume());
    auto track = broadcast.create_track("video");
    auto group = track->append_group();
    ASSERT_TRUE(group->write_frame(1000, Bytes::copy("one")));
    SessionOptions both = subscribing(relay);
    both.publish = relay.consume();
    const sim::LinkOptions link{.latency = 10ms};
    Link up(world, version_of(GetParam()), publishing(publisher), both.clone(), link);
    Link down(world, onward, subscribing(subscriber), both.clone(), link);
    Log log(find(world, subscriber, "a/b").subscribe("video", {.max_age = 5s}));
    world.run_for(500ms);
    ASSERT_TRUE(group->write_frame(1001, Bytes::copy("two")));
    std::move(*group).finish();
    world.run_for(500ms);
    ASSERT_TRUE(track->write_frame(2000, Bytes::copy("three")));
    world.run_for(500ms);
    log.read();
    EXPECT_EQ(log.groups, (std::map<std::uint64_t, std::string>{{0, "one@1000;two@1001;"},
                                                                {1, "three@2000;"}}));
    announcement->set_listed(false);
    world.run_for(1s);
    auto gone = subscriber.consume().announced(Path());
    EXPECT_TRUE(gone.poll_next(Waiter::none()).pending());
  }
}

TEST_P(RelayChain, FetchesCachedGroups) {
  sim::World world;
  origin::Producer publisher{0x1111};
  origin::Producer subscriber{0x2222};
  broadcast::Producer broadcast;
  auto announcement = publisher.announce(Path::of("a/b"), broadcast.consume());
  auto track = broadcast.create_track("video");
  ASSERT_TRUE(track->write_frame(1000, Bytes::copy("cached")));
  Link link(world, version_of(GetParam()), publishing(publisher), subscribing(subscriber),
            {.latency = 10ms});
  const broadcast::Consumer remote = find(world, subscriber, "a/b");
  track::Fetch cached = remote.fetch("video", 0);
  auto group = run_until_ready(world, [&](const Waiter& waiter) { return cached.poll(waiter); });
  ASSERT_TRUE(group) << group.error().describe();
  auto frame =
      run_until_ready(world, [&](const Waiter& waiter) { return group->poll_read_frame(waiter); });
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->second.text(), "cached");
  track::Fetch missing = remote.fetch("video", 7);
  auto refused = run_until_ready(world, [&](const Waiter& waiter) { return missing.poll(waiter); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_found) << refused.error().describe();
}

/// A relay of ours between a publisher and a peer by hand.
struct RelayStage {
  RelayStage(Version upstream, Draft draft) : stage(draft) {
    announcement.emplace(*publisher.announce(Path::of("a/b"), broadcast.consume()));
    up.emplace(stage.world, upstream, publishing(publisher), subscribing(relay),
               sim::LinkOptions{.latency = 20ms});
    stage.start(publishing(relay));
    (void)find(stage.world, relay, "a/b");
  }
  Peer::Asked subscribe() {
    Subscribe message;
    message.track = {.track_namespace = {.fields = {"a", "b"}}, .name = "video"};
    message.parameters.filter = LocationFilter::next_object();
    return stage.peer->ask(message);
  }

  Stage stage;
  origin::Producer publisher{0x1111};
  origin::Producer relay{0x3333};
  broadcast::Producer broadcast;
  std::optional<origin::Announcement> announcement;
  std::optional<Link> up;
};

class FirstEdge : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, FirstEdge, testing::ValuesIn(kDrafts), DraftName());

// Who joins at the largest object and fetches nothing before it, as `@moq/net` does, gets what a
// relay has only just asked for: nothing has been said to come before it.
TEST_P(FirstEdge, IsNoneOfATrackThatTheRelayHasOnlyJustAskedForWhichThenComesWhole) {
  for (const Version upstream : {version_of(GetParam()), Version::lite_06, Version::lite_03}) {
    SCOPED_TRACE(to_string(upstream));
    RelayStage relay(upstream, GetParam());
    auto track = relay.broadcast.create_track("video", {.max_age = 1min});
    for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
      Stage::write_group(*track, sequence, {"first", "second"}).finish();
    }
    Peer::Asked subscription = relay.subscribe();
    const auto ok = relay.stage.peer->answer_as<SubscribeOk>(subscription);
    EXPECT_FALSE(ok.parameters.largest);
    auto data = relay.stage.peer->next_data();
    auto header = run_until_ready(relay.stage.world, [&](const Waiter& waiter) {
      return data.reader.poll_subgroup_header(waiter, data.type);
    });
    ASSERT_TRUE(header);
    EXPECT_EQ(next_object(relay.stage.world, data.reader)->payload, "first");
  }
}

TEST_P(FirstEdge, OfTheSourceIsToldToWhoAsksForTheStatusAlone) {
  RelayStage relay(version_of(GetParam()), GetParam());
  auto track = relay.broadcast.create_track("video");
  Stage::write_group(*track, 4, {"first", "second"}).finish();
  TrackStatus message;
  message.track = {.track_namespace = {.fields = {"a", "b"}}, .name = "video"};
  Peer::Asked status = relay.stage.peer->ask(message);
  const auto ok = relay.stage.peer->answer_as<RequestOk>(status);
  EXPECT_EQ(ok.parameters.largest, (Location{4, 1}));
}

}  // namespace
}  // namespace moq::net::moqt

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "moq/net/moqt/scripted_test_support.h"

/// Both halves of moq-transport against each other, over links that lose, delay and reorder.
namespace moq::net::moqt {
namespace {

/// A publisher, a subscriber, and what the subscriber got.
struct Pair {
  Pair(Draft draft_to_speak, std::uint64_t seed, const sim::LinkOptions& link)
      : world(seed), draft(draft_to_speak) {
    sim::PairOptions options(link);
    const std::vector<Version> versions = {version_of(draft)};
    options.protocol = std::string(alpn_name(versions[0]));
    auto pair = sim::session_pair(world, options);
    control.emplace(pair.control);
    SessionOptions client;
    client.publish = publisher.consume();
    auto dialling = world.spawn(net::connect({world, world}, std::move(pair.client),
                                             std::move(client), std::nullopt, versions));
    auto request = world.run(net::accept({world, world}, std::move(pair.server), versions));
    SessionOptions server;
    server.subscribe = subscriber.clone();
    far.emplace(std::move(*request).accept(std::move(server)));
    near.emplace(
        *run_until_ready(world, [&](const Waiter& waiter) { return dialling.poll_join(waiter); }));
  }
  track::Consumer subscribe(const track::Subscription& wanted) {
    std::optional<broadcast::Consumer> found;
    EXPECT_TRUE(world.run_until(
        [&] {
          found = subscriber.consume().find(Path::of("live/cam"));
          return found.has_value();
        },
        1min));
    return found->subscribe("video", wanted);
  }
  /// Reads what there is of the groups of `reader`.
  void read(track::Consumer& reader) {
    while (auto next = reader.poll_next_group(Waiter::none())) {
      if (!*next || !**next) {
        over = true;
        failed = !*next;
        break;
      }
      groups.push_back(***std::move(next));
    }
    for (auto& group : groups) {
      std::string& text = got[group.sequence()];
      if (text.ends_with("!") || text.ends_with(".")) continue;
      while (auto frame = group.poll_read_frame(Waiter::none())) {
        if (!*frame || !**frame) {
          text += *frame ? "." : "!";
          break;
        }
        text += fmt::format("{}@{} ", (***frame).second.text(), (***frame).first.timestamp);
      }
    }
  }

  sim::World world;
  const Draft draft;
  origin::Producer publisher{0x1111};
  origin::Producer subscriber{0x2222};
  broadcast::Producer broadcast;
  std::optional<sim::PairControl> control;
  std::optional<Session> near;
  std::optional<Session> far;
  std::vector<group::Consumer> groups;
  std::map<std::uint64_t, std::string> got;
  bool over = false;
  bool failed = false;
};

class EndToEnd : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, EndToEnd, testing::ValuesIn(kDrafts), DraftName());

TEST_P(EndToEnd, WhoJoinsGetsTheRunningGroupFromItsStart) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    sim::LinkOptions link;
    link.jitter = 40ms;
    link.loss = 0.1;
    Pair pair(GetParam(), seed, link);
    auto announcement = pair.publisher.announce(Path::of("live/cam"), pair.broadcast.consume());
    auto track = pair.broadcast.create_track("video", {.max_age = 1h});
    // Times travel where a draft tells their unit; elsewhere frames are stamped on arrival.
    const bool timed = has_request_streams(GetParam());
    std::map<std::uint64_t, std::string> expected;
    std::optional<track::Consumer> reader;
    std::uint64_t first = 0;
    constexpr std::uint64_t kGroups = 6;
    constexpr std::uint64_t kFrames = 8;
    const std::uint64_t join_at = 3 + seed % kFrames;
    for (std::uint64_t sequence = 0; sequence < kGroups; ++sequence) {
      auto group = track->append_group();
      ASSERT_TRUE(group);
      for (std::uint64_t frame = 0; frame < kFrames; ++frame) {
        const std::uint64_t time = 100 * sequence + frame;
        ASSERT_TRUE(group->write_frame(time, Bytes::copy(fmt::format("{}.{}", sequence, frame))));
        expected[sequence] += fmt::format("{}.{}@{} ", sequence, frame, time);
        pair.world.run_for(30ms);
        if (!reader && sequence * kFrames + frame >= join_at) {
          reader.emplace(pair.subscribe({.priority = 100, .max_age = 1h}));
          first = sequence;
        }
        if (reader) pair.read(*reader);
      }
      std::move(*group).finish();
      expected[sequence] += ".";
    }
    std::move(*track).finish();
    ASSERT_TRUE(pair.world.run_until(
        [&] {
          pair.read(*reader);
          return pair.over;
        },
        1min));
    EXPECT_FALSE(pair.failed);
    pair.read(*reader);
    // The answer may come after the next group has begun.
    ASSERT_FALSE(pair.got.empty());
    EXPECT_LE(pair.got.begin()->first, first + 2);
    for (std::uint64_t sequence = pair.got.begin()->first; sequence < kGroups; ++sequence) {
      std::string text = pair.got[sequence];
      if (!timed) {
        for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at)) {
          text.erase(at, text.find(' ', at) - at);
        }
        std::string& wanted = expected[sequence];
        for (std::size_t at = wanted.find('@'); at != std::string::npos; at = wanted.find('@')) {
          wanted.erase(at, wanted.find(' ', at) - at);
        }
      }
      EXPECT_EQ(text, expected[sequence]) << "group " << sequence;
    }
  }
}

TEST_P(EndToEnd, ReadersThatComeAndGoLeaveNothingBehind) {
  sim::LinkOptions link;
  link.jitter = 20ms;
  Pair pair(GetParam(), 7, link);
  auto announcement = pair.publisher.announce(Path::of("live/cam"), pair.broadcast.consume());
  auto track = pair.broadcast.create_track("video");
  for (std::uint64_t round = 0; round < 50; ++round) {
    std::optional<track::Consumer> reader(pair.subscribe({.max_age = 5s}));
    ASSERT_TRUE(track->write_frame(round * 1000, Bytes::copy("x")));
    pair.world.run_for(Duration(pair.world.next() % 200'000'000));
    reader.reset();
    pair.world.run_for(Duration(pair.world.next() % 100'000'000));
  }
  pair.world.run_for(5s);
  EXPECT_TRUE(track->poll_unused(Waiter::none()).ready());
  EXPECT_TRUE(pair.near->poll_closed(Waiter::none()).pending());
  // What stays open is the control streams and the list of namespaces.
  EXPECT_LE(pair.control->open_streams(sim::Side::client), 3U);
  EXPECT_LE(pair.control->open_streams(sim::Side::server), 3U);
}

}  // namespace
}  // namespace moq::net::moqt

#include <algorithm>
#include <map>

#include "moq/net/internal/broadcast_state.h"
#include "moq/net/internal/origin_state.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

/// Forwards what is announced in one origin to another, as a session does, by hand: its end gives
/// back the tracks and suspends their groups.
class Bridge {
 public:
  Bridge(sim::World& world, origin::Consumer from, origin::Producer to)
      : world_(world), from_(std::move(from)), to_(std::move(to)), tasks_(world) {
    tasks_.spawn(follow(this));
  }

 private:
  struct Served {
    explicit Served(kio::Executor& executor, origin::RemoteRoute route_to)
        : route(std::move(route_to)), tasks(executor) {}
    ~Served() { tasks.clear(); }  // Before the route goes.
    origin::RemoteRoute route;
    kio::TaskGroup tasks;
  };
  struct Track {
    explicit Track(track::Producer producer) : writer(std::move(producer)) {}
    ~Track() { std::move(writer).give_back(); }
    track::Producer writer;
  };
  struct Request {
    explicit Request(broadcast::TrackRequest asked) : request(std::move(asked)) {}
    ~Request() {
      if (request) std::move(*request).give_back();
    }
    broadcast::TrackRequest take() { return std::move(*std::exchange(request, std::nullopt)); }
    std::optional<broadcast::TrackRequest> request;
  };
  struct Frame {
    explicit Frame(frame::Producer producer) : writer(std::move(producer)) {}
    Frame(Frame&&) = default;
    ~Frame() {
      if (writer) std::move(*writer).suspend();
    }
    std::optional<frame::Producer> writer;
  };
  struct Group {
    explicit Group(group::Producer producer) : writer(std::move(producer)) {}
    ~Group() {
      if (writer) std::move(*writer).suspend();
    }
    std::optional<group::Producer> writer;
  };

  static kio::Task<void> follow(Bridge* self) {
    origin::Announced announced = self->from_.announced({}, self->to_.hop());
    for (;;) {
      origin::Update update = co_await announced.next();
      const Path path = update.path;
      self->served_.erase(path);
      if (!update.route) continue;
      Route route = *update.route;
      route.hops.push_back(self->from_.hop());
      auto added = self->to_.add_route(path, route);
      EXPECT_TRUE(added);
      auto served = std::make_unique<Served>(self->world_, *std::move(added));
      Served* raw = served.get();
      self->served_[path] = std::move(served);
      raw->tasks.spawn(serve(self, raw, update.broadcast->clone()));
    }
  }

  static kio::Task<void> serve(Bridge* self, Served* served, broadcast::Consumer from) {
    for (;;) {
      broadcast::TrackRequest request = co_await served->route.requested_track();
      served->tasks.spawn(forward(self, from.clone(), std::move(request)));
    }
  }

  static kio::Task<void> forward(Bridge* self, broadcast::Consumer from,
                                 broadcast::TrackRequest asked) {
    Request request(std::move(asked));
    const std::string name = request.request->name();
    const track::InfoRequest question = from.info(name);
    auto info = co_await question.result();
    if (!info) {
      request.take().reject(info.error());
      co_return;
    }
    auto accepted = request.take().accept(*info);
    if (!accepted) co_return;
    Track track(*std::move(accepted));
    std::optional<track::Consumer> reader;
    kio::TaskGroup groups(self->world_);
    for (;;) {
      auto event = co_await kio::wait(
          [&](const Waiter& waiter) { return poll_track(track.writer, reader, from, waiter); });
      if (!event) co_return;
      groups.spawn(copy(track.writer, *std::move(event)));
    }
  }

  /// The next group to copy; follows the demand meanwhile. Fails once this is over.
  static kio::Poll<Result<group::Consumer>> poll_track(track::Producer& writer,
                                                       std::optional<track::Consumer>& reader,
                                                       const broadcast::Consumer& from,
                                                       const Waiter& waiter) {
    using Out = Result<group::Consumer>;
    if (writer.poll_revoked(waiter)) return Out(fail(Code::closed));
    while (auto demand = writer.poll_demand(waiter)) {
      if (!*demand || !**demand) return Out(fail(Code::closed));
      track::Subscription wanted = ***demand;
      if (reader) {
        reader->update(wanted);
      } else {
        if (auto resume = writer.resume_point()) wanted.start = resume;
        reader = from.subscribe(writer.name(), wanted);
      }
    }
    if (!reader) return kio::kPending;
    auto group = reader->poll_next_group(waiter);
    if (group.pending()) return kio::kPending;
    if (!*group) return Out(std::unexpected(group->error()));
    if (!**group) return Out(fail(Code::closed));
    return Out(**std::move(*group));
  }

  static kio::Task<void> copy(track::Producer& track, group::Consumer source) {
    auto created = track.create_group(source.sequence());
    if (!created) co_return;
    Group group(*std::move(created));
    std::optional<Frame> frame;
    std::size_t left = 0;
    for (;;) {
      auto next = co_await source.chunk();
      if (!next || !*next) {
        if (next) {
          std::move(*group.writer).finish();
        } else {
          std::move(*group.writer).abort(next.error());
        }
        group.writer.reset();
        co_return;
      }
      const group::Chunk& chunk = **next;
      if (chunk.begins) {
        auto begun = group.writer->create_frame(*chunk.begins);
        if (!begun) co_return;
        frame.emplace(*std::move(begun));
        left = chunk.begins->size_bytes;
      }
      EXPECT_TRUE(frame->writer->write(chunk.data));
      left -= chunk.data.size();
      if (left > 0) continue;
      EXPECT_TRUE(std::move(*frame->writer).finish());
      frame->writer.reset();
    }
  }

  sim::World& world_;
  origin::Consumer from_;
  origin::Producer to_;
  std::map<Path, std::unique_ptr<Served>> served_;
  kio::TaskGroup tasks_;
};

const Path kPath = Path::of("room/alice");

/// A publisher, a relay and a subscriber, each an origin.
struct Chain {
  Chain() {
    upstream.emplace(world, publisher.consume(), relay.clone());
    downstream.emplace(world, relay.consume(), subscriber.clone());
    announcement = *publisher.announce(kPath, broadcast.consume());
    world.run_until_idle();
  }
  broadcast::Consumer find() {
    world.run_until_idle();
    return *subscriber.consume().find(kPath);
  }
  Sequences take(track::Consumer& reader) {
    world.run_until_idle();
    const auto ended = reader.poll_end(Waiter::none());
    EXPECT_TRUE(ended.pending() || *ended) << ended->error().describe();
    return take_sequences(reader);
  }
  void write(std::uint64_t sequence) {
    write_group(video, sequence, sequence * 1000, "group " + std::to_string(sequence));
  }
  sim::World world;
  origin::Producer publisher{1};
  origin::Producer relay{2};
  origin::Producer subscriber{3};
  broadcast::Producer broadcast;
  track::Producer video = *broadcast.create_track("video", {.max_age = 1min});
  std::optional<origin::Announcement> announcement;
  std::optional<Bridge> upstream;
  std::optional<Bridge> downstream;
};

TEST(OriginChain, BehavesAsOneOrigin) {
  Chain chain;
  const broadcast::Consumer broadcast = chain.find();
  track::Consumer reader = broadcast.subscribe("video", kEverything);
  for (std::uint64_t i = 0; i < 3; ++i) chain.write(i);
  EXPECT_EQ(chain.take(reader), (Sequences{0, 1, 2}));
  auto update = now(chain.subscriber.consume().announced().poll_next(Waiter::none()));
  EXPECT_EQ(update.route->hops, (std::vector<std::uint64_t>{1, 2}));
  chain.announcement.reset();
  chain.world.run_until_idle();
  EXPECT_FALSE(chain.subscriber.consume().find(kPath));
}

TEST(OriginChain, AGroupFlowsWhileItGrows) {
  Chain chain;
  const broadcast::Consumer broadcast = chain.find();
  track::Consumer track = broadcast.subscribe("video", kEverything);
  auto group = chain.video.append_group();
  auto frame = group->create_frame({.timestamp = 0, .size_bytes = 6});
  ASSERT_TRUE(frame->write(Bytes::copy("abc")));
  chain.world.run_until_idle();
  auto reader = now(track.poll_next_group(Waiter::none()));
  auto parts = now((*reader)->poll_next_frame(Waiter::none()));
  EXPECT_EQ(now((*parts)->poll_read(Waiter::none()))->text(), "abc");
  ASSERT_TRUE(frame->write(Bytes::copy("def")));
  chain.world.run_until_idle();
  EXPECT_EQ(now((*parts)->poll_read(Waiter::none()))->text(), "def");
}

TEST(OriginChain, ManyReadersShareOneSubscriptionAtEachHop) {
  Chain chain;
  const broadcast::Consumer broadcast = chain.find();
  std::vector<track::Consumer> readers;
  for (int i = 0; i < 100; ++i) readers.push_back(broadcast.subscribe("video", kEverything));
  chain.world.run_until_idle();
  const auto& tracks = chain.broadcast.consume().state()->tracks;
  EXPECT_EQ(tracks.at("video").lock()->subscriptions.size(), 1U);
  chain.write(0);
  chain.world.run_until_idle();
  for (track::Consumer& reader : readers) EXPECT_EQ(take_sequences(reader), (Sequences{0}));
  readers.clear();
  chain.world.run_until_idle();
  EXPECT_EQ(tracks.at("video").lock()->subscriptions.size(), 0U);
}

TEST(OriginChain, ARefusalTravelsToTheReader) {
  Chain chain;
  track::Consumer reader = chain.find().subscribe("nothing");
  chain.world.run_until_idle();
  EXPECT_EQ(code_of(now(reader.poll_next_group(Waiter::none()))), Code::not_found);
}

TEST(OriginChain, ALostHopIsBridgedWithoutALossOrARepetition) {
  for (const bool lose_upstream : {true, false}) {
    Chain chain;
    track::Consumer reader = chain.find().subscribe("video", kEverything);
    for (std::uint64_t i = 0; i < 3; ++i) chain.write(i);
    auto group = chain.video.create_group(3);
    ASSERT_TRUE(group->write_frame(3000, Bytes::copy("one")));
    auto frame = group->create_frame({.timestamp = 3001, .size_bytes = 6});
    ASSERT_TRUE(frame->write(Bytes::copy("abc")));
    EXPECT_EQ(chain.take(reader), (Sequences{0, 1, 2, 3}));
    track::Consumer other = chain.find().subscribe("video", kEverything);
    auto open = std::optional<group::Consumer>();
    for (int i = 0; i < 4; ++i) open = **now(other.poll_next_group(Waiter::none()));

    (lose_upstream ? chain.upstream : chain.downstream).reset();
    chain.world.run_until_idle();
    EXPECT_FALSE(chain.subscriber.consume().find(kPath));
    ASSERT_TRUE(frame->write(Bytes::copy("def")));
    ASSERT_TRUE(std::move(*frame).finish());
    ASSERT_TRUE(group->write_frame(3002, Bytes()));
    std::move(*group).finish();
    for (std::uint64_t i = 4; i < 7; ++i) chain.write(i);
    EXPECT_EQ(chain.take(reader), (Sequences{}));

    if (lose_upstream) {
      chain.upstream.emplace(chain.world, chain.publisher.consume(), chain.relay.clone());
    } else {
      chain.downstream.emplace(chain.world, chain.relay.consume(), chain.subscriber.clone());
    }
    Sequences rest = chain.take(reader);
    std::ranges::sort(rest);
    EXPECT_EQ(rest, (Sequences{4, 5, 6}));
    EXPECT_EQ(take_frames(*open), (Texts{"one", "abcdef", ""}));
    EXPECT_TRUE(open->finished());
  }
}

TEST(OriginChain, ARingOfOriginsDoesNotFeedItself) {
  Chain chain;
  const Bridge back(chain.world, chain.subscriber.consume(), chain.publisher.clone());
  const Bridge again(chain.world, chain.relay.consume(), chain.publisher.clone());
  const broadcast::Consumer found = chain.find();
  EXPECT_TRUE(chain.publisher.consume().find(kPath)->same_broadcast(chain.broadcast.consume()));
  track::Consumer reader = found.subscribe("video", kEverything);
  chain.write(0);
  EXPECT_EQ(chain.take(reader), (Sequences{0}));
  chain.announcement.reset();
  chain.world.run_until_idle();
  EXPECT_FALSE(chain.publisher.consume().find(kPath));
}

TEST(OriginChain, HundredLostHopsLoseNothing) {
  // At each round the relay is lost at another moment, and half a group is on its way.
  Chain chain;
  track::Consumer reader = chain.find().subscribe("video", kEverything);
  Sequences got;
  std::uint64_t next = 0;
  for (int round = 0; round < 100; ++round) {
    chain.write(next++);
    auto group = chain.video.create_group(next++);
    ASSERT_TRUE(group->write_frame(next * 1000, Bytes::copy("half")));
    if (round % 3 != 0) chain.world.run_until_idle();
    chain.upstream.reset();
    if (round % 2 != 0) chain.downstream.reset();
    ASSERT_TRUE(group->write_frame(next * 1000 + 1, Bytes::copy("whole")));
    std::move(*group).finish();
    chain.upstream.emplace(chain.world, chain.publisher.consume(), chain.relay.clone());
    if (!chain.downstream) {
      chain.downstream.emplace(chain.world, chain.relay.consume(), chain.subscriber.clone());
    }
    for (const std::uint64_t sequence : chain.take(reader)) got.push_back(sequence);
  }
  std::ranges::sort(got);
  ASSERT_EQ(got.size(), next);
  for (std::uint64_t i = 0; i < next; ++i) EXPECT_EQ(got[i], i);
}

}  // namespace
}  // namespace moq::net

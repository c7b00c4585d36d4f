#include <atomic>
#include <thread>

#include "moq/net/model_test_support.h"
#include "moq/net/ordered.h"
#include "moq/net/origin.h"

/// Handles of one origin on several threads, each with an executor of its own. Small, for it runs
/// under ThreadSanitizer too.
namespace moq::net {
namespace {

using kio::Waiter;

constexpr std::uint64_t kGroups = 300;
const Path kPath = Path::of("room/alice");

/// An executor that sleeps while it has nothing to do.
class Loop : public kio::Executor, public kio::Clock {
 public:
  Loop() : Executor([this] { wake(); }) { queue_->bind_to_this_thread(); }
  ~Loop() override { queue_->close(); }
  kio::Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return {}; }
  template <typename T>
  T run(kio::Task<T> task) {
    kio::Spawned<T> spawned = spawn(std::move(task));
    while (!spawned.finished()) {
      const std::uint64_t seen = wakes_;
      if (!queue_->run_batch() && !spawned.finished()) wakes_.wait(seen);
    }
    return *spawned.poll_join(Waiter::none());
  }

 private:
  void wake() {
    ++wakes_;
    wakes_.notify_one();
  }
  std::atomic<std::uint64_t> wakes_{0};
};

kio::Task<std::uint64_t> count_groups(track::Consumer track) {
  std::uint64_t frames = 0;
  for (;;) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return frames;
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame || !*frame) break;
      ++frames;
    }
  }
}

std::uint64_t read_all(track::Consumer track) {
  Loop loop;
  return loop.run(count_groups(std::move(track)));
}

TEST(Threads, OneWriterAndManyReaders) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video", {.max_age = kUnlimitedAge});
  std::vector<std::uint64_t> read(4);
  std::vector<std::thread> readers;
  for (std::uint64_t& count : read) {
    readers.emplace_back(
        [&count, reader = broadcast.consume().subscribe("video", kEverything)]() mutable {
          count = read_all(std::move(reader));
        });
  }
  for (std::uint64_t i = 0; i < kGroups; ++i) {
    auto group = track.append_group();
    ASSERT_TRUE(group);
    auto frame = group->create_frame({.timestamp = i, .size_bytes = 4});
    ASSERT_TRUE(frame->write(Bytes::copy("ab")));
    ASSERT_TRUE(frame->write(Bytes::copy("cd")));
    ASSERT_TRUE(std::move(*frame).finish());
    std::move(*group).finish();
  }
  std::move(track).finish();
  for (std::thread& reader : readers) reader.join();
  for (const std::uint64_t count : read) EXPECT_EQ(count, kGroups);
}

TEST(Threads, ReadersThatComeAndGoWhileGroupsAreEvicted) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video", {.max_age = 20ms});
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&broadcast, &stop] {
      while (!stop) {
        track::Consumer reader = broadcast.consume().subscribe("video", {.max_age = 10ms});
        auto group = reader.poll_next_group(Waiter::none());
        if (group.pending() || !*group || !**group) continue;
        take_frames(***group);
        (void)reader.poll_stale(Waiter::none(), 0);
      }
    });
  }
  track::Producer demand = track.clone();
  for (std::uint64_t i = 0; i < kGroups; ++i) {
    EXPECT_TRUE(track.write_frame(i, Bytes::copy("payload")));
    (void)demand.poll_demand(Waiter::none());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(track.poll_unused(Waiter::none()).ready());
}

kio::Task<std::uint64_t> answer(broadcast::Dynamic dynamic, std::uint64_t requests) {
  std::uint64_t answered = 0;
  while (answered < requests) {
    auto request = co_await dynamic.requested_track();
    if (!request) break;
    auto track = std::move(*request).accept({});
    if (!track) continue;
    EXPECT_TRUE(track->write_frame(0, Bytes::copy("x")));
    std::move(*track).finish();
    ++answered;
  }
  co_return answered;
}

TEST(Threads, RequestsAreAnsweredElsewhere) {
  constexpr std::uint64_t kRequests = 50;
  broadcast::Producer broadcast;
  std::uint64_t answered = 0;
  std::thread handler([&answered, dynamic = broadcast.dynamic()]() mutable {
    Loop loop;
    answered = loop.run(answer(std::move(dynamic), 2 * kRequests));
  });
  const auto ask = [&broadcast](std::string_view prefix) {
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      const std::string name = std::string(prefix) + std::to_string(i);
      EXPECT_EQ(read_all(broadcast.consume().subscribe(name, kEverything)), 1U);
    }
  };
  std::thread other([&ask] { ask("a"); });
  ask("b");
  other.join();
  handler.join();
  EXPECT_EQ(answered, 2 * kRequests);
}

/// Serves a route from group `from` on, until it has written up to `to`; then it is lost.
kio::Task<std::uint64_t> serve_route(origin::RemoteRoute route, std::uint64_t to) {
  auto request = co_await route.requested_track();
  auto track = std::move(request).accept({.max_age = kUnlimitedAge});
  if (!track) co_return 0;
  std::uint64_t next = track->resume_point().value_or(0);
  for (; next < to; ++next) {
    auto group = track->create_group(next);
    if (!group) continue;
    EXPECT_TRUE(group->write_frame(next, Bytes::copy("x")));
    std::move(*group).finish();
  }
  if (to == kGroups) {
    std::move(*track).finish();
  } else {
    std::move(*track).give_back();
  }
  co_return next;
}

TEST(Threads, ATrackMovesOverRoutesOfSeveralThreads) {
  origin::Producer origin(1);
  auto announced = origin.add_route(kPath, Route{.hops = {7}, .warm_cost = 9});
  std::uint64_t read = 0;
  broadcast::Consumer broadcast = *origin.consume().find(kPath);
  std::thread reader([&read, track = broadcast.subscribe("video", kEverything)]() mutable {
    read = read_all(std::move(track));
  });
  for (std::uint64_t part = 1; part <= 5; ++part) {
    std::thread session([&origin, part] {
      Loop loop;
      auto route = origin.add_route(kPath, Route{.hops = {7, part}});
      ASSERT_TRUE(route);
      EXPECT_EQ(loop.run(serve_route(*std::move(route), part * kGroups / 5)), part * kGroups / 5);
    });
    session.join();
  }
  reader.join();
  EXPECT_EQ(read, kGroups);
}

kio::Task<std::uint64_t> watch(origin::Announced announced, std::uint64_t until) {
  std::uint64_t highest = 0;
  while (highest < until) {
    origin::Update update = co_await announced.next();
    if (update.route) highest = std::max(highest, update.route->warm_cost);
  }
  co_return highest;
}

TEST(Threads, AnnouncementsCrossThreads) {
  origin::Producer origin(1);
  const broadcast::Producer broadcast;
  std::vector<std::thread> watchers;
  for (int i = 0; i < 3; ++i) {
    watchers.emplace_back([announced = origin.consume().announced()]() mutable {
      Loop loop;
      EXPECT_EQ(loop.run(watch(std::move(announced), kGroups)), kGroups);
    });
  }
  std::thread other([&origin, &broadcast] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(origin.announce(Path::of("b"), broadcast.consume()));
      (void)origin.consume().find(Path::of("a"));
    }
  });
  auto announcement = *origin.announce(Path::of("a"), broadcast.consume());
  for (std::uint64_t cost = 1; cost <= kGroups; ++cost) announcement.update({.warm_cost = cost});
  for (std::thread& watcher : watchers) watcher.join();
  other.join();
}

TEST(Threads, TracksOfManyThreadsShareACache) {
  origin::Producer origin(1);
  origin.set_cache_limit(64 << 10);
  std::vector<std::thread> sessions;
  for (std::uint64_t i = 0; i < 3; ++i) {
    sessions.emplace_back([&origin, i] {
      const Path path = Path::of(std::to_string(i));
      auto route = origin.add_route(path, Route{.hops = {7}});
      track::Consumer reader = origin.consume().find(path)->subscribe("video", kEverything);
      auto track = now(route->poll_requested_track(Waiter::none())).accept({});
      ASSERT_TRUE(track);
      for (std::uint64_t g = 0; g < kGroups; ++g) {
        EXPECT_TRUE(track->write_frame(0, large(4096)));
        take_sequences(reader);
      }
      std::move(*track).give_back();
    });
  }
  for (std::thread& session : sessions) session.join();
}

}  // namespace
}  // namespace moq::net

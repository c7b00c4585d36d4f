// Several threads of an application on the same handles, and many handles at once: contract,
// section 5.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "moq/capi/task_kinds_test_support.h"

namespace moq::capi {
namespace {

/// Runs `work(i)` on `count` threads that begin together.
template <typename Work>
void on_threads(int count, Work work) {
  std::latch start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&start, &work, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
  for (std::thread& each : threads) each.join();
}

TEST(Threads, MayWriteToOneTrackWhileAnotherEndsIt) {
  BusyRoom room;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "t" + std::to_string(round);
    const std::uint32_t track =
        made(moq_publish_track(room.broadcast, name.data(), name.size(), nullptr));
    Recorder frames;
    moq_subscription all{};
    all.latency_max_ms = 10'000;
    made(moq_consume_track(room.consumer, name.data(), name.size(), &all, Recorder::callback,
                           &frames));
    std::atomic<int> ended{0};
    std::atomic<int> written{0};
    on_threads(4, [&](int i) {
      for (int n = 0; n < 20; ++n) {
        const std::int32_t done = moq_publish_track_frame(track, bytes("x"), 1, 0);
        EXPECT_TRUE(done == 0 || done == MOQ_ERROR_TRACK_NOT_FOUND) << moq_error();
        if (done == 0) ++written;
      }
      const std::int32_t end =
          i % 2 == 0 ? moq_publish_track_finish(track) : moq_publish_track_abort(track, 1);
      EXPECT_TRUE(end == 0 || end == MOQ_ERROR_TRACK_NOT_FOUND);
      if (end == 0) ++ended;
    });
    EXPECT_EQ(ended, 1);
    EXPECT_GE(written, 20);
    EXPECT_TRUE(frames.terminal().has_value());
  }
}

TEST(Threads, MayWriteToOneGroupWhileAnotherEndsIt) {
  BusyRoom room;
  for (int round = 0; round < 20; ++round) {
    const std::uint32_t group = made(moq_publish_track_group(room.track));
    std::atomic<int> ended{0};
    on_threads(3, [&](int) {
      for (int n = 0; n < 20; ++n) {
        const std::int32_t done = moq_publish_group_frame(group, bytes("x"), 1, 0);
        EXPECT_TRUE(done == 0 || done == MOQ_ERROR_GROUP_NOT_FOUND) << moq_error();
      }
      if (moq_publish_group_finish(group) == 0) ++ended;
    });
    EXPECT_EQ(ended, 1);
  }
}

TEST(Threads, CloseATaskOnceBetweenThem) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    Recorder codes;
    const std::uint32_t task = made(kind.start(room, Recorder::callback, &codes));
    std::atomic<int> closed{0};
    on_threads(4, [&](int i) {
      if (i == 0) kind.produce(room);
      const std::int32_t code = kind.close(task);
      EXPECT_TRUE(code == 0 || code == kind.unknown);
      if (code == 0) ++closed;
    });
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(codes.terminal(), 0);
    EXPECT_FALSE(codes.told_too_much());
  }
}

TEST(Threads, FreeAValueOnceBetweenThem) {
  BusyRoom room;
  Recorder frames;
  const std::uint32_t task =
      made(moq_consume_track(room.consumer, "chat", 4, nullptr, Recorder::callback, &frames));
  EXPECT_EQ(moq_publish_track_frame(room.track, bytes("hello"), 5, 0), 0);
  const std::uint32_t frame = made(frames.next().value_or(0));
  std::atomic<int> freed{0};
  on_threads(4, [&](int) {
    if (moq_consume_track_frame_free(frame) == 0) ++freed;
  });
  EXPECT_EQ(freed, 1);
  EXPECT_EQ(moq_consume_track_close(task), 0);
  EXPECT_EQ(frames.terminal(), 0);
}

/// How many tasks have not ended.
using Alive = std::shared_ptr<std::atomic<int>>;

Alive none_alive() { return std::make_shared<std::atomic<int>>(0); }

/// What a task has for itself, and gives back in its end.
struct Counted {
  Alive alive;
  std::int32_t (*free_value)(std::uint32_t);

  static Counted* make(const Alive& alive, std::int32_t (*free_value)(std::uint32_t)) {
    ++*alive;
    return new Counted{alive, free_value};
  }
  static void callback(void* self, std::int32_t code) {
    auto* counted = static_cast<Counted*>(self);
    if (code > 0) {
      EXPECT_EQ(counted->free_value(static_cast<std::uint32_t>(code)), 0);
      return;
    }
    --*counted->alive;
    counted->alive->notify_all();
    delete counted;
  }
};

void wait_for_none(const Alive& alive) {
  for (int now = *alive; now != 0; now = *alive) alive->wait(now);
}

TEST(Threads, OpenAndCloseAllKindsWhileCallbacksRun) {
  BusyRoom shared;
  const Alive alive = none_alive();
  on_threads(4, [&](int i) {
    for (int round = 0; round < 25; ++round) {
      const std::string path = "p" + std::to_string(i);
      const std::uint32_t listener = made(moq_origin_announced(
          shared.origin, Counted::callback, Counted::make(alive, moq_origin_announced_free)));
      const std::uint32_t wait = made(
          moq_origin_consume_announced(shared.origin, path.data(), path.size(), Counted::callback,
                                       Counted::make(alive, moq_consume_close)));
      const std::uint32_t broadcast =
          made(moq_origin_publish(shared.origin, path.data(), path.size()));
      const std::uint32_t track = made(moq_publish_track(broadcast, "t", 1, nullptr));
      const std::uint32_t reader =
          made(moq_consume_track(shared.consumer, "chat", 4, nullptr, Counted::callback,
                                 Counted::make(alive, moq_consume_track_frame_free)));
      const std::uint32_t catalog = made(moq_consume_catalog(
          shared.consumer, Counted::callback, Counted::make(alive, moq_consume_catalog_free)));
      EXPECT_EQ(moq_publish_track_frame(track, bytes("x"), 1, 0), 0);
      EXPECT_EQ(moq_publish_track_frame(shared.track, bytes("x"), 1, 0), 0);
      EXPECT_EQ(moq_publish_catalog_section(shared.broadcast, path.data(), path.size(), "1", 1), 0);
      EXPECT_EQ(moq_consume_track_close(reader), 0);
      EXPECT_EQ(moq_publish_track_finish(track), 0);
      EXPECT_EQ(moq_origin_announced_close(listener), 0);
      EXPECT_EQ(moq_consume_catalog_close(catalog), 0);
      EXPECT_EQ(moq_publish_finish(broadcast), 0);
      moq_origin_consume_announced_close(wait);  // Unless it was answered.
    }
  });
  wait_for_none(alive);
}

TEST(Threads, EachHasItsOwnLastFailure) {
  EXPECT_EQ(moq_origin_close(0), MOQ_ERROR_INVALID_ID);
  const std::string before = moq_error();
  on_threads(4, [&](int i) {
    EXPECT_EQ(moq_error(), nullptr);
    for (int n = 0; n < 100; ++n) {
      const std::uint32_t unknown = kUnknown - static_cast<std::uint32_t>(i);
      EXPECT_EQ(moq_origin_close(0x8000'0000 + unknown), MOQ_ERROR_INVALID_ID);
      EXPECT_NE(std::string(moq_error()).find(std::to_string(0x8000'0000 + unknown)),
                std::string::npos);
      // A success does not clear it.
      EXPECT_EQ(moq_client_close(made(moq_client_create())), 0);
      EXPECT_NE(moq_error(), nullptr);
    }
  });
  EXPECT_EQ(moq_error(), before);
}

TEST(Threads, MayChangeAConfigurationThatOthersDialWith) {
  const std::uint32_t config = made(moq_client_create());
  const Alive alive = none_alive();
  on_threads(4, [&](int i) {
    for (int n = 0; n < 20; ++n) {
      if (i % 2 == 0) {
        const std::string host = "host" + std::to_string(n);
        EXPECT_EQ(moq_client_set_tls_host_name(config, host.data(), host.size()), 0);
        std::uint64_t ms = 0;
        EXPECT_EQ(moq_client_get_backoff_max(config, &ms), 0);
      } else {
        const std::string url = "odd://127.0.0.1/";  // Ends at once, and dials nobody.
        made(moq_client_connect(url.data(), url.size(), config, 0, 0, Counted::callback,
                                Counted::make(alive, moq_session_close)));
      }
    }
  });
  wait_for_none(alive);
  EXPECT_EQ(moq_client_close(config), 0);
}

TEST(Handles, TenThousandAreOpenAtOnce) {
  constexpr int kEach = 2'000;
  BusyRoom room;
  Recorder frames;
  moq_subscription all{};
  all.latency_max_ms = 60'000;
  const std::uint32_t reader =
      made(moq_consume_track(room.consumer, "chat", 4, &all, Recorder::callback, &frames));
  const std::uint32_t group = made(moq_publish_track_group(room.track));
  const Alive alive = none_alive();
  std::vector<std::pair<std::uint32_t, std::int32_t (*)(std::uint32_t)>> open;
  for (int i = 0; i < kEach; ++i) {
    open.emplace_back(made(moq_client_create()), moq_client_close);
    open.emplace_back(made(moq_origin_create()), moq_origin_close);
    open.emplace_back(made(moq_publish_track_group_at(room.track, 1'000'000 + std::uint64_t(i))),
                      moq_publish_group_finish);
    open.emplace_back(made(moq_origin_consume_announced(room.origin, "none", 4, Counted::callback,
                                                        Counted::make(alive, moq_consume_close))),
                      moq_origin_request_close);
    EXPECT_EQ(moq_publish_group_frame(group, bytes("x"), 1, 0), 0);
    open.emplace_back(made(frames.next().value_or(0)), moq_consume_track_frame_free);
  }
  std::set<std::uint32_t> numbers;
  for (const auto& [handle, release] : open) numbers.insert(handle);
  EXPECT_EQ(numbers.size(), 5U * kEach);
  for (const auto& [handle, release] : open) EXPECT_EQ(release(handle), 0);
  for (const auto& [handle, release] : open) EXPECT_LT(release(handle), 0);
  wait_for_none(alive);
  EXPECT_EQ(moq_publish_group_finish(group), 0);
  EXPECT_EQ(moq_consume_track_close(reader), 0);
  EXPECT_EQ(frames.terminal(), 0);
}

}  // namespace
}  // namespace moq::capi

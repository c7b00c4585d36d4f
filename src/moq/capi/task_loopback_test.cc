// What holds for every task with a callback: contract, section 4.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <semaphore>
#include <thread>

#define MOQ_NO_DEPRECATED
#include "moq/capi/task_kinds_test_support.h"

namespace moq::capi {
namespace {

TEST(Tasks, EndOnceWhenClosed) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    Recorder codes;
    const std::uint32_t task = made(kind.start(room, Recorder::callback, &codes));
    kind.produce(room);
    const std::uint32_t value = made(codes.next().value_or(0));
    EXPECT_EQ(kind.close(task), 0);
    EXPECT_EQ(kind.close(task), kind.unknown);
    EXPECT_EQ(codes.terminal(), 0);
    EXPECT_EQ(kind.close(task), kind.unknown);
    kind.produce(room);
    // The value belongs to the application, also after its task is gone.
    EXPECT_EQ(kind.free(value), 0);
    EXPECT_LT(kind.free(value), 0);
    EXPECT_FALSE(codes.told_too_much());
    EXPECT_NE(codes.thread(), std::this_thread::get_id());
  }
}

/// Closes its own task with the first value.
struct ClosesItself {
  const TaskKind* kind = nullptr;
  Recorder codes;
  std::atomic<std::uint32_t> task{0};
  std::int32_t first = -999;
  std::int32_t second = -999;

  static void callback(void* self, std::int32_t code) {
    auto* state = static_cast<ClosesItself*>(self);
    // The callback may be earlier than the handle.
    while (state->task == 0) std::this_thread::yield();
    if (code > 0) {
      state->first = state->kind->close(state->task);
      state->second = state->kind->close(state->task);
      EXPECT_EQ(state->kind->free(static_cast<std::uint32_t>(code)), 0);
    } else {
      EXPECT_EQ(state->kind->close(state->task), state->kind->unknown);
    }
    Recorder::callback(&state->codes, code);
  }
};

TEST(Tasks, CanBeClosedFromTheirCallback) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    ClosesItself state;
    state.kind = &kind;
    state.task = made(kind.start(room, ClosesItself::callback, &state));
    kind.produce(room);
    kind.produce(room);
    EXPECT_GT(state.codes.next().value_or(0), 0);
    EXPECT_EQ(state.codes.next(), 0);
    EXPECT_EQ(state.first, 0);
    EXPECT_EQ(state.second, kind.unknown);
    EXPECT_FALSE(state.codes.told_too_much());
  }
}

/// Waits within each callback until it may go on.
struct Held {
  Recorder codes;
  std::counting_semaphore<> entered{0};
  std::counting_semaphore<> go{0};

  static void callback(void* self, std::int32_t code) {
    auto* state = static_cast<Held*>(self);
    state->entered.release();
    state->go.acquire();
    Recorder::callback(&state->codes, code);
  }
};

// An accepted close wins over what is ready: only the call that runs is finished.
TEST(Tasks, CanBeClosedByAnotherThreadWhileTheirCallbackRuns) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    Held held;
    const std::uint32_t task = made(kind.start(room, Held::callback, &held));
    kind.produce(room);
    held.entered.acquire();
    kind.produce(room);
    EXPECT_EQ(kind.close(task), 0);
    EXPECT_EQ(kind.close(task), kind.unknown);
    held.go.release(10);
    EXPECT_EQ(kind.free(made(held.codes.next().value_or(0))), 0);
    EXPECT_EQ(held.codes.next(), 0);
    EXPECT_FALSE(held.codes.told_too_much());
  }
}

// Nothing of the library waits for a callback that runs, but the other callbacks.
TEST(Tasks, ACallbackThatBlocksHoldsUpNoCall) {
  BusyRoom room;
  Held held;
  const std::uint32_t task = made(moq_origin_announced(room.origin, Held::callback, &held));
  held.entered.acquire();
  {
    const std::uint32_t other = made(moq_origin_publish(room.origin, "busy", 4));
    const std::uint32_t track = made(moq_publish_track(other, "t", 1, nullptr));
    EXPECT_EQ(moq_publish_track_frame(track, bytes("x"), 1, 0), 0);
    const std::uint32_t consumer = made(moq_origin_consume(room.origin, "busy", 4));
    Recorder frames;
    const std::uint32_t reader =
        made(moq_consume_track(consumer, "t", 1, nullptr, Recorder::callback, &frames));
    EXPECT_EQ(moq_consume_track_close(reader), 0);
    EXPECT_EQ(moq_publish_track_finish(track), 0);
    EXPECT_EQ(moq_consume_close(consumer), 0);
    EXPECT_EQ(moq_publish_finish(other), 0);
    held.go.release(10);
    EXPECT_EQ(frames.terminal(), 0);
  }
  EXPECT_EQ(moq_origin_announced_close(task), 0);
  EXPECT_EQ(held.codes.terminal(), 0);
}

// A callback's lock may be held over the calls that start and close its task.
TEST(Tasks, CallsNeverRunTheCallbackThemselves) {
  struct Locked {
    std::mutex mutex;
    Recorder codes;
    static void callback(void* self, std::int32_t code) {
      auto* state = static_cast<Locked*>(self);
      const std::lock_guard lock(state->mutex);
      Recorder::callback(&state->codes, code);
    }
  };
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    Locked state;
    {
      const std::lock_guard lock(state.mutex);
      const std::uint32_t task = made(kind.start(room, Locked::callback, &state));
      kind.produce(room);
      EXPECT_EQ(kind.close(task), 0);
    }
    EXPECT_EQ(state.codes.terminal(), 0);
  }
}

/// Memory that is given back in the terminal callback: the sanitizer sees an early or a late use.
struct Owned {
  std::promise<std::int32_t> ended;
  std::atomic<bool>* freed;

  static void callback(void* self, std::int32_t code) {
    auto* owned = static_cast<Owned*>(self);
    if (code > 0) return;
    std::promise<std::int32_t> ended = std::move(owned->ended);
    *owned->freed = true;
    delete owned;
    ended.set_value(code);
  }
};

TEST(Tasks, UserDataIsTheirsUntilTheTerminalAndNotAfter) {
  for (const TaskKind& kind : task_kinds()) {
    for (const bool produce : {false, true}) {
      SCOPED_TRACE(kind.name);
      BusyRoom room;
      std::atomic<bool> freed{false};
      auto* owned = new Owned{{}, &freed};
      auto ended = owned->ended.get_future();
      const std::uint32_t task = made(kind.start(room, Owned::callback, owned));
      if (produce) kind.produce(room);
      EXPECT_FALSE(freed);
      EXPECT_EQ(kind.close(task), 0);
      EXPECT_EQ(ended.get(), 0);
      kind.produce(room);
    }
  }
}

TEST(Tasks, RunWithoutACallback) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    BusyRoom room;
    const std::uint32_t task = made(kind.start(room, nullptr, nullptr));
    kind.produce(room);
    EXPECT_EQ(kind.close(task), 0);
    EXPECT_LT(kind.close(task), 0);
  }
}

TEST(Tasks, OutliveEverythingThatTheyWereStartedFrom) {
  for (const TaskKind& kind : task_kinds()) {
    SCOPED_TRACE(kind.name);
    Recorder codes;
    std::uint32_t task = 0;
    {
      BusyRoom room;
      task = made(kind.start(room, Recorder::callback, &codes));
      kind.produce(room);
      EXPECT_EQ(kind.free(made(codes.next().value_or(0))), 0);
    }
    // All handles are gone; the end of the track or the catalog is the end of who reads it.
    if (std::string_view(kind.name) == "listener") {
      EXPECT_EQ(kind.close(task), 0);
    }
    EXPECT_EQ(codes.terminal(), 0) << codes.error();
  }
}

TEST(Waits, EndWithoutABroadcastIfTheyAreCancelled) {
  const std::uint32_t origin = made(moq_origin_create());
  Recorder wait;
  Recorder newer;
  const std::uint32_t first =
      made(moq_origin_consume_announced(origin, "a", 1, Recorder::callback, &wait));
  const std::uint32_t second =
      made(moq_origin_announced_broadcast(origin, "a", 1, Recorder::callback, &newer));
  EXPECT_EQ(moq_origin_consume_announced_close(first), 0);
  EXPECT_EQ(moq_origin_request_cancel(second), 0);  // One family.
  EXPECT_EQ(wait.next(), 0);
  EXPECT_EQ(newer.next(), 0);
  EXPECT_EQ(moq_origin_consume_announced_close(first), MOQ_ERROR_NOT_FOUND);
  EXPECT_EQ(moq_origin_close(origin), 0);
}

TEST(Waits, GoOnWithoutTheirOriginHandle) {
  const std::uint32_t origin = made(moq_origin_create());
  const std::uint32_t room = made(moq_origin_create_broadcast(origin, "room", 4));
  Recorder wait;
  made(moq_origin_consume_announced(origin, "room", 4, Recorder::callback, &wait));
  EXPECT_EQ(moq_origin_close(origin), 0);
  EXPECT_EQ(moq_publish_announce(room, nullptr), 0);
  EXPECT_EQ(moq_consume_close(made(wait.next().value_or(0))), 0);
  EXPECT_EQ(wait.next(), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST(Waits, ARequestIsAnsweredNow) {
  const std::uint32_t origin = made(moq_origin_create());
  Recorder nothing;
  made(moq_origin_request(origin, "room", 4, Recorder::callback, &nothing));
  EXPECT_EQ(nothing.next(), MOQ_ERROR_MOQ);
  EXPECT_NE(nothing.error(), "");

  const std::uint32_t room = made(moq_origin_publish(origin, "//room/", 7));
  EXPECT_EQ(moq_publish_set_announce(room, false), 0);
  Recorder hidden;
  made(moq_origin_request(origin, "room", 4, Recorder::callback, &hidden));
  EXPECT_EQ(moq_consume_close(made(hidden.next().value_or(0))), 0);
  EXPECT_EQ(hidden.next(), 0);

  EXPECT_EQ(moq_publish_unannounce(room), 0);
  Recorder gone;
  made(moq_origin_request(origin, "room", 4, Recorder::callback, &gone));
  EXPECT_EQ(gone.next(), MOQ_ERROR_MOQ);
  EXPECT_EQ(moq_origin_consume(origin, "room", 4), MOQ_ERROR_BROADCAST_NOT_FOUND);
  EXPECT_EQ(moq_publish_finish(room), 0);
  EXPECT_EQ(moq_origin_close(origin), 0);
}

}  // namespace
}  // namespace moq::capi

#include "moq/kio/executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "moq/kio/channel.h"
#include "moq/kio/fanout.h"
#include "moq/kio/interleave/loop.h"
#include "moq/kio/interleave/scheduler.h"
#include "moq/kio/queue.h"
#include "moq/kio/shared.h"

namespace moq::kio::interleave {
namespace {

constexpr std::size_t kPreemptions = 4;

TEST(ExecutorRace, APostAgainstItsEnd) {
  struct State {
    std::unique_ptr<Loop> loop = std::make_unique<Loop>();
    std::shared_ptr<int> token = std::make_shared<int>();  // Its owners count the functions.
    int runs = 0;
    bool taken = false;
  };
  bool ran_once = false;
  bool dropped_once = false;
  bool refused_once = false;
  explore(
      [&] {
        auto state = std::make_shared<State>();
        return Program{.threads = {[state] {
                                     state->loop->run_once();
                                     state->loop.reset();
                                   },
                                   [state, remote = state->loop->remote()] {
                                     auto function = [token = state->token, state] {
                                       ++state->runs;
                                     };
                                     state->taken = remote.post(std::move(function));
                                   }},
                       .check = [&, state] {
                         EXPECT_EQ(state->token.use_count(), 1) << "the function is gone";
                         EXPECT_TRUE(state->taken || state->runs == 0);
                         ran_once |= state->runs == 1;
                         dropped_once |= state->taken && state->runs == 0;
                         refused_once |= !state->taken;
                       }};
      },
      10);
  EXPECT_TRUE(ran_once);
  EXPECT_TRUE(dropped_once);
  EXPECT_TRUE(refused_once);
}

TEST(ExecutorRace, PostsFromTwoThreadsAllRun) {
  struct State {
    Loop loop;
    int runs = 0;
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        const auto post = [state] {
          state->loop.post([state] { ++state->runs; });
          state->loop.post([state] { ++state->runs; });
        };
        return Program{
            .threads = {[state] { state->loop.run_until([&] { return state->runs == 4; }); }, post,
                        post},
            .check = {}};
      },
      2);  // Three threads have enough orders as it is.
}

Task<void> until(Consumer<int> consumer, int least) {
  auto read = [least](const int& value) -> Poll<Unit> {
    if (value < least) return kPending;
    return Unit{};
  };
  co_await consumer.when(read);
}

TEST(ExecutorRace, AWakeAgainstItsEnd) {
  struct State {
    std::unique_ptr<Loop> loop = std::make_unique<Loop>();
    Producer<int> producer{0};
    Spawned<void> task;
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->task = state->loop->spawn(until(state->producer.consume(), 5));
        return Program{.threads = {[state] {
                                     state->loop->run_once();
                                     state->loop.reset();
                                   },
                                   [state] {
                                     state->producer.set(1);
                                     state->producer.set(5);
                                   }},
                       .check = [state] {
                         state->task.cancel();
                         EXPECT_TRUE(state->producer.poll_unused(Waiter::none()).ready());
                       }};
      },
      kPreemptions);
}

TEST(ExecutorRace, AWakeAgainstTheTasksOwnEnd) {
  struct State {
    Loop loop;
    Producer<int> producer{0};
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        return Program{
            .threads = {[state] {
                          const auto task = state->loop.spawn(until(state->producer.consume(), 1));
                          state->loop.run_until([&] { return task.finished(); });
                        },
                        [state] {
                          for (int i = 1; i < 4; ++i) state->producer.set(i);
                        }},
            .check = [state] { EXPECT_TRUE(state->producer.poll_unused(Waiter::none()).ready()); }};
      },
      kPreemptions);
}

Task<void> push_three(Queue<int> queue) {
  for (int i = 0; i < 3; ++i) {
    int item = i;
    const Result<void, Closed> pushed = co_await queue.push(item);
    EXPECT_TRUE(pushed.has_value());
  }
  queue.close();
}

Task<void> pop_all(Queue<int> queue, int& sum) {
  for (;;) {
    const Result<int, Closed> item = co_await queue.pop();
    if (!item) co_return;
    sum = sum * 10 + *item;
  }
}

TEST(QueueRace, AllItemsArriveInOrder) {
  struct State {
    Loop pushing;
    Loop popping;
    Queue<int> queue{1};
    int sum = 7;
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        return Program{
            .threads = {[state] {
                          const auto task = state->pushing.spawn(push_three(state->queue.clone()));
                          state->pushing.run_until([&] { return task.finished(); });
                        },
                        [state] {
                          const auto task =
                              state->popping.spawn(pop_all(state->queue.clone(), state->sum));
                          state->popping.run_until([&] { return task.finished(); });
                        }},
            .check = [state] { EXPECT_EQ(state->sum, 7012); }};
      },
      2);  // Long threads have enough orders as it is.
}

TEST(QueueRace, ClosingAgainstAPushThatWaits) {
  struct State {
    Loop loop;
    Queue<int> queue{1};
    std::optional<bool> pushed;
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->queue.try_push(1);
        auto push = [](Queue<int> queue, std::optional<bool>& out) -> Task<void> {
          int item = 2;
          const Result<void, Closed> result = co_await queue.push(item);
          out = result.has_value();
        };
        return Program{
            .threads = {[state, push] {
                          const auto task =
                              state->loop.spawn(push(state->queue.clone(), state->pushed));
                          state->loop.run_until([&] { return task.finished(); });
                        },
                        [state] {
                          state->queue.try_pop();
                          state->queue.close();
                        }},
            .check = [state] { EXPECT_EQ(state->queue.size(), state->pushed.value() ? 1U : 0U); }};
      },
      kPreemptions);
}

Task<void> through(Fanout& fanout, const Shared<int>& shared) {
  co_await wait([&](const Waiter& waiter) {
    return fanout.poll(waiter, [&](const Waiter& all) {
      return shared.poll(all, [](const int& value) -> Poll<Unit> {
        if (value == 0) return kPending;
        return Unit{};
      });
    });
  });
}

TEST(FanoutRace, TheWakeReachesAll) {
  struct State {
    Loop first;
    Loop second;
    Fanout fanout;
    Shared<int> shared{0};
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        const auto wait_on = [state](Loop& loop) {
          const auto task = loop.spawn(through(state->fanout, state->shared));
          loop.run_until([&] { return task.finished(); });
        };
        return Program{.threads = {[state, wait_on] { wait_on(state->first); },
                                   [state, wait_on] { wait_on(state->second); },
                                   [state] { state->shared.write([](int& v) { return v = 1; }); }},
                       .check = {}};
      },
      2);  // Three threads have enough orders as it is.
}

TEST(FanoutRace, AWakeAgainstItsEnd) {
  struct State {
    Loop loop;
    std::unique_ptr<Fanout> fanout = std::make_unique<Fanout>();
    Shared<int> shared{0};
  };
  explore(
      [] {
        auto state = std::make_shared<State>();
        return Program{.threads = {[state] {
                                     {
                                       const auto task = state->loop.spawn(
                                           through(*state->fanout, state->shared));
                                       state->loop.run_once();
                                     }
                                     state->fanout.reset();
                                   },
                                   [state] {
                                     state->shared.write([](int& v) { return v = 1; });
                                     state->shared.write([](int& v) { return v = 2; });
                                   }},
                       .check = {}};
      },
      kPreemptions);
}

}  // namespace
}  // namespace moq::kio::interleave

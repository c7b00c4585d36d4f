#include "moq/kio/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moq/kio/interleave/loop.h"
#include "moq/kio/interleave/scheduler.h"

namespace moq::kio::interleave {
namespace {

constexpr std::size_t kPreemptions = 4;

/// One channel, one loop.
struct State {
  Loop loop;
  std::optional<Producer<int>> producer{std::in_place, 0};
  std::optional<Consumer<int>> consumer;
  std::vector<int> seen;
  bool closed = false;
};

/// Notes each value until `last` or the end.
Task<void> watch(Consumer<int> consumer, int last, std::vector<int>& seen, bool& closed) {
  int before = 0;
  while (before != last) {
    auto changed = [&before](const int& value) -> Poll<int> {
      if (value == before) return kPending;
      return value;
    };
    const Result<int, Closed> value = co_await consumer.when(changed);
    if (!value) {
      closed = true;
      co_return;
    }
    seen.push_back(before = *value);
  }
}

TEST(ChannelRace, NoWriteIsLostOnWhoWaits) {
  const std::size_t orders = explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        return Program{.threads = {[state] {
                                     const auto task =
                                         state->loop.spawn(watch(*std::move(state->consumer), 2,
                                                                 state->seen, state->closed));
                                     state->loop.run_until([&] { return task.finished(); });
                                   },
                                   [state] {
                                     state->producer->set(1);
                                     state->producer->set(2);
                                   }},
                       .check = [state] {
                         EXPECT_FALSE(state->closed);
                         EXPECT_EQ(state->seen.back(), 2);
                       }};
      },
      kPreemptions);
  EXPECT_GT(orders, 100U);
}

TEST(ChannelRace, ClosingReachesWhoWaits) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        return Program{
            .threads = {[state] {
                          const auto task = state->loop.spawn(
                              watch(*std::move(state->consumer), -1, state->seen, state->closed));
                          state->loop.run_until([&] { return task.finished(); });
                        },
                        [state] {
                          state->producer->set(1);
                          state->producer.reset();
                        }},
            .check = [state] {
              EXPECT_TRUE(state->closed);
              EXPECT_EQ(state->seen, std::vector<int>{1}) << "the last value comes first";
            }};
      },
      kPreemptions);
}

TEST(ChannelRace, TheEndReachesWhoWaitsForIt) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        auto until_closed = [](const Consumer<int>& consumer) -> Task<void> {
          co_await consumer.closed();
        };
        return Program{.threads = {[state, until_closed] {
                                     const auto task =
                                         state->loop.spawn(until_closed(*state->consumer));
                                     state->loop.run_until([&] { return task.finished(); });
                                   },
                                   [state] { state->producer->close(); }},
                       .check = [state] { EXPECT_TRUE(state->consumer->is_closed()); }};
      },
      kPreemptions);
}

TEST(ChannelRace, AWeakProducerIsEitherOpenOrNothing) {
  bool upgraded_once = false;
  bool refused_once = false;
  explore(
      [&] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        auto weak = std::make_shared<WeakProducer<int>>(state->producer->weak());
        auto strong = std::make_shared<std::optional<Producer<int>>>();
        return Program{.threads = {[state] { state->producer.reset(); },
                                   [weak, strong] {
                                     *strong = weak->upgrade();
                                     if (*strong) {
                                       EXPECT_TRUE((*strong)->set(5));
                                     }
                                   }},
                       .check = [&, state, strong, weak] {
                         (*strong ? upgraded_once : refused_once) = true;
                         EXPECT_EQ(state->consumer->is_closed(), !*strong);
                         strong->reset();
                         EXPECT_TRUE(state->consumer->is_closed());
                         EXPECT_FALSE(weak->upgrade());
                       }};
      },
      10);
  EXPECT_TRUE(upgraded_once);
  EXPECT_TRUE(refused_once);
}

TEST(ChannelRace, AWeakConsumerAgainstTheLastOne) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        auto weak = std::make_shared<WeakConsumer<int>>(state->consumer->weak());
        auto strong = std::make_shared<std::optional<Consumer<int>>>();
        return Program{.threads = {[state] { state->consumer.reset(); },
                                   [weak, strong] { *strong = weak->upgrade(); }},
                       .check = [state, strong] {
                         EXPECT_TRUE(*strong) << "the producer keeps the state";
                         EXPECT_TRUE(state->producer->poll_used(Waiter::none()).ready());
                         strong->reset();
                         EXPECT_TRUE(state->producer->poll_unused(Waiter::none()).ready());
                       }};
      },
      10);
}

/// Notes each turn between used and unused, until the channel ends.
Task<void> follow_use(const Producer<int>& producer, std::vector<int>& log) {
  for (;;) {
    const Result<void, Closed> used = co_await producer.used();
    if (!used) co_return;
    log.push_back(1);
    const Result<void, Closed> unused = co_await producer.unused();
    if (!unused) co_return;
    log.push_back(0);
  }
}

TEST(ChannelRace, UsedAgainstUnused) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        return Program{.threads = {[state] {
                                     const auto task = state->loop.spawn(
                                         follow_use(*state->producer, state->seen));
                                     // Ends once the first consumer came and the second stays: 1 0
                                     // 1, or 1.
                                     state->loop.run_until([&] {
                                       return state->consumer && !state->seen.empty() &&
                                              state->seen.back() == 1;
                                     });
                                   },
                                   [state] {
                                     {
                                       const Consumer<int> first = state->producer->consume();
                                     }
                                     state->consumer = state->producer->consume();
                                     state->loop.nudge();
                                   }},
                       .check = [state] {
                         EXPECT_TRUE(state->seen == std::vector<int>{1} ||
                                     state->seen == (std::vector<int>{1, 0, 1}));
                       }};
      },
      kPreemptions);
}

TEST(ChannelRace, TheLastConsumerAgainstANewOne) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        auto unused = [](const Producer<int>& producer) -> Task<void> {
          const Result<void, Closed> result = co_await producer.unused();
          EXPECT_TRUE(result.has_value());
        };
        return Program{
            .threads = {[state, unused] {
                          const auto task = state->loop.spawn(unused(*state->producer));
                          state->loop.run_until([&] { return task.finished(); });
                        },
                        [state] { state->consumer.reset(); },
                        [state] { const Consumer<int> brief = state->producer->consume(); }},
            .check = {}};
      },
      2);  // Three threads have enough orders as it is.
}

TEST(ChannelRace, AWriteAgainstTheCancellationOfWhoWaits) {
  explore(
      [] {
        auto state = std::make_shared<State>();
        state->consumer = state->producer->consume();
        return Program{.threads = {[state] {
                                     auto task =
                                         state->loop.spawn(watch(*std::move(state->consumer), 9,
                                                                 state->seen, state->closed));
                                     state->loop.run_once();
                                     task.cancel();
                                     state->loop.run_once();
                                   },
                                   [state] {
                                     state->producer->set(1);
                                     state->producer->set(2);
                                   }},
                       .check = [state] {
                         EXPECT_TRUE(state->producer->poll_unused(Waiter::none()).ready());
                       }};
      },
      kPreemptions);
}

}  // namespace
}  // namespace moq::kio::interleave

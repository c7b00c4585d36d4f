#include "moq/kio/interleave/scheduler.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace moq::kio::interleave {
namespace {

/// Two threads that each write two letters: how many orders there are, and which.
TEST(Explore, ReachesEveryOrderOfTwoTimesTwoSteps) {
  std::set<std::string> seen;
  const std::size_t orders = explore(
      [&] {
        auto log = std::make_shared<std::string>();
        const auto write = [log](char first, char second) {
          point();
          *log += first;
          point();
          *log += second;
        };
        return Program{.threads = {[=] { write('a', 'b'); }, [=] { write('x', 'y'); }},
                       .check = [&seen, log] { seen.insert(*log); }};
      },
      10);
  EXPECT_EQ(seen, (std::set<std::string>{"abxy", "axby", "axyb", "xaby", "xayb", "xyab"}));
  EXPECT_GE(orders, seen.size());
}

TEST(Explore, WithoutPreemptionsThreadsRunToTheirEnd) {
  std::set<std::string> seen;
  explore(
      [&] {
        auto log = std::make_shared<std::string>();
        const auto write = [log](char letter) {
          for (int i = 0; i < 3; ++i) {
            point();
            *log += letter;
          }
        };
        return Program{.threads = {[=] { write('a'); }, [=] { write('x'); }},
                       .check = [&seen, log] { seen.insert(*log); }};
      },
      0);
  EXPECT_EQ(seen, (std::set<std::string>{"aaaxxx", "xxxaaa"}));
}

TEST(Explore, FindsALostUpdate) {
  std::set<int> results;
  explore(
      [&] {
        auto value = std::make_shared<Atomic<int>>(0);
        const auto increment = [value] {
          const int before = value->load(std::memory_order_seq_cst);
          value->store(before + 1, std::memory_order_seq_cst);
        };
        return Program{.threads = {increment, increment}, .check = [&results, value] {
                         results.insert(value->load(std::memory_order_seq_cst));
                       }};
      },
      1);
  EXPECT_EQ(results, (std::set<int>{1, 2}));
}

TEST(Explore, AMutexKeepsOthersOut) {
  struct State {
    Mutex mutex;
    int value = 0;
  };
  std::set<int> results;
  const std::size_t orders = explore(
      [&] {
        auto state = std::make_shared<State>();
        const auto increment = [state] {
          const std::lock_guard lock(state->mutex);
          const int before = state->value;
          point();
          state->value = before + 1;
        };
        return Program{.threads = {increment, increment, increment},
                       .check = [&results, state] { results.insert(state->value); }};
      },
      2);
  EXPECT_EQ(results, (std::set<int>{3}));
  EXPECT_GT(orders, 6U);
}

TEST(ExploreDeathTest, ReportsThreadsThatWaitForEver) {
  EXPECT_DEATH(
      {
        struct State {
          Mutex a;
          Mutex b;
        };
        explore(
            [] {
              auto state = std::make_shared<State>();
              const auto lock_both = [](Mutex& first, Mutex& second) {
                const std::lock_guard outer(first);
                const std::lock_guard inner(second);
              };
              return Program{.threads = {[=] { lock_both(state->a, state->b); },
                                         [=] { lock_both(state->b, state->a); }},
                             .check = {}};
            },
            1);
      },
      "wait for ever");
}

TEST(ExploreDeathTest, ReportsALostWakeUp) {
  EXPECT_DEATH(
      {
        explore(
            [] {
              struct State {
                Atomic<bool> done{false};
                Atomic<bool> waiting{false};
                Event event;
              };
              auto state = std::make_shared<State>();
              return Program{.threads = {[state] {
                                           // Looks, then registers: the wake may fall between.
                                           if (state->done.load(std::memory_order_seq_cst)) return;
                                           state->waiting.store(true, std::memory_order_seq_cst);
                                           state->event.wait();
                                         },
                                         [state] {
                                           state->done.store(true, std::memory_order_seq_cst);
                                           if (state->waiting.load(std::memory_order_seq_cst)) {
                                             state->event.set();
                                           }
                                         }},
                             .check = {}};
            },
            1);
      },
      "wait for ever");
}

}  // namespace
}  // namespace moq::kio::interleave

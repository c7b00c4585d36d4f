#include "moq/kio/waiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "moq/kio/internal/allocations.h"
#include "moq/kio/internal/manual_executor.h"
#include "moq/kio/run_queue.h"

namespace moq::kio {
namespace {

/// Notes when it is run.
class Node final : public WakeNode {
 public:
  Node(const Ref<RunQueue>& queue, int id, std::vector<int>& log)
      : WakeNode(queue), id_(id), log_(log) {}
  Waiter fresh() { return {*this, next_round()}; }
  void end() { close(); }

 private:
  void run() override { log_.push_back(id_); }
  int id_;
  std::vector<int>& log_;
};

class WaiterListTest : public ::testing::Test {
 protected:
  Ref<Node> node(int id = 0) { return Ref<Node>::make(executor.queue(), id, log); }
  std::vector<int> wake(WaiterList& who) {
    who.wake();
    executor.run();
    return std::exchange(log, {});
  }
  ManualExecutor executor;
  std::vector<int> log;
  WaiterList list;
};

TEST_F(WaiterListTest, WakesInTheOrderOfComing) {
  std::vector<Ref<Node>> nodes;
  std::vector<int> expected;
  for (int i = 0; i < 20; ++i) {
    nodes.push_back(node(i));
    expected.push_back(i);
    list.add(nodes.back()->fresh());
  }
  EXPECT_EQ(list.size(), 20U);
  EXPECT_EQ(wake(list), expected);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(wake(list), std::vector<int>{});
}

TEST_F(WaiterListTest, DoesNotWakeWhoPolledAgainSince) {
  const Ref<Node> a = node(1);
  list.add(a->fresh());
  a->fresh();
  EXPECT_EQ(wake(list), std::vector<int>{});
}

TEST_F(WaiterListTest, DoesNotWakeWhoEnded) {
  const Ref<Node> a = node(1);
  list.add(a->fresh());
  a->end();
  EXPECT_EQ(wake(list), std::vector<int>{});
}

TEST_F(WaiterListTest, WhoEndsAfterTheWakeDoesNotRun) {
  const Ref<Node> a = node(1);
  list.add(a->fresh());
  list.wake();
  a->end();
  executor.run();
  EXPECT_EQ(log, std::vector<int>{});
}

TEST_F(WaiterListTest, TwoWakesRunOnce) {
  const Ref<Node> a = node(1);
  WaiterList other;
  list.add(a->fresh());
  list.wake();
  other.add(a->fresh());
  other.wake();
  executor.run();
  EXPECT_EQ(log, std::vector<int>{1});
}

TEST_F(WaiterListTest, NoneIsNotKept) {
  list.add(Waiter::none());
  EXPECT_TRUE(list.empty());
}

TEST_F(WaiterListTest, OnePollThatAsksTwiceRegistersOnce) {
  const Ref<Node> a = node();
  const Waiter waiter = a->fresh();
  for (int i = 0; i < 100; ++i) list.add(waiter);
  EXPECT_EQ(list.size(), 1U);
}

TEST_F(WaiterListTest, TakeMovesAllOut) {
  std::vector<Ref<Node>> nodes;
  for (int i = 0; i < 3; ++i) {
    nodes.push_back(node(i));
    list.add(nodes.back()->fresh());
  }
  WaiterList taken = list.take();
  EXPECT_TRUE(list.empty());
  list.add(nodes[0]->fresh());
  EXPECT_EQ(list.size(), 1U);
  EXPECT_EQ(wake(taken), (std::vector<int>{1, 2})) << "0 has polled again since";
  EXPECT_EQ(wake(list), std::vector<int>{0});
}

TEST_F(WaiterListTest, AppendKeepsBothInOrder) {
  std::vector<Ref<Node>> nodes;
  WaiterList other;
  for (int i = 0; i < 7; ++i) {
    nodes.push_back(node(i));
    (i < 3 ? list : other).add(nodes.back()->fresh());
  }
  list.append(std::move(other));
  list.append(WaiterList());
  EXPECT_EQ(wake(list), (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
}

TEST_F(WaiterListTest, MoveAssignmentDropsTheOldEntries) {
  const Ref<Node> a = node(1);
  const Ref<Node> b = node(2);
  list.add(a->fresh());
  WaiterList other;
  other.add(b->fresh());
  list = std::move(other);
  EXPECT_TRUE(a->unique());
  EXPECT_EQ(wake(list), std::vector<int>{2});
}

// The bound: however often tasks poll, the list holds at most twice the live ones (or two).
TEST_F(WaiterListTest, NeverHoldsMoreThanTwiceTheLive) {
  for (const std::size_t live : {1U, 2U, 3U, 7U, 50U}) {
    std::vector<Ref<Node>> nodes;
    for (std::size_t i = 0; i < live; ++i) nodes.push_back(node());
    for (int round = 0; round < 200; ++round) {
      for (const Ref<Node>& each : nodes) {
        list.add(each->fresh());
        ASSERT_LE(list.size(), std::max<std::size_t>(2, 2 * live));
      }
    }
    EXPECT_GE(list.size(), live);
    const WaiterList dropped = list.take();
  }
}

TEST_F(WaiterListTest, LetsGoOfTheDead) {
  const Ref<Node> dead = node();
  list.add(dead->fresh());
  dead->end();
  const Ref<Node> living = node();
  for (int i = 0; i < 3; ++i) list.add(living->fresh());
  EXPECT_TRUE(dead->unique());
}

TEST(Allocations, AreCounted) {
  const std::size_t before = allocations();
  const auto box = std::make_unique<int>(1);
  EXPECT_EQ(allocations(), before + 1);
}

TEST_F(WaiterListTest, PollingAndWakingTwoNeedsNoMemory) {
  const Ref<Node> a = node(1);
  const Ref<Node> b = node(2);
  log.reserve(1000);
  executor.run();
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) {
    list.add(a->fresh());
    list.add(b->fresh());
    list.add(a->fresh());
    WaiterList taken = list.take();
    taken.wake();
    executor.run();
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(log.size(), 200U);
}

TEST_F(WaiterListTest, PollingAgainInALargeListNeedsNoMemory) {
  std::vector<Ref<Node>> nodes;
  for (int i = 0; i < 50; ++i) nodes.push_back(node());
  for (int round = 0; round < 3; ++round) {
    for (const Ref<Node>& each : nodes) list.add(each->fresh());
  }
  const std::size_t before = allocations();
  for (int round = 0; round < 100; ++round) {
    for (const Ref<Node>& each : nodes) list.add(each->fresh());
  }
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace moq::kio

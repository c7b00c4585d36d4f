#include "moq/kio/queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

constexpr std::size_t kLimit = 3;

Task<void> push_all(Queue<int> queue, int count, int& pushed) {
  for (int i = 0; i < count; ++i) {
    int item = i;
    const Result<void, Closed> result = co_await queue.push(item);
    if (!result) co_return;
    ++pushed;
  }
  queue.close();
}

Task<void> pop_all(Queue<int> queue, std::vector<int>& out) {
  for (;;) {
    Result<int, Closed> item = co_await queue.pop();
    if (!item) co_return;
    out.push_back(*item);
  }
}

TEST(Queue, HoldsNoMoreThanItsLimit) {
  Queue<int> queue(kLimit);
  EXPECT_EQ(queue.limit(), kLimit);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.try_push(int{i}), Push::done);
  EXPECT_EQ(queue.try_push(3), Push::full);
  EXPECT_EQ(queue.size(), kLimit);
  EXPECT_EQ(queue.try_pop(), 0);
  EXPECT_EQ(queue.try_push(3), Push::done);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(queue.try_pop(), i);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(Queue, KeepsAnItemThatDoesNotGoIn) {
  Queue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_EQ(queue.try_push(std::move(first)), Push::done);
  EXPECT_EQ(queue.try_push(std::move(second)), Push::full);
  EXPECT_TRUE(second);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(queue.poll_push(Waiter::none(), second).pending());
  queue.close();
  EXPECT_EQ(queue.try_push(std::move(second)), Push::closed);
  EXPECT_FALSE(queue.poll_push(Waiter::none(), second)->has_value());
  EXPECT_TRUE(second);  // NOLINT(bugprone-use-after-move)
}

TEST(Queue, PushersWaitForRoomAndPoppersForItems) {
  ManualExecutor executor;
  Queue<int> queue(kLimit);
  int pushed = 0;
  std::vector<int> out;
  const auto pusher = executor.spawn(push_all(queue.clone(), 10, pushed));
  executor.run();
  EXPECT_EQ(pushed, 3);
  EXPECT_EQ(queue.try_pop(), 0);
  executor.run();
  EXPECT_EQ(pushed, 4);
  const auto popper = executor.spawn(pop_all(queue.clone(), out));
  executor.run();
  EXPECT_EQ(out, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(popper.finished());
}

TEST(Queue, CloseLetsTheRestOutAndWakesAll) {
  ManualExecutor executor;
  Queue<int> queue(1);
  int pushed = 0;
  const auto pusher = executor.spawn(push_all(queue.clone(), 5, pushed));
  executor.run();
  queue.close();
  executor.run();
  EXPECT_TRUE(pusher.finished());
  EXPECT_EQ(pushed, 1);
  EXPECT_TRUE(queue.is_closed());
  EXPECT_EQ(queue.poll_pop(Waiter::none())->value(), 0);
  EXPECT_FALSE(queue.poll_pop(Waiter::none())->has_value());
  queue.close();
}

TEST(Queue, CloseWakesAPopperOfAnEmptyQueue) {
  ManualExecutor executor;
  Queue<int> queue(1);
  std::vector<int> out;
  const auto popper = executor.spawn(pop_all(queue.clone(), out));
  executor.run();
  EXPECT_FALSE(popper.finished());
  queue.close();
  executor.run();
  EXPECT_TRUE(popper.finished());
}

TEST(Queue, SeveralPoppersShareTheItems) {
  ManualExecutor executor;
  Queue<int> queue(kLimit);
  std::vector<int> out;
  int pushed = 0;
  TaskGroup group(executor);
  for (int i = 0; i < 3; ++i) group.spawn(pop_all(queue.clone(), out));
  executor.run();
  group.spawn(push_all(queue.clone(), 20, pushed));
  executor.run();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(out.size(), 20U);
}

TEST(QueueDeathTest, NeedsRoom) { EXPECT_DEATH(Queue<int>(0), "limit"); }

}  // namespace
}  // namespace moq::kio

#include "moq/kio/shared.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

auto holds(std::size_t count) {
  return [count](const std::vector<int>& items) -> Poll<std::size_t> {
    if (items.size() < count) return kPending;
    return items.size();
  };
}

Task<void> wait_for(Shared<std::vector<int>> shared, std::size_t count, std::size_t& got) {
  auto read = holds(count);
  got = co_await shared.when(read);
}

TEST(Shared, EachHandleEditsAndWaits) {
  ManualExecutor executor;
  Shared<std::vector<int>> first;
  Shared<std::vector<int>> second = first.clone();
  EXPECT_TRUE(first.same_state(second));
  std::size_t got = 0;
  const auto task = executor.spawn(wait_for(first.clone(), 2, got));
  executor.run();
  second.write([](auto& items) {
    items.push_back(1);
    return true;
  });
  executor.run();
  EXPECT_EQ(got, 0U);
  first.mut().edit().push_back(2);
  executor.run();
  EXPECT_EQ(got, 2U);
  EXPECT_EQ(*second.read(), (std::vector<int>{1, 2}));
}

TEST(Shared, AnEditThatChangesNothingWakesNobody) {
  ManualExecutor executor;
  Shared<int> shared(0);
  int polls = 0;
  auto task = [](Shared<int> of, int& count) -> Task<void> {
    auto read = [&count](const int& value) -> Poll<Unit> {
      ++count;
      if (value == 0) return kPending;
      return Unit{};
    };
    co_await of.when(read);
  };
  const auto spawned = executor.spawn(task(shared.clone(), polls));
  executor.run();
  shared.write([](int&) { return false; });
  executor.run();
  EXPECT_EQ(polls, 1);
  shared.write([](int& value) { return value = 1; });
  executor.run();
  EXPECT_EQ(polls, 2);
  EXPECT_TRUE(spawned.finished());
}

TEST(Shared, LosingOtherHandlesEndsNothing) {
  Shared<int> shared(3);
  {
    const Shared<int> other = shared.clone();
  }
  EXPECT_EQ(*shared.read(), 3);
  shared.write([](int& value) { return value = 4; });
  EXPECT_EQ(*shared.read(), 4);
}

TEST(WeakShared, UpgradesWhileAHandleLives) {
  WeakShared<int> weak;
  EXPECT_FALSE(weak.upgrade());
  {
    std::optional<Shared<int>> shared(std::in_place, 5);
    weak = shared->weak();
    std::optional<Shared<int>> second = weak.upgrade();
    ASSERT_TRUE(second);
    shared.reset();
    EXPECT_EQ(*second->read(), 5);
    EXPECT_TRUE(weak.upgrade());
  }
  EXPECT_FALSE(weak.upgrade());
}

}  // namespace
}  // namespace moq::kio

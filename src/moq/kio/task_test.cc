#include "moq/kio/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moq/kio/channel.h"
#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// Counts its living instances.
class Guest {
 public:
  explicit Guest(int& alive) : alive_(&alive) { ++*alive_; }
  Guest(Guest&& other) noexcept : alive_(std::exchange(other.alive_, nullptr)) {}
  Guest& operator=(Guest&&) = delete;
  ~Guest() {
    if (alive_) --*alive_;
  }

 private:
  int* alive_;
};

/// What can be waited for by hand.
struct Gate {
  bool open = false;
  WaiterList waiters;
  Poll<Unit> poll(const Waiter& waiter) {
    if (open) return Unit{};
    waiters.add(waiter);
    return kPending;
  }
  auto passed() {
    return wait([this](const Waiter& waiter) { return poll(waiter); });
  }
  void open_it() {
    open = true;
    waiters.wake();
  }
};

Task<int> answer() { co_return 42; }
Task<void> nothing() { co_return; }

TEST(Task, IsLazy) {
  int alive = 0;
  auto make = [](Guest, bool& ran) -> Task<void> {
    ran = true;
    co_return;
  };
  bool ran = false;
  {
    const Task<void> task = make(Guest(alive), ran);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(alive, 0);
}

TEST(Task, ReturnsItsValueToWhoAwaits) {
  ManualExecutor executor;
  auto outer = []() -> Task<std::string> {
    const int value = co_await answer();
    co_await nothing();
    co_return std::to_string(value);
  };
  auto spawned = executor.spawn(outer());
  EXPECT_TRUE(spawned.poll_join(Waiter::none()).pending());
  executor.run();
  EXPECT_EQ(*spawned.poll_join(Waiter::none()), "42");
}

TEST(Task, ReturnsWhatCannotBeCopied) {
  ManualExecutor executor;
  auto make = []() -> Task<Result<std::unique_ptr<int>>> { co_return std::make_unique<int>(7); };
  auto outer = [](auto inner) -> Task<Result<int>> {
    MOQ_CO_TRY(const std::unique_ptr<int> box, co_await inner());
    co_return *box;
  };
  auto spawned = executor.spawn(outer(make));
  executor.run();
  EXPECT_EQ(**spawned.poll_join(Waiter::none()), 7);
}

TEST(Task, CoTryAndCoCheckReturnTheError) {
  ManualExecutor executor;
  auto broken = []() -> Task<Result<int>> { co_return fail(Code::timeout, "late"); };
  auto tries = [](auto inner) -> Task<Result<std::string>> {
    MOQ_CO_TRY(const int value, co_await inner());
    co_return std::to_string(value);
  };
  auto checks = [](auto inner) -> Task<Result<void>> {
    MOQ_CO_CHECK(co_await inner());
    co_return {};
  };
  auto first = executor.spawn(tries(broken));
  auto second = executor.spawn(checks(broken));
  executor.run();
  EXPECT_EQ(first.poll_join(Waiter::none())->error(), Error(Code::timeout, "late"));
  EXPECT_EQ(second.poll_join(Waiter::none())->error(), Error(Code::timeout, "late"));
}

TEST(Task, WaitsUntilWoken) {
  ManualExecutor executor;
  Gate gate;
  auto task = [](Gate& g, int& step) -> Task<void> {
    step = 1;
    co_await g.passed();
    step = 2;
  };
  int step = 0;
  const auto spawned = executor.spawn(task(gate, step));
  EXPECT_EQ(step, 0);
  executor.run();
  EXPECT_EQ(step, 1);
  executor.run();
  EXPECT_EQ(step, 1);
  gate.open_it();
  EXPECT_EQ(step, 1) << "a wake only queues";
  executor.run();
  EXPECT_EQ(step, 2);
  EXPECT_TRUE(spawned.finished());
}

TEST(Task, ASpuriousWakePollsAgain) {
  ManualExecutor executor;
  Gate gate;
  auto task = [](Gate& g) -> Task<void> { co_await g.passed(); };
  const auto spawned = executor.spawn(task(gate));
  executor.run();
  gate.waiters.wake();
  executor.run();
  EXPECT_FALSE(spawned.finished());
  EXPECT_EQ(gate.waiters.size(), 1U);
  gate.open_it();
  executor.run();
  EXPECT_TRUE(spawned.finished());
}

/// How deep the stack is, roughly.
std::uintptr_t stack_now() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

Task<std::uintptr_t> measure() { co_return stack_now(); }

TEST(Task, ManyInlineCompletionsDoNotGrowTheStack) {
  ManualExecutor executor;
  auto task = [](std::uintptr_t& first, std::uintptr_t& last) -> Task<void> {
    first = co_await measure();
    for (int i = 0; i < 100'000; ++i) last = co_await measure();
  };
  std::uintptr_t first = 0;
  std::uintptr_t last = 1;
  const auto spawned = executor.spawn(task(first, last));
  executor.run();
  EXPECT_TRUE(spawned.finished());
  EXPECT_EQ(first, last);
}

Task<std::uintptr_t> nest(int depth) {
  if (depth == 0) co_return stack_now();
  const std::uintptr_t here = co_await nest(depth - 1);
  co_return here;
}

TEST(Task, DeepNestingDoesNotGrowTheStack) {
  ManualExecutor executor;
  auto task = [](std::uintptr_t& shallow, std::uintptr_t& deep) -> Task<void> {
    shallow = co_await nest(1);
    deep = co_await nest(100'000);
  };
  std::uintptr_t shallow = 0;
  std::uintptr_t deep = 1;
  const auto spawned = executor.spawn(task(shallow, deep));
  executor.run();
  EXPECT_TRUE(spawned.finished());
  EXPECT_EQ(shallow, deep);
}

TEST(Task, ReadyWaitsRunInline) {
  ManualExecutor executor;
  auto task = [](int& runs) -> Task<void> {
    for (int i = 0; i < 100'000; ++i) {
      co_await wait([&runs](const Waiter&) -> Poll<Unit> {
        ++runs;
        return Unit{};
      });
    }
  };
  int runs = 0;
  const auto spawned = executor.spawn(task(runs));
  executor.run();
  EXPECT_EQ(runs, 100'000);
}

// A task that goes on inline asks the same state each time; that must not fill its list.
TEST(Task, GoingOnInlineDoesNotFillTheLists) {
  ManualExecutor executor;
  Gate shut;
  auto task = [](Gate& never) -> Task<void> {
    for (int i = 0; i < 1000; ++i) {
      co_await wait([&never](const Waiter& waiter) -> Poll<Unit> {
        if (never.poll(waiter)) return Unit{};
        return Unit{};  // The other thing waited for is ready, each time.
      });
    }
    co_await never.passed();
  };
  std::vector<Spawned<void>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(executor.spawn(task(shut)));
  executor.run();
  EXPECT_LE(shut.waiters.size(), 20U);
  shut.open_it();
  executor.run();
  for (const auto& each : tasks) EXPECT_TRUE(each.finished());
}

TEST(Cancel, BeforeTheStartDestroysTheArguments) {
  ManualExecutor executor;
  int alive = 0;
  bool ran = false;
  auto task = [](Guest, bool& out) -> Task<void> {
    out = true;
    co_return;
  };
  auto spawned = executor.spawn(task(Guest(alive), ran));
  EXPECT_EQ(alive, 1);
  spawned.cancel();
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(spawned.finished());
  executor.run();
  EXPECT_FALSE(ran);
}

Task<void> hold_at(Gate& gate, Guest guest) {
  const Guest mine = std::move(guest);
  co_await gate.passed();
}

Task<void> hold_inside(Gate& gate, int& alive) {
  const Guest outer(alive);
  co_await hold_at(gate, Guest(alive));
}

TEST(Cancel, WhileWaitingDestroysTheWholeChain) {
  ManualExecutor executor;
  Gate gate;
  int alive = 0;
  {
    const auto spawned = executor.spawn(hold_inside(gate, alive));
    executor.run();
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
  gate.open_it();
  executor.run();
}

TEST(Cancel, OfAQueuedTaskKeepsItFromRunning) {
  ManualExecutor executor;
  Gate gate;
  int alive = 0;
  auto spawned = executor.spawn(hold_inside(gate, alive));
  executor.run();
  gate.open_it();
  spawned.cancel();
  EXPECT_EQ(alive, 0);
  executor.run();
}

TEST(Cancel, OfAnotherTaskInTheSameBatch) {
  ManualExecutor executor;
  std::vector<Spawned<void>> tasks(2);
  int ran = 0;
  auto task = [](std::vector<Spawned<void>>& all, std::size_t other, int& count) -> Task<void> {
    ++count;
    all[other].cancel();
    co_return;
  };
  tasks[0] = executor.spawn(task(tasks, 1, ran));
  tasks[1] = executor.spawn(task(tasks, 0, ran));
  executor.run();
  EXPECT_EQ(ran, 1);
}

TEST(Cancel, FromWithinTakesEffectAtTheNextWait) {
  ManualExecutor executor;
  Gate gate;
  int alive = 0;
  int step = 0;
  Spawned<void> spawned;
  auto task = [](Gate& g, Spawned<void>& self, Guest, int& out) -> Task<void> {
    self.cancel();
    out = 1;
    co_await g.passed();
    out = 2;
  };
  spawned = executor.spawn(task(gate, spawned, Guest(alive), step));
  executor.run();
  EXPECT_EQ(step, 1);
  EXPECT_EQ(alive, 0);
  gate.open_it();
  executor.run();
  EXPECT_EQ(step, 1);
}

TEST(Cancel, FromWithinAPollFunction) {
  ManualExecutor executor;
  int alive = 0;
  Spawned<void> spawned;
  auto task = [](Spawned<void>& self, Guest) -> Task<void> {
    co_await wait([&self](const Waiter&) -> Poll<Unit> {
      self.cancel();
      return kPending;
    });
  };
  spawned = executor.spawn(task(spawned, Guest(alive)));
  executor.run();
  EXPECT_EQ(alive, 0);
}

TEST(Cancel, FromWithinAtTheVeryEnd) {
  ManualExecutor executor;
  int alive = 0;
  Spawned<void> spawned;
  auto task = [](Spawned<void>& self, Guest) -> Task<void> {
    self.cancel();
    co_return;
  };
  spawned = executor.spawn(task(spawned, Guest(alive)));
  executor.run();
  EXPECT_EQ(alive, 0);
}

TEST(Cancel, ATaskMayOwnItsOwnHandle) {
  ManualExecutor executor;
  Gate gate;
  int alive = 0;
  auto box = std::make_unique<Spawned<void>>();
  Spawned<void>& handle = *box;
  auto task = [](Gate& g, std::unique_ptr<Spawned<void>> self, Guest) -> Task<void> {
    co_await g.passed();
    EXPECT_FALSE(self->finished());
  };
  handle = executor.spawn(task(gate, std::move(box), Guest(alive)));
  executor.run();
  EXPECT_EQ(alive, 1);
  gate.open_it();
  executor.run();
  EXPECT_EQ(alive, 0);
}

TEST(Cancel, ReplacingAHandleCancelsTheOldTask) {
  ManualExecutor executor;
  Gate gate;
  int first = 0;
  int second = 0;
  auto spawned = executor.spawn(hold_inside(gate, first));
  executor.run();
  spawned = executor.spawn(hold_inside(gate, second));
  executor.run();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 2);
}

// A stale registration may outlive the task by far; what the task owned must not.
TEST(TaskEnd, DestroysArgumentsThoughRegistrationsRemain) {
  ManualExecutor executor;
  Gate never;
  Gate gate;
  int alive = 0;
  auto task = [](Gate& a, Gate& b, Guest) -> Task<int> {
    co_await wait([&](const Waiter& waiter) -> Poll<Unit> {
      if (a.poll(waiter)) return Unit{};
      return b.poll(waiter);
    });
    co_return 5;
  };
  auto spawned = executor.spawn(task(never, gate, Guest(alive)));
  executor.run();
  gate.open_it();
  executor.run();
  EXPECT_FALSE(never.waiters.empty());
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(*spawned.poll_join(Waiter::none()), 5);
}

TEST(TaskEnd, AValueNobodyTakesGoesWithTheHandle) {
  ManualExecutor executor;
  Gate never;
  int alive = 0;
  auto task = [](Gate& gate, int& count) -> Task<Guest> {
    co_await wait([&](const Waiter& waiter) -> Poll<Unit> {
      if (gate.poll(waiter)) return Unit{};
      return Unit{};
    });
    co_return Guest(count);
  };
  {
    const auto spawned = executor.spawn(task(never, alive));
    executor.run();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Join, WakesWhoWaitsForTheEnd) {
  ManualExecutor executor;
  Gate gate;
  auto inner = [](Gate& g) -> Task<int> {
    co_await g.passed();
    co_return 3;
  };
  auto outer = [](Spawned<int>& task, int& out) -> Task<void> { out = co_await task.join(); };
  int got = 0;
  auto first = executor.spawn(inner(gate));
  const auto second = executor.spawn(outer(first, got));
  executor.run();
  EXPECT_EQ(got, 0);
  gate.open_it();
  executor.run();
  EXPECT_EQ(got, 3);
}

TEST(Join, OfATaskWithoutValueMayBeAskedAgain) {
  ManualExecutor executor;
  auto spawned = executor.spawn(nothing());
  executor.run();
  EXPECT_TRUE(spawned.poll_join(Waiter::none()).ready());
  EXPECT_TRUE(spawned.poll_join(Waiter::none()).ready());
}

TEST(JoinDeathTest, AfterCancelIsABug) {
  ManualExecutor executor;
  auto spawned = executor.spawn(answer());
  spawned.cancel();
  EXPECT_DEATH((void)spawned.poll_join(Waiter::none()), "root_");
}

TEST(TaskDeathTest, AwaitingTwiceIsABug) {
  auto twice = [](Task<int> task) -> Task<void> {
    co_await std::move(task);
    co_await std::move(task);  // NOLINT(bugprone-use-after-move)
  };
  EXPECT_DEATH(
      {
        ManualExecutor executor;
        const auto spawned = executor.spawn(twice(answer()));
        executor.run();
      },
      "context");
}

TEST(Yield, LetsOthersRun) {
  ManualExecutor executor;
  std::vector<int> log;
  auto task = [](int id, std::vector<int>& out) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      out.push_back(id);
      co_await yield();
    }
  };
  const auto a = executor.spawn(task(1, log));
  const auto b = executor.spawn(task(2, log));
  executor.run();
  EXPECT_EQ(log, (std::vector<int>{1, 2, 1, 2}));
}

}  // namespace
}  // namespace moq::kio

// Keeps the conventions' table of what g++ 12 gets wrong in coroutines true: each form that the
// table says to write builds, destroys everything once, and leaks nothing. Built at -O0, -O1, -O2.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "moq/base/result.h"
#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// Who lives now, by address, and how often something that did not live was destroyed.
struct Census {
  std::set<const void*> living;
  int destroyed_twice = 0;
  int born = 0;
};

/// Something that is owned, and says when it is born and destroyed.
class Witness {
 public:
  explicit Witness(Census& census) : census_(&census) { enter(); }
  Witness(const Witness& other) : census_(other.census_) { enter(); }
  Witness(Witness&& other) noexcept : census_(other.census_) { enter(); }
  Witness& operator=(const Witness&) = default;
  Witness& operator=(Witness&&) = default;
  ~Witness() {
    if (census_->living.erase(this) == 0) ++census_->destroyed_twice;
  }

 private:
  void enter() {
    ++census_->born;
    census_->living.insert(this);
  }
  Census* census_;
};

struct Options {  // An aggregate that owns something.
  Witness witness;
  std::string name;
};

class Constructed {  // The same with a constructor.
 public:
  explicit Constructed(Witness witness) : witness_(std::move(witness)) {}

 private:
  Witness witness_;
};

class Compiler : public ::testing::Test {
 protected:
  /// Runs `task` to its end, waiting in between, and takes the census.
  void run(Task<void> task) {
    auto spawned = executor.spawn(std::move(task));
    executor.run();
    EXPECT_TRUE(spawned.finished());
    spawned.cancel();
    expect_all_gone();
  }
  /// Runs `task` until it waits for good, then cancels it.
  void run_and_cancel(Task<void> task) {
    auto spawned = executor.spawn(std::move(task));
    executor.run();
    EXPECT_FALSE(spawned.finished());
    spawned.cancel();
    expect_all_gone();
  }
  void expect_all_gone() const {
    EXPECT_GT(census.born, 0);
    EXPECT_EQ(census.living.size(), 0U) << "leaked";
    EXPECT_EQ(census.destroyed_twice, 0);
  }

  ManualExecutor executor;
  Census census;
};

/// Takes what it is given, waits or not, and gives some of it back.
template <typename T>
Task<T> through(T value, bool waits) {
  if (waits) co_await yield();
  co_return std::move(value);
}
Task<void> consume(Options, bool waits) {
  if (waits) co_await yield();
}
Task<void> consume_all(std::vector<Witness>, bool waits) {
  if (waits) co_await yield();
}
Task<void> hold(Options) {
  co_await wait([](const Waiter&) -> Poll<Unit> { return kPending; });
}
template <typename Function>
Task<int> call(Function function, bool waits) {
  if (waits) co_await yield();
  co_return function();
}

TEST_F(Compiler, AggregateNamedALineEarlier) {
  auto task = [](Census& of, bool waits) -> Task<void> {
    Options options{.witness = Witness(of), .name = "a name that needs the heap, surely"};
    co_await consume(std::move(options), waits);
  };
  run(task(census, false));
  run(task(census, true));
}

TEST_F(Compiler, AggregateNamedALineEarlierAndCancelled) {
  auto task = [](Census& of) -> Task<void> {
    Options options{.witness = Witness(of), .name = "a name that needs the heap, surely"};
    co_await hold(std::move(options));
  };
  run_and_cancel(task(census));
}

TEST_F(Compiler, TypeWithAConstructor) {
  auto task = [](Census& of, bool waits) -> Task<void> {
    co_await through(Constructed(Witness(of)), waits);
  };
  run(task(census, false));
  run(task(census, true));
}

TEST_F(Compiler, LambdaThatOwnsNamedALineEarlier) {
  auto task = [](Census& of, bool waits, int& got) -> Task<void> {
    auto owning = [witness = Witness(of), text = std::string(40, 'x')] {
      return static_cast<int>(text.size());
    };
    got = co_await call(std::move(owning), waits);
  };
  int got = 0;
  run(task(census, false, got));
  run(task(census, true, got));
  EXPECT_EQ(got, 40);
}

TEST_F(Compiler, LambdaOfReferencesAndScalarsInside) {
  auto task = [](Census& of, bool waits, int& got) -> Task<void> {
    const Witness witness(of);
    const std::string text = "five";
    const int scalar = waits ? 1 : 2;
    got = co_await call([&text, scalar] { return static_cast<int>(text.size()) + scalar; }, waits);
    co_await wait([&got](const Waiter&) -> Poll<Unit> {
      ++got;
      return Unit{};
    });
  };
  int got = 0;
  run(task(census, false, got));
  run(task(census, true, got));
  EXPECT_EQ(got, 6);
}

TEST_F(Compiler, IfAndElseInsteadOfAConditional) {
  auto task = [](Census& of, bool left, bool waits) -> Task<void> {
    std::vector<Witness> got;
    if (left) {
      got.push_back(co_await through(Witness(of), waits));
    } else {
      Witness other = co_await through(Witness(of), waits);
      got.push_back(std::move(other));
    }
  };
  for (const bool left : {false, true}) {
    for (const bool waits : {false, true}) run(task(census, left, waits));
  }
}

TEST_F(Compiler, ContainerInsteadOfAnInitializerList) {
  auto task = [](Census& of, bool waits) -> Task<void> {
    std::vector<Witness> all{Witness(of), Witness(of), Witness(of)};
    co_await consume_all(std::move(all), waits);
  };
  run(task(census, false));
  run(task(census, true));
}

TEST_F(Compiler, StatementMacroAroundAwait) {
  auto inner = [](Census& of, bool works, bool waits) -> Task<Result<Witness>> {
    Witness witness(of);
    if (waits) co_await yield();
    if (!works) co_return fail(Code::timeout);
    co_return witness;
  };
  auto middle = [](auto make, Census& of, bool works, bool waits) -> Task<Result<Witness>> {
    MOQ_CO_TRY(const Witness first, co_await make(of, works, waits));
    MOQ_CO_TRY(Witness second, co_await make(of, works, waits));
    MOQ_CO_CHECK(co_await make(of, works, waits));
    co_return std::move(second);
  };
  auto outer = [](auto m, auto i, Census& of, bool works, bool waits) -> Task<void> {
    const Result<Witness> result = co_await m(i, of, works, waits);
    EXPECT_EQ(result.has_value(), works);
  };
  for (const bool works : {false, true}) {
    for (const bool waits : {false, true}) run(outer(middle, inner, census, works, waits));
  }
}

TEST_F(Compiler, ResumingThroughTheExecutorKeepsTheStackFlat) {
  auto frame = []() -> Task<const void*> { co_return __builtin_frame_address(0); };
  auto task = [](auto child, const void*& first, const void*& last) -> Task<void> {
    first = co_await child();
    for (int i = 0; i < 50'000; ++i) last = co_await child();
  };
  const void* first = nullptr;
  const void* last = nullptr;
  auto spawned = executor.spawn(task(frame, first, last));
  executor.run();
  EXPECT_TRUE(spawned.finished());
  EXPECT_EQ(first, last);
}

TEST_F(Compiler, PairNamedThenBoundByReference) {
  auto task = [](Census& of, bool waits) -> Task<void> {
    std::pair<Witness, std::string> both(Witness(of), std::string(40, 'x'));
    const std::pair<Witness, std::string> pair = co_await through(std::move(both), waits);
    const auto& [witness, text] = pair;
    EXPECT_EQ(text.size(), 40U);
    const Witness copy = witness;
  };
  run(task(census, false));
  run(task(census, true));
}

TEST_F(Compiler, ParametersByValueAreMovedInOnceAndDestroyedOnce) {
  auto task = [](Witness, std::unique_ptr<Witness> boxed, bool waits) -> Task<void> {
    if (waits) co_await yield();
    EXPECT_TRUE(boxed);
  };
  for (const bool waits : {false, true}) {
    Task<void> made = task(Witness(census), std::make_unique<Witness>(census), waits);
    EXPECT_EQ(census.living.size(), 2U);
    run(std::move(made));
  }
}

TEST_F(Compiler, LambdaWithoutCapturesAsACoroutineMayDieFirst) {
  // Made by a lambda that is gone before the coroutine runs.
  Task<void> task = [](Census& of) {
    const auto coroutine = [](Witness witness) -> Task<void> {
      co_await yield();
      Witness moved = std::move(witness);
      co_await yield();
    };
    return coroutine(Witness(of));
  }(census);
  run(std::move(task));
}

}  // namespace
}  // namespace moq::kio

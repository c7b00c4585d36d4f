#include "moq/kio/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// Ready with the value once it is at least `least`.
auto at_least(int least) {
  return [least](const int& value) -> Poll<int> {
    if (value < least) return kPending;
    return value;
  };
}

/// Counts how often a task that watches a channel is woken.
class Watcher {
 public:
  Watcher(Executor& executor, Consumer<int> consumer)
      : task_(executor.spawn(watch(std::move(consumer), *this))) {}
  int polls = 0;
  std::optional<Result<int, Closed>> result;

 private:
  static Task<void> watch(Consumer<int> consumer, Watcher& self) {
    auto read = [&self](const int& value) {
      ++self.polls;
      return at_least(10)(value);
    };
    self.result = co_await consumer.when(read);
  }
  Spawned<void> task_;
};

class Channel : public ::testing::Test {
 protected:
  ManualExecutor executor;
  Producer<int> producer{1};
};

TEST_F(Channel, ReadsTheLastValue) {
  const Consumer<int> consumer = producer.consume();
  EXPECT_EQ(*consumer.read(), 1);
  producer.set(2);
  EXPECT_EQ(*consumer.read(), 2);
  EXPECT_EQ(*producer.read(), 2);
}

TEST_F(Channel, AWriteWakesTheReaders) {
  Watcher watcher(executor, producer.consume());
  executor.run();
  EXPECT_EQ(watcher.polls, 1);
  producer.set(2);
  executor.run();
  EXPECT_EQ(watcher.polls, 2);
  EXPECT_FALSE(watcher.result);
  producer.set(10);
  executor.run();
  EXPECT_EQ(watcher.result.value().value(), 10);
}

TEST_F(Channel, AWriteThatChangesNothingWakesNobody) {
  const Watcher watcher(executor, producer.consume());
  executor.run();
  producer.set(1);
  EXPECT_TRUE(producer.write([](int&) { return false; }));
  {
    auto guard = producer.mut();
    EXPECT_EQ(*guard, 1);
  }
  executor.run();
  EXPECT_EQ(watcher.polls, 1);
}

TEST_F(Channel, AGuardWakesOnceWhenItEnds) {
  const Watcher watcher(executor, producer.consume());
  executor.run();
  {
    auto guard = producer.mut();
    guard.edit() = 5;
    guard.edit() = 6;
    EXPECT_EQ(*guard, 6);
  }
  executor.run();
  EXPECT_EQ(watcher.polls, 2);
}

TEST_F(Channel, AWriteThatThrowsUnlocksAndWakes) {
  const Watcher watcher(executor, producer.consume());
  executor.run();
  EXPECT_THROW(producer.write([](int& value) -> bool {
    value = 5;
    throw std::runtime_error("from a library");
  }),
               std::runtime_error);
  executor.run();
  EXPECT_EQ(watcher.polls, 2);
  EXPECT_EQ(*producer.read(), 5);
}

TEST_F(Channel, CloseIsTerminalAndKeepsTheValue) {
  Watcher watcher(executor, producer.consume());
  const Consumer<int> consumer = producer.consume();
  executor.run();
  producer.set(7);
  producer.close();
  executor.run();
  EXPECT_FALSE(watcher.result.value().has_value());
  EXPECT_EQ(*consumer.read(), 7);
  EXPECT_TRUE(consumer.is_closed());
  bool ran = false;
  EXPECT_FALSE(producer.write([&](int&) { return ran = true; }));
  EXPECT_FALSE(producer.set(9));
  EXPECT_FALSE(ran);
  EXPECT_EQ(*consumer.read(), 7);
  producer.close();
}

TEST_F(Channel, AValueThatIsReadyComesBeforeTheEnd) {
  const Consumer<int> consumer = producer.consume();
  producer.set(20);
  producer.close();
  EXPECT_EQ(consumer.poll(Waiter::none(), at_least(10))->value(), 20);
  EXPECT_FALSE(consumer.poll(Waiter::none(), at_least(30))->has_value());
}

TEST_F(Channel, ClosesWithItsLastProducer) {
  const Consumer<int> consumer = producer.consume();
  {
    const Producer<int> moved = std::move(producer);
    const Producer<int> clone = moved.clone();
    EXPECT_FALSE(consumer.is_closed());
  }
  EXPECT_TRUE(consumer.is_closed());
}

TEST_F(Channel, ClosingWakesWhoWaitsForTheEnd) {
  auto task = [](Consumer<int> consumer) -> Task<void> { co_await consumer.closed(); };
  const auto spawned = executor.spawn(task(producer.consume()));
  executor.run();
  producer.set(5);
  executor.run();
  EXPECT_FALSE(spawned.finished());
  producer.close();
  executor.run();
  EXPECT_TRUE(spawned.finished());
}

TEST_F(Channel, AnAssignedHandleReleasesItsOldChannel) {
  const Consumer<int> consumer = producer.consume();
  Producer<int> other(3);
  Consumer<int> third = other.consume();
  producer = std::move(other);
  EXPECT_TRUE(consumer.is_closed());
  EXPECT_TRUE(producer.same_channel(third));
  third = consumer.clone();
  EXPECT_TRUE(producer.poll_unused(Waiter::none()).ready());
  Producer<int>& same = producer;
  producer = std::move(same);
  EXPECT_TRUE(producer.write([](int&) { return false; }));
}

TEST_F(Channel, ASecondTaskOfTheSameExecutorSeesTheFirstOnesWrite) {
  auto writes = [](Producer<int> out) -> Task<void> {
    for (int i = 0; i < 5; ++i) {
      out.write([](int& value) {
        value += 2;
        return true;
      });
      co_await yield();
    }
  };
  Watcher watcher(executor, producer.consume());
  const auto spawned = executor.spawn(writes(std::move(producer)));
  executor.run();
  EXPECT_EQ(watcher.result.value().value(), 11);
}

class Use : public Channel {
 protected:
  bool used() { return producer.poll_used(Waiter::none()).ready(); }
  bool unused() { return producer.poll_unused(Waiter::none()).ready(); }
};

TEST_F(Use, FollowsTheConsumers) {
  EXPECT_TRUE(unused());
  EXPECT_FALSE(used());
  {
    const Consumer<int> first = producer.consume();
    const Consumer<int> second = first.clone();
    EXPECT_TRUE(used());
    EXPECT_FALSE(unused());
  }
  EXPECT_TRUE(unused());
}

TEST_F(Use, WakesAtTheFirstAndAfterTheLast) {
  auto watch = [](Producer<int> of, std::vector<int>& log) -> Task<void> {
    for (;;) {
      const Result<void, Closed> used = co_await of.used();
      if (!used) break;
      log.push_back(1);
      const Result<void, Closed> unused = co_await of.unused();
      if (!unused) break;
      log.push_back(0);
    }
    log.push_back(-1);
  };
  std::vector<int> log;
  const auto task = executor.spawn(watch(producer.clone(), log));
  executor.run();
  EXPECT_TRUE(log.empty());
  {
    const Consumer<int> consumer = producer.consume();
    executor.run();
    EXPECT_EQ(log, std::vector<int>{1});
  }
  executor.run();
  EXPECT_EQ(log, (std::vector<int>{1, 0}));
  producer.close();
  executor.run();
  EXPECT_EQ(log, (std::vector<int>{1, 0, -1}));
}

TEST_F(Use, ChangesOfTheValueDoNotWakeIt) {
  int polls = 0;
  auto watch = [](Producer<int> of, int& count) -> Task<void> {
    co_await wait([&](const Waiter& waiter) {
      ++count;
      return of.poll_used(waiter);
    });
  };
  const auto task = executor.spawn(watch(producer.clone(), polls));
  executor.run();
  producer.set(5);
  executor.run();
  EXPECT_EQ(polls, 1);
}

TEST(WeakProducer, DoesNotKeepTheChannelOpen) {
  Producer<int> producer;
  const Consumer<int> consumer = producer.consume();
  const WeakProducer<int> weak = producer.weak();
  {
    std::optional<Producer<int>> strong = weak.upgrade();
    ASSERT_TRUE(strong);
    const Producer<int> gone = std::move(producer);
    strong->set(4);
  }
  EXPECT_TRUE(consumer.is_closed());
  EXPECT_EQ(*consumer.read(), 4);
  EXPECT_FALSE(weak.upgrade()) << "a closed channel is not resurrected";
  EXPECT_FALSE(WeakProducer<int>().upgrade());
}

TEST(WeakProducer, AnUpgradedOneKeepsItOpen) {
  std::optional<Producer<int>> producer(std::in_place, 1);
  const Consumer<int> consumer = producer->consume();
  std::optional<Producer<int>> strong = producer->weak().upgrade();
  producer.reset();
  EXPECT_FALSE(consumer.is_closed());
  strong.reset();
  EXPECT_TRUE(consumer.is_closed());
}

TEST(WeakConsumer, DoesNotUseTheChannel) {
  std::optional<Producer<int>> producer(std::in_place, 1);
  const WeakConsumer<int> weak = producer->weak_consumer();
  EXPECT_TRUE(producer->poll_unused(Waiter::none()).ready());
  {
    const std::optional<Consumer<int>> consumer = weak.upgrade();
    EXPECT_TRUE(producer->poll_used(Waiter::none()).ready());
    EXPECT_EQ(*consumer->read(), 1);
  }
  EXPECT_TRUE(producer->poll_unused(Waiter::none()).ready());
  const Consumer<int> last = producer->consume();
  producer.reset();
  EXPECT_TRUE(weak.upgrade()) << "the last value stays readable";
  EXPECT_FALSE(WeakConsumer<int>().upgrade());
}

TEST(WeakConsumer, IsGoneWithTheLastHandle) {
  WeakConsumer<int> weak;
  {
    const Producer<int> producer;
    weak = producer.consume().weak();
  }
  EXPECT_FALSE(weak.upgrade());
}

// A value whose destruction uses the channel again, as one that holds handles may.
TEST(ChannelValue, TheOldOneIsDestroyedAfterTheLock) {
  struct Value {
    std::shared_ptr<int> id;
    bool operator==(const Value&) const = default;
  };
  Producer<Value> producer;
  int reads = 0;
  {
    const Consumer<Value> consumer = producer.consume();
    auto reader = [&](const int* old) {
      delete old;
      reads += consumer.read()->id ? 1 : 0;
    };
    producer.set(Value{std::shared_ptr<int>(new int(1), reader)});
    producer.set(Value{std::make_shared<int>(2)});
    EXPECT_EQ(reads, 1);
  }
}

TEST(ChannelValue, MayBeMoveOnly) {
  Producer<std::unique_ptr<int>> producer(std::make_unique<int>(1));
  const Consumer<std::unique_ptr<int>> consumer = producer.consume();
  producer.set(std::make_unique<int>(2));
  EXPECT_EQ(**consumer.read(), 2);
}

}  // namespace
}  // namespace moq::kio

// What crosses threads, on real ones: little for the order of events (interleave/ has them all),
// much for ThreadSanitizer, which sees each access without a happens-before.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/kio/channel.h"
#include "moq/kio/executor.h"
#include "moq/kio/fanout.h"
#include "moq/kio/queue.h"
#include "moq/kio/shared.h"

namespace moq::kio {
namespace {

constexpr int kRounds = 200;

/// An executor that sleeps on a condition variable when it has nothing to do.
class ThreadLoop : public Clock, public Executor {
 public:
  ThreadLoop() : Executor([this] { notify(); }) {}
  ~ThreadLoop() override { queue_->close(); }
  Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return {}; }

  void run_once() {
    queue_->bind_to_this_thread();
    while (queue_->run_batch()) {
    }
  }
  template <typename T>
  void run_until_finished(const Spawned<T>& task) {
    for (;;) {
      run_once();
      if (task.finished()) return;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return std::exchange(notified_, false); });
    }
  }

 private:
  void notify() {
    const std::lock_guard lock(mutex_);
    notified_ = true;
    changed_.notify_one();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
};

/// Runs the functions at once, each on a thread of its own.
template <typename... Functions>
void at_once(Functions&&... functions) {
  std::barrier start(sizeof...(functions));
  std::vector<std::jthread> threads;
  (threads.emplace_back([&] {
    start.arrive_and_wait();
    functions();
  }),
   ...);
}

Task<void> until(Consumer<int> consumer, int last) {
  auto reached = [last](const int& value) -> Poll<Unit> {
    if (value < last) return kPending;
    return Unit{};
  };
  const auto result = co_await consumer.when(reached);
  EXPECT_TRUE(result.has_value());
}

TEST(Threads, WritesReachWhoWaits) {
  for (int round = 0; round < kRounds; ++round) {
    Producer<int> producer(0);
    const auto count = [](Producer<int>& own) {
      for (int i = 0; i < 10; ++i) own.write([](int& value) { return ++value; });
    };
    Producer<int> second = producer.clone();
    ThreadLoop loop;
    at_once(
        [&, consumer = producer.consume()]() mutable {
          const auto task = loop.spawn(until(std::move(consumer), 20));
          loop.run_until_finished(task);
        },
        [&] { count(producer); }, [&] { count(second); });
  }
}

TEST(Threads, TheEndReachesWhoWaits) {
  auto closed = [](Consumer<int> consumer) -> Task<void> { co_await consumer.closed(); };
  for (int round = 0; round < kRounds; ++round) {
    std::optional<Producer<int>> first(std::in_place, 0);
    std::optional<Producer<int>> second = first->clone();
    ThreadLoop loop;
    at_once(
        [&, consumer = first->consume()]() mutable {
          const auto task = loop.spawn(closed(std::move(consumer)));
          loop.run_until_finished(task);
        },
        [&] { first.reset(); }, [&] { second.reset(); });
  }
}

TEST(Threads, WeakHandlesAgainstTheLastStrongOnes) {
  for (int round = 0; round < kRounds; ++round) {
    std::optional<Producer<int>> producer(std::in_place, 0);
    std::optional<Consumer<int>> consumer = producer->consume();
    const WeakProducer<int> weak_producer = producer->weak();
    const WeakConsumer<int> weak_consumer = producer->weak_consumer();
    at_once([&] { producer.reset(); }, [&] { consumer.reset(); },
            [&] {
              std::optional<Producer<int>> strong = weak_producer.upgrade();
              if (strong) {
                EXPECT_TRUE(strong->set(1));
              }
              const std::optional<Consumer<int>> reader = weak_consumer.upgrade();
              if (reader && strong) {
                EXPECT_EQ(*reader->read(), 1);
              }
            });
    EXPECT_FALSE(weak_producer.upgrade());
    EXPECT_FALSE(weak_consumer.upgrade());
  }
}

TEST(Threads, UsedAndUnusedAgainstConsumersThatComeAndGo) {
  auto follow = [](Producer<int> producer, int& turns) -> Task<void> {
    for (;;) {
      const Result<void, Closed> used = co_await producer.used();
      if (!used) co_return;
      const Result<void, Closed> unused = co_await producer.unused();
      if (!unused) co_return;
      ++turns;
    }
  };
  for (int round = 0; round < kRounds; ++round) {
    Producer<int> producer(0);
    int turns = 0;
    ThreadLoop loop;
    std::atomic<int> busy = 2;
    const auto come_and_go = [&](const Producer<int>& source, Producer<int>& closing) {
      for (int i = 0; i < 10; ++i) const Consumer<int> brief = source.consume();
      if (--busy == 0) closing.close();
    };
    Producer<int> second = producer.clone();
    at_once(
        [&, own = producer.clone()]() mutable {
          const auto task = loop.spawn(follow(std::move(own), turns));
          loop.run_until_finished(task);
        },
        [&] { come_and_go(producer, producer); }, [&] { come_and_go(second, second); });
    EXPECT_LE(turns, 20);
  }
}

TEST(Threads, PostsAgainstTheEndOfTheExecutor) {
  for (int round = 0; round < kRounds; ++round) {
    auto loop = std::make_unique<ThreadLoop>();
    const auto token = std::make_shared<int>();
    std::atomic<int> runs = 0;
    std::atomic<int> taken = 0;
    const auto post = [&, remote = loop->remote()] {
      for (int i = 0; i < 5; ++i) {
        if (remote.post([token, &runs] { ++runs; })) ++taken;
      }
    };
    at_once(
        [&] {
          loop->run_once();
          loop.reset();
        },
        post, post);
    EXPECT_LE(runs, taken);
    EXPECT_EQ(token.use_count(), 1);
  }
}

TEST(Threads, WakesAgainstTheEndOfTheExecutor) {
  for (int round = 0; round < kRounds; ++round) {
    auto loop = std::make_unique<ThreadLoop>();
    Producer<int> producer(0);
    auto task = loop->spawn(until(producer.consume(), 100));
    at_once(
        [&] {
          loop->run_once();
          loop.reset();
        },
        [&] {
          for (int i = 1; i < 10; ++i) producer.set(i);
        });
    task.cancel();
  }
}

// A thread may get the system's id of one that ended, while an executor still takes it for its own.
TEST(Threads, AThreadThatEndedIsNotMistakenForANewOne) {
  for (int round = 0; round < kRounds; ++round) {
    ThreadLoop loop;
    int runs = 0;
    std::jthread([&] { loop.run_once(); }).join();
    const auto post = [&] { loop.post([&runs] { ++runs; }); };
    at_once(post, post, post);
    loop.run_once();
    EXPECT_EQ(runs, 3);
  }
}

// The last reference to an ended task may be an entry in a list on another thread.
TEST(Threads, ATaskIsDestroyedWhereItRan) {
  struct Guest {
    std::thread::id& died_on;
    explicit Guest(std::thread::id& out) : died_on(out) {}
    ~Guest() { died_on = std::this_thread::get_id(); }
  };
  auto task = [](Consumer<int> consumer, std::unique_ptr<Guest>) -> Task<void> {
    auto not_zero = [](const int& value) -> Poll<Unit> {
      if (value == 0) return kPending;
      return Unit{};
    };
    co_await wait([&](const Waiter& waiter) -> Poll<Unit> {
      if (consumer.poll_closed(waiter)) return Unit{};
      if (consumer.poll(waiter, not_zero)) return Unit{};
      return kPending;
    });
  };
  auto producer = std::make_unique<Producer<int>>(0);
  const Consumer<int> keeps_the_lists = producer->consume();
  std::thread::id died_on;
  std::thread::id ran_on;
  std::atomic<bool> ended = false;
  at_once(
      [&] {
        ran_on = std::this_thread::get_id();
        ThreadLoop loop;
        TaskGroup group(loop);
        group.spawn(task(producer->consume(), std::make_unique<Guest>(died_on)));
        auto empty = [](TaskGroup& of) -> Task<void> { co_await of.empty(); };
        const auto last = loop.spawn(empty(group));
        loop.run_until_finished(last);
        ended = true;
        ended.notify_one();
      },
      [&] {
        producer->set(1);
        ended.wait(false);
        producer.reset();  // Drops the stale registration for the end.
      });
  EXPECT_EQ(died_on, ran_on);
}

TEST(Threads, AQueueBetweenTwoLoops) {
  auto push = [](Queue<Bytes> queue, int count) -> Task<void> {
    for (int i = 0; i < count; ++i) {
      Bytes item = Bytes::copy("0123456789").slice(static_cast<std::size_t>(i % 10), 1);
      const Result<void, Closed> pushed = co_await queue.push(item);
      EXPECT_TRUE(pushed.has_value());
    }
    queue.close();
  };
  auto pop = [](Queue<Bytes> queue, int& count) -> Task<void> {
    for (;;) {
      const Result<Bytes, Closed> item = co_await queue.pop();
      if (!item) co_return;
      EXPECT_EQ((*item)[0], '0' + count % 10);
      ++count;
    }
  };
  Queue<Bytes> queue(4);
  ThreadLoop pushing;
  ThreadLoop popping;
  int popped = 0;
  at_once(
      [&, own = queue.clone()]() mutable {
        const auto task = pushing.spawn(push(std::move(own), 2000));
        pushing.run_until_finished(task);
      },
      [&, own = queue.clone()]() mutable {
        const auto task = popping.spawn(pop(std::move(own), popped));
        popping.run_until_finished(task);
      });
  EXPECT_EQ(popped, 2000);
}

Task<void> wait_through(Fanout& fanout, const Shared<int>& shared, int least) {
  co_await wait([&](const Waiter& waiter) {
    return fanout.poll(waiter, [&](const Waiter& all) {
      return shared.poll(all, [least](const int& value) -> Poll<Unit> {
        if (value < least) return kPending;
        return Unit{};
      });
    });
  });
}

TEST(Threads, AFanoutToTwoLoops) {
  for (int round = 0; round < kRounds; ++round) {
    Shared<int> shared(0);
    Fanout fanout;
    ThreadLoop first;
    ThreadLoop second;
    const auto wait_on = [&](ThreadLoop& loop, const Shared<int>& own) {
      const auto task = loop.spawn(wait_through(fanout, own, 3));
      loop.run_until_finished(task);
    };
    at_once([&, own = shared.clone()] { wait_on(first, own); },
            [&, own = shared.clone()] { wait_on(second, own); },
            [&] {
              for (int i = 0; i < 3; ++i) shared.write([](int& value) { return ++value; });
            });
  }
}

TEST(Threads, ABlockIsFreedByWhoeverIsLast) {
  for (int round = 0; round < kRounds; ++round) {
    const auto use = [](Bytes& own) {
      for (int i = 0; i < 10; ++i) {
        const Bytes slice = own.slice(static_cast<std::size_t>(i));
        EXPECT_EQ(slice.size(), own.size() - static_cast<std::size_t>(i));
      }
      own = {};
    };
    Bytes first = Bytes::copy("shared by three");
    Bytes second = first;
    Bytes third = first;
    at_once([&] { use(first); }, [&] { use(second); }, [&] { use(third); });
  }
}

}  // namespace
}  // namespace moq::kio

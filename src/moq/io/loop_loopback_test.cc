#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <ctime>
#include <thread>
#include <vector>

#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"

namespace moq::io {
namespace {

using kio::Waiter;

std::unique_ptr<Loop> make_loop() {
  auto loop = Loop::create();
  EXPECT_TRUE(loop) << loop.error().describe();
  return *std::move(loop);
}

Duration processor_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct PipeEnds {
  Fd read;
  Fd write;
};

PipeEnds make_pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

TEST(Loop, RunsATaskAndReturnsItsValue) {
  const auto loop = make_loop();
  EXPECT_EQ(loop->run([](Loop& self) -> kio::Task<int> {
    co_await kio::yield();
    co_await kio::sleep(self.clock(), 1ms);
    co_return 7;
  }(*loop)),
            7);
}

TEST(Loop, ATimerIsNeverEarlyAndCostsOneWait) {
  const auto loop = make_loop();
  const TimePoint before = kio::SystemClock().now();
  const std::uint64_t waits = loop->waits();
  loop->run(kio::sleep(loop->clock(), 2500us));
  EXPECT_GE(kio::SystemClock().now() - before, 2500us);
  // One that starts the task's turn, one that ends with the timer, one look at the descriptors.
  EXPECT_LE(loop->waits() - waits, 3u);
}

TEST(Loop, AnIdleLoopUsesNoProcessor) {
  const auto loop = make_loop();
  kio::Timer far_away(loop->clock(), loop->clock().now() + 1h);
  const Duration before = processor_time();
  const std::uint64_t waits = loop->waits();
  loop->run(kio::sleep(loop->clock(), 100ms));
  EXPECT_LE(loop->waits() - waits, 3u);
  EXPECT_LT(processor_time() - before, 50ms);
}

TEST(Loop, PostFromOtherThreadsWakesItAndLosesNothing) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  const auto loop = make_loop();
  int ran = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int post = 0; post < kPosts; ++post) {
        loop->post([&] {
          if (++ran == kThreads * kPosts) loop->stop();
        });
      }
    });
  }
  loop->run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kPosts);
}

TEST(Loop, TakesPostsOfItsMakerWhileAnotherThreadBeginsToRun) {
  for (int round = 0; round < 50; ++round) {
    const auto loop = make_loop();
    std::thread other([&] { loop->run(); });
    int ran = 0;
    for (int post = 0; post < 20; ++post) {
      loop->post([&] {
        if (++ran == 20) loop->stop();
      });
    }
    other.join();
    EXPECT_EQ(ran, 20);
  }
}

TEST(Loop, StopFromAnotherThreadEndsABlockedRun) {
  const auto loop = make_loop();
  std::thread other([&] { loop->stop(); });
  loop->run();
  other.join();
}

TEST(Loop, AStopThatCameBeforeTheRunCounts) {
  const auto loop = make_loop();
  loop->stop();
  loop->run();
}

TEST(Loop, APostThatNobodyRunsIsDroppedWithTheLoop) {
  const auto owned = std::make_shared<int>(1);
  auto loop = make_loop();
  loop->post([owned] {});
  EXPECT_EQ(owned.use_count(), 2);
  loop.reset();
  EXPECT_EQ(owned.use_count(), 1);
}

kio::Task<std::size_t> read_some(FdWatch& watch) {
  std::array<char, 64> buffer{};
  for (;;) {
    co_await kio::wait([&watch](const Waiter& waiter) { return watch.poll_readable(waiter); });
    const ssize_t got = ::read(watch.fd(), buffer.data(), buffer.size());
    if (got >= 0) co_return static_cast<std::size_t>(got);
    watch.clear_readable();
  }
}

kio::Task<std::size_t> joined(kio::Spawned<std::size_t>& task) {
  const std::size_t value = co_await task.join();
  co_return value;
}

TEST(FdWatch, WakesItsReaderWhenBytesComeAndAtTheEnd) {
  const auto loop = make_loop();
  PipeEnds pipe = make_pipe();
  auto watch = FdWatch::create(*loop, std::move(pipe.read));
  ASSERT_TRUE(watch);
  auto reader = loop->spawn(read_some(**watch));
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(reader.finished());
  EXPECT_EQ(::write(pipe.write.get(), "abc", 3), 3);
  EXPECT_EQ(loop->run(joined(reader)), 3u);
  pipe.write.reset();
  EXPECT_EQ(loop->run(read_some(**watch)), 0u);
}

TEST(FdWatch, WakesItsWriterWhenThereIsRoomAndNotWhenNobodyWaits) {
  const auto loop = make_loop();
  PipeEnds pipe = make_pipe();
  auto watch = FdWatch::create(*loop, std::move(pipe.write));
  ASSERT_TRUE(watch);
  std::vector<char> junk(1 << 20, 'x');
  while (::write((*watch)->fd(), junk.data(), junk.size()) > 0) {
  }
  (*watch)->clear_writable();
  auto writer = loop->spawn([](FdWatch& self) -> kio::Task<void> {
    co_await kio::wait([&self](const Waiter& waiter) { return self.poll_writable(waiter); });
  }(**watch));
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(writer.finished());
  EXPECT_GT(::read(pipe.read.get(), junk.data(), junk.size()), 0);
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_TRUE(writer.finished());
}

TEST(FdWatch, RoomThatNobodyWaitsForWakesNobody) {
  const auto loop = make_loop();
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  const Fd peer(fds[1]);
  auto watch = FdWatch::create(*loop, Fd(fds[0]));
  ASSERT_TRUE(watch);
  (*watch)->clear_writable();
  loop->run([](FdWatch& self) -> kio::Task<void> {
    co_await kio::wait([&self](const Waiter& waiter) { return self.poll_writable(waiter); });
  }(**watch));
  // Each byte that the peer takes makes room anew.
  constexpr std::uint64_t kRounds = 10;
  const std::uint64_t waits = loop->waits();
  loop->run([](Loop& self, int near, int far) -> kio::Task<void> {
    char byte = 'x';
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      EXPECT_EQ(::write(near, &byte, 1), 1);
      EXPECT_EQ(::read(far, &byte, 1), 1);
      co_await kio::sleep(self.clock(), 1ms);
    }
  }(*loop, (*watch)->fd(), peer.get()));
  EXPECT_LE(loop->waits() - waits, kRounds + 2);
}

TEST(FdWatch, RefusesARegularFile) {
  const auto loop = make_loop();
  Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto watch = FdWatch::create(*loop, std::move(file));
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().code, Code::unsupported);
}

}  // namespace
}  // namespace moq::io

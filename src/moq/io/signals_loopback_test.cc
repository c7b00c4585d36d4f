#include <gtest/gtest.h>

#include <array>
#include <csignal>

#include "moq/io/signals.h"

namespace moq::io {
namespace {

kio::Task<int> next(Signals& signals) {
  const Result<int> number = co_await signals.next();
  EXPECT_TRUE(number);
  co_return number ? *number : 0;
}

TEST(Signals, ComeAsEventsAndNotAsInterruptions) {
  const std::unique_ptr<Loop> loop = *Loop::create();
  constexpr std::array kNumbers = {SIGTERM, SIGHUP};
  auto signals = Signals::create(*loop, kNumbers);
  ASSERT_TRUE(signals);
  EXPECT_FALSE((*signals)->poll_next(kio::Waiter::none()));
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_EQ(loop->run(next(**signals)), SIGTERM);
  auto waiting = loop->spawn(next(**signals));
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(waiting.finished());
  ASSERT_EQ(::raise(SIGHUP), 0);
  while (!waiting.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
  EXPECT_EQ(*waiting.poll_join(kio::Waiter::none()), SIGHUP);
}

TEST(Signals, UnblocksWhatItBlocked) {
  const std::unique_ptr<Loop> loop = *Loop::create();
  constexpr std::array kNumbers = {SIGUSR1};
  sigset_t mask;
  {
    const auto signals = Signals::create(*loop, kNumbers);
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGUSR1), 1);
  }
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 0);
}

}  // namespace
}  // namespace moq::io

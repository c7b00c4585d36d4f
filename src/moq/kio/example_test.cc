// The example of README.md.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "moq/kio/channel.h"
#include "moq/kio/internal/manual_executor.h"

namespace moq::kio {
namespace {

/// Notes each new value of `level` until the channel closes, at most one per second.
Task<void> sample(Clock& clock, Consumer<int> level, std::vector<int>& log) {
  int last = 0;
  auto changed = [&last](const int& value) -> Poll<int> {
    if (value == last) return kPending;
    return value;
  };
  for (;;) {
    const Result<int, Closed> value = co_await level.when(changed);
    if (!value) co_return;
    log.push_back(last = *value);
    co_await sleep(clock, 1s);
  }
}

TEST(Example, SamplesALevel) {
  ManualExecutor executor;
  Producer<int> level(0);
  std::vector<int> log;
  const auto sampler = executor.spawn(sample(executor, level.consume(), log));
  executor.run();
  level.set(1);
  executor.run();
  level.set(2);
  level.set(3);
  executor.advance(1s);
  level.close();
  executor.advance(1s);
  EXPECT_EQ(log, (std::vector<int>{1, 3}));
  EXPECT_TRUE(sampler.finished());
}

}  // namespace
}  // namespace moq::kio

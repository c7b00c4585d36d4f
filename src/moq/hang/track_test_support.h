#pragma once

#include <gtest/gtest.h>

#include "moq/net/broadcast.h"

/// For tests of what reads and writes tracks.
namespace moq::hang {

/// The value that is there now; none if the reader has to wait.
template <typename Consumer>
auto now(Consumer& consumer) {
  auto next = consumer.poll_next(kio::Waiter::none());
  EXPECT_TRUE(next.ready());
  return *std::move(next);
}
/// The value that is there now; fails the test if there is an error instead.
template <typename Consumer>
auto value(Consumer& consumer) {
  auto result = now(consumer);
  EXPECT_TRUE(result) << result.error().describe();
  return *std::move(result);
}
template <typename Consumer>
bool waits(Consumer& consumer) {
  return consumer.poll_next(kio::Waiter::none()).pending();
}

struct Fixture {
  net::broadcast::Producer broadcast;
  net::broadcast::Consumer reader = broadcast.consume();
};

}  // namespace moq::hang

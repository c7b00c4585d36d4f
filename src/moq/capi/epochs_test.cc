#include "moq/capi/internal/epochs.h"

#include <gtest/gtest.h>

namespace moq::capi {
namespace {

using native::Status;

native::Reconnect::State state(std::optional<Status> status, std::uint64_t epoch) {
  native::Reconnect::State out;
  out.status = status;
  out.epoch = epoch;
  return out;
}

TEST(Epochs, CountConnectionsThatAreUpOnceEach) {
  Epochs epochs;
  EXPECT_EQ(epochs.next(state(std::nullopt, 0)), std::nullopt);
  EXPECT_EQ(epochs.next(state(Status::connected, 1)), 1);
  EXPECT_EQ(epochs.next(state(Status::connected, 1)), std::nullopt);
  EXPECT_EQ(epochs.next(state(Status::disconnected, 1)), std::nullopt);
  EXPECT_EQ(epochs.next(state(Status::connected, 2)), 2);
}

TEST(Epochs, CountOneThatTookOverFromAnother) {
  Epochs epochs;
  EXPECT_EQ(epochs.next(state(Status::connected, 1)), 1);
  EXPECT_EQ(epochs.next(state(Status::connected, 2)), 2);
}

TEST(Epochs, HaveNoGapsWhereConnectionsWereMissed) {
  Epochs epochs;
  EXPECT_EQ(epochs.next(state(Status::disconnected, 1)), std::nullopt);
  EXPECT_EQ(epochs.next(state(Status::connected, 4)), 1);
  EXPECT_EQ(epochs.next(state(Status::connected, 7)), 2);
}

TEST(Epochs, EndWithTheLastNumberInsteadOfBeginningAnew) {
  Epochs epochs(HandleNumbers::kMax - 1);
  EXPECT_EQ(epochs.next(state(Status::connected, 1)), HandleNumbers::kMax);
  const auto past = epochs.next(state(Status::connected, 2));
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().text, "the epochs have run out");
}

}  // namespace
}  // namespace moq::capi

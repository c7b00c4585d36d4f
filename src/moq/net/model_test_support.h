#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "moq/net/track.h"
#include "moq/sim/world.h"

/// What the tests of the model share.
namespace moq::net {

/// The value of a poll that is ready now; the test ends if it is not.
template <typename T>
T now(kio::Poll<T> poll) {
  EXPECT_TRUE(poll.ready()) << "nothing is there yet";
  if (poll.pending()) std::abort();
  return *std::move(poll);
}

template <typename Object, typename T, typename... Args>
T now_of(Object& object, kio::Poll<T> (Object::*poll)(Args...)) {
  return now((object.*poll)(kio::Waiter::none()));
}

/// Waits for a poll function in a task of its own: `woken()` only if the change it waits for
/// woke it, for it is not polled otherwise.
class Watch {
 public:
  template <typename Function>
  Watch(sim::World& world, Function function)
      : world_(world),
        poll_([function](const kio::Waiter& waiter) mutable { return function(waiter).ready(); }) {
    task_ = world.spawn(wait(this));
    world.run_until_idle();
  }
  bool woken() {
    world_.run_until_idle();
    return done_;
  }

 private:
  static kio::Task<void> wait(Watch* self) {
    co_await kio::wait([self](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (!self->poll_(waiter)) return kio::kPending;
      return kio::Unit{};
    });
    self->done_ = true;
  }
  sim::World& world_;
  std::function<bool(const kio::Waiter&)> poll_;
  bool done_ = false;
  kio::Spawned<void> task_;
};

/// `size` bytes; all slices of one block, so that large ones are cheap.
inline Bytes large(std::size_t size) {
  static const Bytes block = Bytes::copy(std::string(std::size_t{32} << 20, 'x'));
  return block.slice(0, size);
}

/// The error of a result that failed.
template <typename T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Code::internal : result.error().code;
}

/// Writes a finished group of one frame at `sequence`.
inline void write_group(track::Producer& track, std::uint64_t sequence, std::uint64_t timestamp,
                        std::string_view text = "x") {
  auto group = track.create_group(sequence);
  ASSERT_TRUE(group) << group.error().describe();
  ASSERT_TRUE(group->write_frame(timestamp, Bytes::copy(text)));
  std::move(*group).finish();
}

/// The sequences of the groups that are there now.
inline std::vector<std::uint64_t> take_sequences(track::Consumer& track) {
  std::vector<std::uint64_t> sequences;
  for (;;) {
    auto group = track.poll_next_group(kio::Waiter::none());
    if (group.pending() || !*group || !**group) return sequences;
    sequences.push_back((**group)->sequence());
  }
}

/// The payloads of the whole frames that are there now.
inline std::vector<std::string> take_frames(group::Consumer& group) {
  std::vector<std::string> frames;
  for (;;) {
    auto frame = group.poll_read_frame(kio::Waiter::none());
    if (frame.pending() || !*frame || !**frame) return frames;
    frames.emplace_back((**frame)->second.text());
  }
}

using Sequences = std::vector<std::uint64_t>;
using Texts = std::vector<std::string>;

inline constexpr track::Subscription kEverything{.max_age = kUnlimitedAge};

}  // namespace moq::net

#include <gtest/gtest.h>

#include "moq/net/origin.h"
#include "moq/sim/world.h"

/// The example of README.md.
namespace moq::net {
namespace {

using kio::Task;

/// Notes the frames of `path`, whenever it is announced, until its track ends.
Task<void> follow(origin::Consumer origin, Path path, std::vector<std::string>& log) {
  origin::Announced announced = origin.announced_exactly(path);
  std::optional<broadcast::Consumer> broadcast;
  while (!broadcast) {
    origin::Update update = co_await announced.next();
    if (update.broadcast) broadcast = std::move(*update.broadcast);
  }
  track::Consumer track = broadcast->subscribe("chat", {.max_age = 10s});
  for (;;) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return;
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame || !*frame) break;
      log.emplace_back((*frame)->second.text());
    }
  }
}

TEST(Example, FollowsWhatIsPublished) {
  sim::World world;
  origin::Producer origin(1);
  std::vector<std::string> log;
  const auto reading = world.spawn(follow(origin.consume(), Path::of("room/alice"), log));
  broadcast::Producer broadcast;
  track::Producer chat = *broadcast.create_track("chat");
  auto announcement = origin.announce(Path::of("room/alice"), broadcast.consume());
  world.run_until_idle();
  ASSERT_TRUE(chat.write_frame(0, Bytes::copy("hello")));
  ASSERT_TRUE(chat.write_frame(1000, Bytes::copy("world")));
  std::move(chat).finish();
  world.run_until_idle();
  EXPECT_TRUE(reading.finished());
  EXPECT_EQ(log, (std::vector<std::string>{"hello", "world"}));
}

}  // namespace
}  // namespace moq::net

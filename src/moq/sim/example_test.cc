// The example of README.md.
#include <gtest/gtest.h>

#include "moq/sim/session_pair.h"

namespace moq::sim {
namespace {

kio::Task<void> echo_once(std::unique_ptr<transport::Session> session) {
  auto stream = co_await session->accept_bidi();
  const Result<Bytes> question = co_await stream->recv->read(100);
  stream->send->write(*question);
  stream->send->finish();
  co_await session->closed();
}

kio::Task<Bytes> ask(kio::Clock& clock, std::unique_ptr<transport::Session> session) {
  co_await kio::sleep(clock, 3s);
  auto stream = co_await session->open_bidi();
  stream->send->write(Bytes::copy("still there?"));
  const Result<Bytes> answer = co_await stream->recv->read(100);
  co_return *answer;
}

TEST(Example, AQuestionSurvivesAPartition) {
  World world;
  SCOPED_TRACE(world);  // A failure names the seed and the virtual time.
  SessionPair pair = session_pair(world, LinkOptions{.latency = 20ms, .loss = 0.01});
  const auto server = world.spawn(echo_once(std::move(pair.server)));
  world.after(2s, [&] { pair.control.partition(); });
  world.after(5s, [&] { pair.control.heal(); });

  const Bytes answer = world.run(ask(world, std::move(pair.client)));

  EXPECT_EQ(answer.text(), "still there?");
  EXPECT_GE(world.elapsed(), 5s + 40ms);
  EXPECT_LT(world.elapsed(), 6s);
}

}  // namespace
}  // namespace moq::sim

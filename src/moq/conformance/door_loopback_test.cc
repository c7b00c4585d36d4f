#include <gtest/gtest.h>

#include "moq/conformance/door.h"
#include "moq/conformance/peer.h"

namespace moq::conformance {
namespace {

/// A door on a loop, and what dials it.
class DoorTest : public ::testing::Test {
 protected:
  Door make(std::vector<std::string> command) {
    transport::tls::GenerateOptions generate;
    generate.names = {"localhost"};
    transport::tls::ServerTlsOptions shown;
    shown.identities.push_back(*transport::tls::Identity::generate(generate));
    DoorOptions options;
    options.address = *transport::SocketAddress::parse("127.0.0.1:0");
    options.broadcast = "a.hang";
    options.command = std::move(command);
    return {*loop_, random_, std::move(options), *transport::tls::ServerTls::create(shown), names_};
  }

  Result<std::unique_ptr<transport::Session>> accept(Door& door) {
    kio::TaskGroup tasks(*loop_);
    return loop_->run(door.accept(tasks));
  }

  std::unique_ptr<io::Loop> loop_ = *io::Loop::create();
  SystemRandom random_;
  std::vector<std::string> names_ = {"moq-lite-06", "moq-lite-05"};
};

kio::Task<Result<std::string>> dial(Bench& bench, Door& door, std::vector<std::string> offer) {
  transport::quic::DialOptions options(
      *transport::SocketAddress::parse(door.url().substr(7, door.url().size() - 8)), "localhost",
      std::move(offer), bench.tls);
  auto dialing = bench.loop->spawn(bench.quic.dial(std::move(options)));
  auto came = co_await door.accept(bench.tasks);
  if (!came) co_return std::unexpected(came.error());
  co_return std::string((*came)->protocol());
}

TEST_F(DoorTest, TakesAClientByTheVersionThatIsWanted) {
  transport::tls::ClientTlsOptions trust;
  trust.insecure = true;
  Bench bench(*loop_, random_, {}, *transport::tls::ClientTls::create(trust));
  Door door = make({});
  for (const char* wanted : {"moq-lite-05", "moq-lite-06"}) {
    ASSERT_TRUE(door.open(wanted));
    const auto taken = loop_->run(dial(bench, door, {"moq-lite-06", "moq-lite-05"}));
    ASSERT_TRUE(taken) << taken.error().describe();
    EXPECT_EQ(*taken, wanted);
    EXPECT_TRUE(loop_->run(door.close()));
  }
  EXPECT_TRUE(door.anybody_came());
}

TEST_F(DoorTest, SaysHowAClientEndedThatNeverCame) {
  Door door = make({"sh", "-c", "test {version}{broadcast} = moq-lite-05a.hang && exit 7"});
  ASSERT_TRUE(door.open("moq-lite-05"));
  const auto came = accept(door);
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().code, Code::refused);
  EXPECT_EQ(came.error().text, "the client ended before it connected (exit code 7)");
  EXPECT_TRUE(loop_->run(door.close()));
  EXPECT_FALSE(door.anybody_came());
}

TEST_F(DoorTest, TellsThatAClientCrashed) {
  Door door = make({"sh", "-c", "kill -SEGV $$"});
  ASSERT_TRUE(door.open("moq-lite-05"));
  EXPECT_FALSE(accept(door));
  const auto closed = loop_->run(door.close());
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().text, "expected a client that lives, got its end by signal 11");
}

TEST_F(DoorTest, EndsAClientThatGoesOn) {
  Door door = make({"sh", "-c", "sleep 1000 | sleep 1000"});
  ASSERT_TRUE(door.open("moq-lite-05"));
  EXPECT_TRUE(loop_->run(door.close()));
}

TEST_F(DoorTest, RefusesACommandThatCannotBeStarted) {
  Door door = make({"/no/such/program"});
  const auto opened = door.open("moq-lite-05");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::bad_config);
}

}  // namespace
}  // namespace moq::conformance

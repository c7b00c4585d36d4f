#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "moq/io/loop.h"
#include "moq/io/resolver.h"

namespace moq::io {
namespace {

using kio::Waiter;
using transport::SocketAddress;

/// A lookup that waits until it is let go.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::size_t inside = 0;
  std::size_t most_inside = 0;
  std::size_t done = 0;

  Result<Addresses> pass(std::uint16_t port) {
    std::unique_lock lock(mutex);
    most_inside = std::max(most_inside, ++inside);
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    --inside;
    ++done;
    changed.notify_all();
    return Addresses{*SocketAddress::parse("192.0.2.1:" + std::to_string(port))};
  }
  void let_go() {
    std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  void wait_inside(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside == count; });
  }
  void wait_done(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done == count; });
  }
};

struct ResolverTest : testing::Test {
  std::unique_ptr<Loop> loop = *Loop::create();
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  Resolver gated{
      [gate = gate](const std::string&, std::uint16_t port) { return gate->pass(port); }};
};

TEST_F(ResolverTest, LiteralAddressesNeedNoThread) {
  Resolver none([](const std::string&, std::uint16_t) -> Result<Addresses> {
    ADD_FAILURE() << "looked up";
    return fail(Code::internal);
  });
  for (const auto& [host, text] :
       {std::pair{"127.0.0.1", "127.0.0.1:443"}, {"::1", "[::1]:443"}, {"[::1]", "[::1]:443"}}) {
    const auto addresses = loop->run(none.resolve(host, 443));
    ASSERT_TRUE(addresses && addresses->size() == 1) << host;
    EXPECT_EQ(addresses->front().to_string(), text);
  }
}

TEST_F(ResolverTest, AnswersFromAnotherThread) {
  std::thread::id where;
  Resolver resolver([&where](const std::string& host, std::uint16_t port) -> Result<Addresses> {
    where = std::this_thread::get_id();
    EXPECT_EQ(host, "relay.example");
    return Addresses{*SocketAddress::parse("[2001:db8::1]:" + std::to_string(port)),
                     *SocketAddress::parse("192.0.2.1:" + std::to_string(port))};
  });
  const auto addresses = loop->run(resolver.resolve("relay.example", 4443));
  ASSERT_TRUE(addresses);
  ASSERT_EQ(addresses->size(), 2u);
  EXPECT_EQ((*addresses)[0].to_string(), "[2001:db8::1]:4443");
  EXPECT_EQ((*addresses)[1].to_string(), "192.0.2.1:4443");
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST_F(ResolverTest, TheLoopGoesOnMeanwhile) {
  auto task = loop->spawn(gated.resolve("slow.example", 1));
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(task.finished());
  gate->let_go();
  while (!task.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
}

TEST_F(ResolverTest, ACancelledLookupIsForgotten) {
  {
    auto task = loop->spawn(gated.resolve("slow.example", 1));
    loop->run(kio::yield());
    gate->wait_inside(1);
  }
  gate->let_go();
  gate->wait_done(1);
}

TEST_F(ResolverTest, ALookupMayOutliveTheLoop) {
  auto task = loop->spawn(gated.resolve("slow.example", 1));
  loop->run(kio::yield());
  gate->wait_inside(1);
  task.cancel();
  loop.reset();
  gate->let_go();
  gate->wait_done(1);
}

TEST_F(ResolverTest, AtMostSoManyLookupsRunAtOnce) {
  std::vector<kio::Spawned<Result<Addresses>>> tasks;
  for (std::size_t i = 0; i < 3 * Resolver::kMaxLookups; ++i) {
    tasks.push_back(loop->spawn(gated.resolve("slow.example", 1)));
  }
  loop->run(kio::yield());
  gate->wait_inside(Resolver::kMaxLookups);
  loop->run(kio::sleep(loop->clock(), 2ms));
  gate->let_go();
  for (auto& task : tasks) {
    while (!task.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
    EXPECT_TRUE(*task.poll_join(Waiter::none()));
  }
  EXPECT_EQ(gate->most_inside, Resolver::kMaxLookups);
}

TEST_F(ResolverTest, TheSystemKnowsLocalhost) {
  Resolver resolver;
  const auto addresses = loop->run(resolver.resolve("localhost", 80));
  ASSERT_TRUE(addresses) << addresses.error().describe();
  for (const SocketAddress& address : *addresses) {
    EXPECT_TRUE(address.is_loopback()) << address.to_string();
    EXPECT_EQ(address.port, 80);
  }
}

TEST_F(ResolverTest, AnUnknownNameIsNotFound) {
  Resolver resolver;
  // Not a name by the rules of names, so no server is asked.
  const auto addresses = loop->run(resolver.resolve("no such name", 80));
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, Code::name_not_found);
  EXPECT_NE(addresses.error().text.find("no such name"), std::string::npos);
}

}  // namespace
}  // namespace moq::io

// How a program that uses the library ends, forks, and is told by signals: `moq_capi_testing` plays
// the scenes.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "moq/base/testing_paths.h"
#include "moq/capi/session_test_support.h"

namespace moq::capi {
namespace {

using app::test::Child;
using app::test::RelayChild;

/// A program that plays `scene` against `url`.
class Scene : public Child {
 public:
  Scene(const std::string& scene, const std::string& url)
      : Child({test_bin_dir() + "/moq_capi_testing", scene, url}) {}
};

TEST(Process, ExitWithASessionOpenTellsThePeer) {
  const RelayChild relay;
  const TestOrigin received;
  const QuickConfig config;
  TestSession subscriber(relay.url(), config, 0, received.handle());
  Recorder announced;
  const std::uint32_t listener =
      made(moq_origin_announced(received.handle(), Recorder::callback, &announced));
  Scene scene("exit-with-a-session", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
  EXPECT_EQ(take_announcement(announced.next()), "+room");
  EXPECT_EQ(take_announcement(announced.next()), "-room");
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(announced.next(), 0);
}

TEST(Process, ExitWithinACallbackEndsIt) {
  const RelayChild relay;
  Scene scene("exit-in-a-callback", relay.url());
  EXPECT_EQ(scene.wait(), 7) << scene;
}

TEST(Process, ExitDoesNotWaitForACallback) {
  const RelayChild relay;
  Scene scene("exit-while-a-callback-runs", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
}

TEST(Process, CallsWorkToTheVeryEnd) {
  const RelayChild relay;
  Scene scene("calls-after-exit", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
  EXPECT_NE(scene.err().find("called late"), std::string::npos) << scene;
}

TEST(Process, AForkedChildIsToldThatItHasNoLibrary) {
  const RelayChild relay;
  Scene scene("fork-with-a-session", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
}

TEST(Process, AForkBeforeTheFirstCallIsFree) {
  const RelayChild relay;
  Scene scene("fork-before-the-first-call", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
}

TEST(Process, SignalsAreForTheApplicationsThreads) {
  const RelayChild relay;
  Scene scene("signals", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
}

/// A TCP server that resets whoever speaks to it.
class HangsUp {
 public:
  HangsUp() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  HangsUp(const HangsUp&) = delete;
  HangsUp& operator=(const HangsUp&) = delete;
  ~HangsUp() {
    ::shutdown(fd_, SHUT_RDWR);  // Ends the accept.
    thread_.join();
    ::close(fd_);
    EXPECT_GT(served_, 0);
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/";
  }

 private:
  void serve() {
    for (;;) {
      const int client = ::accept(fd_, nullptr, nullptr);
      if (client < 0) return;
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      ::close(client);
      ++served_;
    }
  }

  int fd_;
  std::uint16_t port_ = 0;
  std::atomic<int> served_{0};
  std::thread thread_;
};

TEST(Process, ARelayThatHangsUpSendsNoSignal) {
  const HangsUp relay;
  Scene scene("no-sigpipe", relay.url());
  EXPECT_EQ(scene.wait(), 0) << scene;
}

TEST(Process, RunsOutOfHandleNumbersInGoodOrder) {
  Scene scene("numbers-run-out", "moqt://127.0.0.1:1/");
  EXPECT_EQ(scene.wait(), 0) << scene;
}

}  // namespace
}  // namespace moq::capi

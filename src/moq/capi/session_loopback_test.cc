// Sessions with a relay of this build, or with none: contract, sections 6 and 7.
#include <gtest/gtest.h>

#include <chrono>

#include "moq/capi/session_test_support.h"

namespace moq::capi {
namespace {

using app::test::free_port;
using app::test::RelayChild;

std::string nobody() { return "moqt://127.0.0.1:" + std::to_string(free_port()) + "/"; }

TEST(Session, CountsItsConnectionsAndSaysNothingBetween) {
  RelayChild relay;
  const QuickConfig config;
  TestSession session(relay.url(), config);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_EQ(session.status().next(), epoch);
    relay.kill();
    relay.start();
  }
  EXPECT_EQ(session.status().next(), 4);
  // A new one begins anew.
  TestSession other(relay.url(), config);
  EXPECT_EQ(other.status().next(), 1);
  EXPECT_EQ(other.status().thread(), session.status().thread());
}

TEST(Session, CloseIsAnsweredOnceAndForgetsTheHandle) {
  const RelayChild relay;
  const QuickConfig config;
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);

  EXPECT_EQ(moq_session_close(session.handle()), 0);
  EXPECT_EQ(moq_session_close(session.handle()), MOQ_ERROR_SESSION_NOT_FOUND);
  EXPECT_EQ(session.status().next(), 0);
  EXPECT_EQ(moq_session_close(session.handle()), MOQ_ERROR_SESSION_NOT_FOUND);
}

TEST(Session, CanBeClosedBeforeItsFirstConnection) {
  const QuickConfig config;
  for (const std::string& url : {nobody(), std::string("https://127.0.0.1:1/x")}) {
    TestSession session(url, config);
    EXPECT_EQ(moq_session_close(session.handle()), 0);
    EXPECT_EQ(session.status().next(), 0);
  }
}

TEST(Session, CanBeClosedDuringAnOutage) {
  RelayChild relay;
  const QuickConfig config;
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
  relay.kill();

  EXPECT_EQ(moq_session_close(session.handle()), 0);
  EXPECT_EQ(session.status().next(), 0);
}

TEST(Session, CanBeClosedFromItsCallback) {
  struct Closing {
    Recorder status;
    std::atomic<std::uint32_t> session{0};
    std::int32_t first = -999;
    std::int32_t second = -999;
  } closing;
  const auto callback = [](void* self, std::int32_t code) {
    auto* state = static_cast<Closing*>(self);
    if (code > 0) {
      // The callback may be earlier than the handle.
      while (state->session == 0) std::this_thread::yield();
      state->first = moq_session_close(state->session);
      state->second = moq_session_close(state->session);
    } else {
      // Before the terminal the handle is unknown.
      EXPECT_EQ(moq_session_close(state->session), MOQ_ERROR_SESSION_NOT_FOUND);
    }
    Recorder::callback(&state->status, code);
  };
  const RelayChild relay;
  const QuickConfig config;
  const std::string url = relay.url();
  closing.session =
      made(moq_client_connect(url.data(), url.size(), config.handle(), 0, 0, callback, &closing));

  EXPECT_EQ(closing.status.next(), 1);
  EXPECT_EQ(closing.status.next(), 0);
  EXPECT_EQ(closing.first, 0);
  EXPECT_EQ(closing.second, MOQ_ERROR_SESSION_NOT_FOUND);
}

TEST(Session, GivesUpInWordsAfterItsTime) {
  const QuickConfig config(300);
  const std::string url = nobody();
  const auto begin = std::chrono::steady_clock::now();
  TestSession session(url, config);
  EXPECT_EQ(session.status().next(), MOQ_ERROR_CONNECT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(300));
  EXPECT_NE(session.status().error().find("refused"), std::string::npos)
      << session.status().error();
  EXPECT_EQ(moq_session_close(session.handle()), MOQ_ERROR_SESSION_NOT_FOUND);
}

TEST(Session, GivesUpDuringAnOutage) {
  RelayChild relay;
  const QuickConfig config(300);
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
  relay.kill();
  EXPECT_EQ(session.status().next(), MOQ_ERROR_CONNECT);
}

TEST(Session, RefusedCredentialsEndItAtOnce) {
  const RelayChild relay("anon/**");
  const QuickConfig config;  // Would dial for ever.
  TestSession refused(relay.url("/secret"), config);
  EXPECT_EQ(refused.status().next(), MOQ_ERROR_UNAUTHORIZED);
  EXPECT_NE(refused.status().error(), "");
  TestSession allowed(relay.url("/anon"), config);
  EXPECT_EQ(allowed.status().next(), 1);
}

/// A server of this library that refuses all.
class Refusing {
 public:
  explicit Refusing(std::uint16_t code) : code_(code) {
    const moq_string name{.data = "localhost", .len = 9};
    moq_server_config config{};
    config.bind = "127.0.0.1:0";
    config.bind_len = 11;
    config.tls_generate = &name;
    config.tls_generate_len = 1;
    server_ = made(moq_server_listen(&config, callback, this));
    moq_string address{};
    EXPECT_EQ(moq_server_addr(server_, &address), 0);
    address_ = std::string(address.data, address.len);
  }
  Refusing(const Refusing&) = delete;
  Refusing& operator=(const Refusing&) = delete;
  ~Refusing() {
    EXPECT_EQ(moq_server_close(server_), 0);
    EXPECT_EQ(requests_.terminal(), 0);
  }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  static void callback(void* self, std::int32_t code) {
    auto* state = static_cast<Refusing*>(self);
    if (code > 0) {
      const auto request = static_cast<std::uint32_t>(code);
      EXPECT_EQ(moq_session_request_reject(request, state->code_), 0);
      EXPECT_EQ(moq_session_request_free(request), MOQ_ERROR_NOT_FOUND);
    }
    Recorder::callback(&state->requests_, code);
  }

  std::uint16_t code_;
  std::uint32_t server_ = 0;
  std::string address_;
  Recorder requests_;
};

TEST(Session, RefusedByAServerOfThisLibraryItEndsAtOnce) {
  const QuickConfig config;  // Would dial for ever.
  EXPECT_EQ(moq_client_set_tls_disable_verify(config.handle(), true), 0);
  for (const std::uint16_t code : {std::uint16_t{401}, std::uint16_t{403}}) {
    const Refusing server(code);
    for (const std::string scheme : {"https://", "moqt://"}) {
      TestSession session(scheme + server.address() + "/", config);
      EXPECT_EQ(session.status().next(), MOQ_ERROR_UNAUTHORIZED) << scheme;
    }
  }
}

TEST(Session, PlacesThatAreNoneOfOursEndInTheLoop) {
  const QuickConfig config(200);
  for (const char* url : {"ftp://127.0.0.1/x", "wss+x://127.0.0.1/", "mailto:somebody",
                          "https://no-such-host.invalid/"}) {
    TestSession session(url, config);
    EXPECT_EQ(session.status().next(), MOQ_ERROR_CONNECT) << url;
    EXPECT_NE(session.status().error(), "") << url;
  }
}

TEST(Session, WhatIsNoUrlFailsInTheCall) {
  for (const std::string_view url :
       {"", "x", "127.0.0.1:443", "https://", "https://host:port/", "://x", "https//x"}) {
    EXPECT_EQ(moq_session_connect(url.data(), url.size(), 0, 0, never, nullptr), MOQ_ERROR_URL)
        << url;
    EXPECT_NE(moq_error(), nullptr);
  }
}

TEST(Session, HasNumbersWhileItIsConnected) {
  const QuickConfig config;
  moq_connection_stats stats{};
  moq_connection_snapshot snapshot{};
  {
    TestSession dialing(nobody(), config);
    stats.rtt_us = 77;
    EXPECT_EQ(moq_session_stats(dialing.handle(), &stats), MOQ_ERROR_OFFLINE);
    EXPECT_EQ(stats.rtt_us, 77U);
    EXPECT_EQ(moq_session_snapshot(dialing.handle(), &snapshot), MOQ_ERROR_OFFLINE);
    EXPECT_EQ(moq_session_close(dialing.handle()), 0);
    EXPECT_EQ(dialing.status().next(), 0);
    EXPECT_EQ(moq_session_stats(dialing.handle(), &stats), MOQ_ERROR_SESSION_NOT_FOUND);
  }
  const RelayChild relay;
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
  EXPECT_EQ(moq_session_stats(session.handle(), &stats), 0);
  EXPECT_TRUE(stats.bytes_sent_valid);
  EXPECT_GT(stats.bytes_sent, 0U);
  EXPECT_EQ(moq_session_snapshot(session.handle(), &snapshot), 0);
  EXPECT_TRUE(std::string(snapshot.protocol.data, snapshot.protocol.len).starts_with("moq-"));
}

TEST(Session, MayHaveNoCallback) {
  const RelayChild relay;
  const TestOrigin sent;
  const TestOrigin received;
  const std::string url = relay.url();
  const std::uint32_t publisher =
      made(moq_session_connect(url.data(), url.size(), sent.handle(), 0, nullptr, nullptr));
  const QuickConfig config;
  TestSession subscriber(url, config, 0, received.handle());
  const std::uint32_t room = sent.publish("room");
  EXPECT_EQ(moq_consume_close(received.find("room")), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
  EXPECT_EQ(moq_session_close(publisher), 0);
}

TEST(Session, OutlivesItsOriginsAndItsConfiguration) {
  RelayChild relay;
  const TestOrigin received;
  std::uint32_t room = 0;
  std::unique_ptr<TestSession> publisher;
  std::unique_ptr<TestSession> subscriber;
  {
    const TestOrigin sent;
    const QuickConfig config;
    room = sent.publish("room");
    publisher = std::make_unique<TestSession>(relay.url(), config, sent.handle());
    subscriber = std::make_unique<TestSession>(relay.url(), config, 0, received.handle());
  }
  EXPECT_EQ(moq_consume_close(received.find("room")), 0);
  EXPECT_EQ(publisher->status().next(), 1);
  relay.kill();
  relay.start();
  EXPECT_EQ(publisher->status().next(), 2);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST(Session, ACloseTakesAwayWhatCameOverIt) {
  const RelayChild relay;
  const TestOrigin sent;
  const TestOrigin received;
  const QuickConfig config;
  TestSession publisher(relay.url(), config, sent.handle());
  const std::uint32_t room = sent.publish("room");
  Recorder announced;
  const std::uint32_t listener =
      made(moq_origin_announced(received.handle(), Recorder::callback, &announced));
  {
    TestSession subscriber(relay.url(), config, 0, received.handle());
    EXPECT_EQ(take_announcement(announced.next()), "+room");
  }
  EXPECT_EQ(take_announcement(announced.next()), "-room");
  // The broadcast lives on where it was made.
  EXPECT_EQ(moq_consume_close(sent.find("room")), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(announced.terminal(), 0);
}

TEST(Session, TwoCarryOneOriginToTwoRelays) {
  const RelayChild first;
  const RelayChild second;
  const TestOrigin sent;
  const TestOrigin received;
  const QuickConfig config;
  TestSession to_first(first.url(), config, sent.handle());
  TestSession to_second(second.url(), config, sent.handle());
  TestSession from_second(second.url(), config, 0, received.handle());
  const std::uint32_t room = sent.publish("room");
  EXPECT_EQ(moq_consume_close(received.find("room")), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

// What comes over one session leaves by the other, both ways, and nothing goes in circles.
TEST(Session, OneOriginRelaysBothWays) {
  const RelayChild east;
  const RelayChild west;
  const QuickConfig config;
  const TestOrigin bridge;
  TestSession to_east(east.url(), config, bridge.handle(), bridge.handle());
  TestSession to_west(west.url(), config, bridge.handle(), bridge.handle());
  const TestOrigin in_east;
  const TestOrigin in_west;
  TestSession east_end(east.url(), config, in_east.handle(), in_east.handle());
  TestSession west_end(west.url(), config, in_west.handle(), in_west.handle());

  const std::uint32_t from_east = in_east.publish("from/east");
  const std::uint32_t from_west = in_west.publish("from/west");
  const std::uint32_t track = made(moq_publish_track(from_east, "chat", 4, nullptr));
  EXPECT_EQ(moq_publish_track_frame(track, bytes("hello"), 5, 0), 0);
  const std::uint32_t at_west = in_west.find("from/east");
  const std::uint32_t at_east = in_east.find("from/west");
  Recorder frames;
  made(moq_consume_track(at_west, "chat", 4, nullptr, Recorder::callback, &frames));
  EXPECT_EQ(take_frame(frames.next()), "hello");
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(frames.next(), 0);

  EXPECT_EQ(moq_consume_close(at_west), 0);
  EXPECT_EQ(moq_consume_close(at_east), 0);
  EXPECT_EQ(moq_publish_finish(from_east), 0);
  EXPECT_EQ(moq_publish_finish(from_west), 0);
}

}  // namespace
}  // namespace moq::capi

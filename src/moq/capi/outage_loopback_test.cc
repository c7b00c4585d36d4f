// What was begun before, during and after an outage works without a call of the application:
// contract, section 7.
#include <gtest/gtest.h>

#include "moq/capi/session_test_support.h"

namespace moq::capi {
namespace {

using app::test::RelayChild;

/// A publisher and a subscriber of one relay, which goes away and comes back.
class Outage : public testing::Test {
 protected:
  void connect() {
    publisher_ = std::make_unique<TestSession>(relay_.url(), config_, sent_.handle());
    subscriber_ = std::make_unique<TestSession>(relay_.url(), config_, 0, received_.handle());
    expect_epoch(1);
  }
  void restart() {
    relay_.start();
    expect_epoch(2);
  }
  void expect_epoch(std::int32_t epoch) {
    EXPECT_EQ(publisher_->status().next(), epoch);
    EXPECT_EQ(subscriber_->status().next(), epoch);
  }
  /// Waits until `path` is announced, from now on.
  std::uint32_t wait_for(std::string_view path, Recorder& recorder) const {
    return made(moq_origin_consume_announced(received_.handle(), path.data(), path.size(),
                                             Recorder::callback, &recorder));
  }
  static void expect_found(Recorder& recorder) {
    EXPECT_EQ(moq_consume_close(made(recorder.next().value_or(0))), 0);
    EXPECT_EQ(recorder.next(), 0);
  }

  RelayChild relay_;
  QuickConfig config_;
  TestOrigin sent_;
  TestOrigin received_;
  std::unique_ptr<TestSession> publisher_;
  std::unique_ptr<TestSession> subscriber_;
};

TEST_F(Outage, AWaitIsAnsweredWheneverItBegan) {
  Recorder before;
  Recorder connected;
  Recorder during;
  Recorder after;
  wait_for("before", before);
  connect();
  wait_for("connected", connected);
  relay_.kill();
  wait_for("during", during);
  restart();
  wait_for("after", after);

  std::vector<std::uint32_t> broadcasts;
  for (const char* path : {"before", "connected", "during", "after"}) {
    broadcasts.push_back(sent_.publish(path));
  }
  for (Recorder* each : {&before, &connected, &during, &after}) expect_found(*each);
  for (const std::uint32_t each : broadcasts) EXPECT_EQ(moq_publish_finish(each), 0);
}

TEST_F(Outage, BroadcastsMadeMeanwhileAreFoundAfterwards) {
  Recorder before;
  Recorder during;
  wait_for("before", before);
  wait_for("during", during);
  const std::uint32_t early = sent_.publish("before");  // Of any connection.
  connect();
  expect_found(before);
  relay_.kill();
  const std::uint32_t late = sent_.publish("during");
  restart();
  expect_found(during);
  EXPECT_EQ(moq_publish_finish(early), 0);
  EXPECT_EQ(moq_publish_finish(late), 0);
}

TEST_F(Outage, ASubscriptionGoesOn) {
  connect();
  const std::uint32_t room = sent_.publish("room");
  const std::uint32_t track = made(moq_publish_track(room, "chat", 4, nullptr));
  const std::uint32_t consumer = received_.find("room");
  Recorder frames;
  moq_subscription all{};
  all.latency_max_ms = 30'000;
  const std::uint32_t task =
      made(moq_consume_track(consumer, "chat", 4, &all, Recorder::callback, &frames));
  EXPECT_EQ(moq_publish_track_frame(track, bytes("before"), 6, 1'000), 0);
  EXPECT_EQ(take_frame(frames.next()), "before");

  relay_.kill();
  EXPECT_EQ(moq_publish_track_frame(track, bytes("during"), 6, 2'000), 0);
  restart();
  EXPECT_EQ(moq_publish_track_frame(track, bytes("after"), 5, 3'000), 0);
  EXPECT_EQ(take_frame(frames.next()), "during");
  EXPECT_EQ(take_frame(frames.next()), "after");

  // The same consumer serves new subscriptions.
  Recorder again;
  made(moq_consume_track(consumer, "chat", 4, nullptr, Recorder::callback, &again));
  EXPECT_EQ(take_frame(again.next()), "after");
  EXPECT_EQ(moq_consume_track_close(task), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(again.next(), 0);
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST_F(Outage, ASubscriptionBegunMeanwhileIsServedAfterwards) {
  connect();
  const std::uint32_t room = sent_.publish("room");
  const std::uint32_t track = made(moq_publish_track(room, "chat", 4, nullptr));
  EXPECT_EQ(moq_publish_track_frame(track, bytes("hello"), 5, 1'000), 0);
  const std::uint32_t consumer = received_.find("room");
  relay_.kill();
  Recorder frames;
  made(moq_consume_track(consumer, "chat", 4, nullptr, Recorder::callback, &frames));
  restart();
  EXPECT_EQ(take_frame(frames.next()), "hello");
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

std::string take_section(std::optional<std::int32_t> catalog) {
  const std::uint32_t handle = made(catalog.value_or(0));
  moq_string out{};
  EXPECT_EQ(moq_consume_catalog_section(handle, "n", 1, &out), 0);
  std::string text(out.data, out.len);
  EXPECT_EQ(moq_consume_catalog_free(handle), 0);
  return text;
}

TEST_F(Outage, ACatalogSubscriptionGoesOn) {
  connect();
  const std::uint32_t room = sent_.publish("room");
  EXPECT_EQ(moq_publish_catalog_section(room, "n", 1, "1", 1), 0);
  const std::uint32_t consumer = received_.find("room");
  Recorder catalogs;
  const std::uint32_t task = made(moq_consume_catalog(consumer, Recorder::callback, &catalogs));
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(take_section(catalogs.next()), "1");

  relay_.kill();
  EXPECT_EQ(moq_publish_catalog_section(room, "n", 1, "2", 1), 0);
  restart();
  // The state of before may come once more.
  std::string section = take_section(catalogs.next());
  if (section == "1") section = take_section(catalogs.next());
  EXPECT_EQ(section, "2");
  EXPECT_EQ(moq_publish_catalog_section(room, "n", 1, "3", 1), 0);
  EXPECT_EQ(take_section(catalogs.next()), "3");
  EXPECT_EQ(moq_consume_catalog_close(task), 0);
  EXPECT_EQ(catalogs.next(), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST_F(Outage, AListenerSeesNothingOfIt) {
  Recorder announced;
  const std::uint32_t listener =
      made(moq_origin_announced(received_.handle(), Recorder::callback, &announced));
  connect();
  const std::uint32_t room = sent_.publish("room");
  EXPECT_EQ(take_announcement(announced.next()), "+room");
  relay_.kill();
  restart();
  // The next that it hears of is another broadcast, then the end of the first.
  const std::uint32_t lobby = sent_.publish("lobby");
  EXPECT_EQ(take_announcement(announced.next()), "+lobby");
  EXPECT_EQ(moq_publish_finish(room), 0);
  EXPECT_EQ(take_announcement(announced.next()), "-room");
  EXPECT_EQ(moq_publish_finish(lobby), 0);
  EXPECT_EQ(take_announcement(announced.next()), "-lobby");
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(announced.next(), 0);
}

TEST_F(Outage, ABroadcastThatEndedMeanwhileIsOverAfterwards) {
  Recorder announced;
  const std::uint32_t listener =
      made(moq_origin_announced(received_.handle(), Recorder::callback, &announced));
  connect();
  const std::uint32_t room = sent_.publish("room");
  EXPECT_EQ(take_announcement(announced.next()), "+room");
  relay_.kill();
  EXPECT_EQ(moq_publish_finish(room), 0);
  restart();
  EXPECT_EQ(take_announcement(announced.next()), "-room");
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(announced.next(), 0);
}

// Once the session has given up, its broadcasts are over for watchers; who reads a track holds its
// place, and another session of the origin can serve it.
TEST_F(Outage, ThatIsTooLongEndsBroadcastsAndTheNextSessionServesTheirReaders) {
  connect();
  const std::uint32_t room = sent_.publish("room");
  const std::uint32_t track = made(moq_publish_track(room, "chat", 4, nullptr));
  const QuickConfig impatient(300);
  const TestOrigin received;
  TestSession subscriber(relay_.url(), impatient, 0, received.handle());
  Recorder announced;
  const std::uint32_t listener =
      made(moq_origin_announced(received.handle(), Recorder::callback, &announced));
  EXPECT_EQ(take_announcement(announced.next()), "+room");
  const std::uint32_t consumer = received.find("room");
  Recorder frames;
  const std::uint32_t task =
      made(moq_consume_track(consumer, "chat", 4, nullptr, Recorder::callback, &frames));
  EXPECT_EQ(moq_publish_track_frame(track, bytes("before"), 6, 0), 0);
  EXPECT_EQ(take_frame(frames.next()), "before");
  EXPECT_EQ(subscriber.status().next(), 1);

  relay_.kill();
  EXPECT_EQ(subscriber.status().next(), MOQ_ERROR_CONNECT);
  EXPECT_EQ(take_announcement(announced.next()), "-room");
  restart();
  TestSession another(relay_.url(), config_, 0, received.handle());
  EXPECT_EQ(take_announcement(announced.next()), "+room");
  EXPECT_EQ(moq_publish_track_frame(track, bytes("after"), 5, 0), 0);
  EXPECT_EQ(take_frame(frames.next()), "after");

  EXPECT_EQ(moq_consume_track_close(task), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_origin_announced_close(listener), 0);
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
  EXPECT_EQ(announced.terminal(), 0);
}

}  // namespace
}  // namespace moq::capi

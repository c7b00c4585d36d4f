// JSON and binary tracks of libmoq through a moq-relay, which is restarted under them.
#include "moq/app/child_test.h"
#include "moq/capi/room_test_support.h"

namespace moq::capi {
namespace {

using app::test::RelayChild;

/// One end: an origin, and the session that connects it to the relay.
class End {
 public:
  End(const std::string& url, bool publishes) : origin(made(moq_origin_create())) {
    session_ = made(moq_session_connect(url.data(), url.size(), publishes ? origin : 0,
                                        publishes ? 0 : origin, Recorder::callback, &status));
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() {
    moq_session_close(session_);
    EXPECT_EQ(status.terminal(), 0);
    moq_origin_close(origin);
  }
  /// The broadcast "room", once it is announced.
  [[nodiscard]] std::uint32_t find_room() const {
    Recorder found;
    made(moq_origin_consume_announced(origin, "room", 4, Recorder::callback, &found));
    const std::uint32_t room = made(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
    return room;
  }

  std::uint32_t origin;
  Recorder status;

 private:
  std::uint32_t session_;
};

class TracksOverARelay : public testing::TestWithParam<bool> {
 protected:
  void restart() {
    relay.kill();
    relay.start();
    EXPECT_EQ(publisher.status.next(), 2);
    EXPECT_EQ(subscriber.status.next(), 2);
  }

  RelayChild relay;
  End publisher{relay.url(), true};
  End subscriber{relay.url(), false};
  std::uint32_t room = made(moq_origin_publish(publisher.origin, "room", 4));
};
INSTANTIATE_TEST_SUITE_P(Capi, TracksOverARelay, testing::Bool());

TEST_P(TracksOverARelay, AStreamArrivesOnceAndWhole) {
  EXPECT_EQ(publisher.status.next(), 1);
  EXPECT_EQ(subscriber.status.next(), 1);
  const moq_json_stream_config config{.compression = GetParam()};
  const std::uint32_t stream = made(moq_publish_json_stream(room, "log", 3, &config));
  const auto append = [stream](const std::string& text) {
    EXPECT_EQ(moq_publish_json_stream_append(stream, text.data(), text.size()), 0);
  };
  for (int i = 0; i < 20; ++i) append(R"({"n":)" + std::to_string(i) + "}");
  const std::uint32_t found = subscriber.find_room();
  Recorder records;
  made(moq_consume_json_stream(found, "log", 3, &config, Recorder::callback, &records));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(next_json(records), R"({"n":)" + std::to_string(i) + "}");
  }

  restart();
  append(R"("after")");
  EXPECT_EQ(next_json(records), R"("after")");
  Recorder late;
  made(moq_consume_json_stream(found, "log", 3, &config, Recorder::callback, &late));
  EXPECT_EQ(next_json(late), R"({"n":0})");
  EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
  EXPECT_EQ(records.next(), 0);
  for (int i = 1; i < 20; ++i) (void)next_json(late);
  EXPECT_EQ(next_json(late), R"("after")");
  EXPECT_EQ(late.next(), 0);
  EXPECT_EQ(moq_consume_close(found), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST_P(TracksOverARelay, TheNewestValueArrives) {
  EXPECT_EQ(publisher.status.next(), 1);
  EXPECT_EQ(subscriber.status.next(), 1);
  const moq_json_snapshot_config config{.delta_ratio = 8, .compression = GetParam()};
  const std::uint32_t json = made(moq_publish_json_snapshot(room, "state", 5, &config));
  const auto update = [json](const std::string& text) {
    EXPECT_EQ(moq_publish_json_snapshot_update(json, text.data(), text.size()), 0);
  };
  update(R"({"a":1})");
  update(R"({"a":1,"b":1})");
  const std::uint32_t found = subscriber.find_room();
  Recorder values;
  made(moq_consume_json_snapshot(found, "state", 5, &config, Recorder::callback, &values));
  std::string value;
  while (value != R"({"a":1,"b":1})") {
    ASSERT_FALSE(testing::Test::HasFailure());
    value = next_json(values);
  }
  restart();
  update(R"({"b":2})");
  while (value != R"({"b":2})") {
    ASSERT_FALSE(testing::Test::HasFailure());
    value = next_json(values);
  }
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
  EXPECT_EQ(values.next(), 0);
  EXPECT_EQ(moq_consume_close(found), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

TEST_P(TracksOverARelay, BinaryPayloadsArriveAsRawFrames) {
  const moq_binary_config config{.compression = GetParam(), .mime = nullptr, .mime_len = 0};
  const std::uint32_t stream = made(moq_publish_binary_stream(room, "bin", 3, &config));
  EXPECT_EQ(moq_publish_binary_stream_append(stream, bytes("payload"), 7), 0);
  const std::uint32_t found = subscriber.find_room();
  Recorder frames;
  made(moq_consume_track(found, "bin", 3, nullptr, Recorder::callback, &frames));
  const std::uint32_t frame = made(frames.next().value_or(0));
  moq_frame out{};
  EXPECT_EQ(moq_consume_track_frame(frame, &out), 0);
  const std::string_view text(reinterpret_cast<const char*>(out.payload), out.payload_size);
  EXPECT_EQ(text == "payload", !GetParam());
  EXPECT_EQ(moq_consume_track_frame_free(frame), 0);
  EXPECT_EQ(moq_publish_binary_stream_finish(stream), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(moq_consume_close(found), 0);
  EXPECT_EQ(moq_publish_finish(room), 0);
}

}  // namespace
}  // namespace moq::capi

// JSON tracks from end to end within one process.
#include <array>
#include <thread>

#include "moq/capi/room_test_support.h"

namespace moq::capi {
namespace {

std::int32_t update(std::uint32_t json, std::string_view text) {
  return moq_publish_json_snapshot_update(json, text.data(), text.size());
}
std::int32_t append(std::uint32_t stream, std::string_view text) {
  return moq_publish_json_stream_append(stream, text.data(), text.size());
}

class JsonTrack : public Room {
 protected:
  std::uint32_t publish_snapshot(moq_json_snapshot_config config = {}) {
    return made(moq_publish_json_snapshot(broadcast_, "json", 4, &config));
  }
  std::uint32_t publish_stream(moq_json_stream_config config = {}) {
    return made(moq_publish_json_stream(broadcast_, "json", 4, &config));
  }
  std::uint32_t follow(Recorder& values, bool compression = false) {
    const moq_json_snapshot_config config{.delta_ratio = 0, .compression = compression};
    return made(
        moq_consume_json_snapshot(consumer_, "json", 4, &config, Recorder::callback, &values));
  }
  std::uint32_t follow_all(Recorder& values, bool compression = false) {
    const moq_json_stream_config config{.compression = compression};
    return made(
        moq_consume_json_stream(consumer_, "json", 4, &config, Recorder::callback, &values));
  }
};

TEST_F(JsonTrack, ASnapshotShowsEachChangeOfTheValue) {
  for (const std::uint32_t ratio : {0U, 8U}) {
    for (const bool compression : {false, true}) {
      const std::uint32_t json = publish_snapshot({ratio, compression});
      Recorder values;
      follow(values, compression);
      EXPECT_EQ(update(json, R"( {"b" : 1e3, "a":[1 ]})"), 0);
      EXPECT_EQ(next_json(values), R"({"a":[1],"b":1000.0})");
      EXPECT_EQ(update(json, R"({"a":[1],"b":1000.0})"), 0);  // The same: skipped.
      EXPECT_EQ(update(json, R"({"a":[2],"b":1000.0})"), 0);
      EXPECT_EQ(next_json(values), R"({"a":[2],"b":1000.0})");
      EXPECT_EQ(update(json, "null"), 0);
      EXPECT_EQ(next_json(values), "null");
      EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
      EXPECT_EQ(values.next(), 0);
      EXPECT_FALSE(values.told_too_much());
    }
  }
}

TEST_F(JsonTrack, ALateReaderOfASnapshotGetsTheNewestValueAlone) {
  const std::uint32_t json = publish_snapshot({.delta_ratio = 8, .compression = false});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(update(json, R"({"n":)" + std::to_string(i) + "}"), 0);
  Recorder values;
  follow(values);
  EXPECT_EQ(next_json(values), R"({"n":19})");
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
  EXPECT_EQ(values.next(), 0);
}

TEST_F(JsonTrack, AStreamKeepsEveryRecordForLateReadersToo) {
  for (const bool compression : {false, true}) {
    const std::uint32_t stream = publish_stream({compression});
    Recorder early;
    follow_all(early, compression);
    for (const char* text : {"1", "1", R"({"b":2, "a":1})"}) EXPECT_EQ(append(stream, text), 0);
    Recorder late;
    follow_all(late, compression);
    EXPECT_EQ(append(stream, "[]"), 0);
    EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
    for (Recorder* records : {&early, &late}) {
      for (const char* text : {"1", "1", R"({"a":1,"b":2})", "[]"}) {
        EXPECT_EQ(next_json(*records), text);
      }
      EXPECT_EQ(records->next(), 0);
      EXPECT_FALSE(records->told_too_much());
    }
  }
}

TEST_F(JsonTrack, RecordsOfManyThreadsAllArrive) {
  const std::uint32_t stream = publish_stream({.compression = true});
  Recorder records;
  follow_all(records, true);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([stream] {
      for (int n = 0; n < 50; ++n) EXPECT_EQ(append(stream, std::to_string(n)), 0);
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
  int sum = 0;
  for (int i = 0; i < 200; ++i) sum += std::stoi(next_json(records));
  EXPECT_EQ(sum, 4 * 49 * 50 / 2);
  EXPECT_EQ(records.next(), 0);
}

TEST_F(JsonTrack, ReadersThatExpectAnotherCompressionFail) {
  const std::uint32_t stream = publish_stream({.compression = false});
  const moq_json_snapshot_config packed{.delta_ratio = 0, .compression = true};
  const std::uint32_t json = made(moq_publish_json_snapshot(broadcast_, "z", 1, &packed));
  EXPECT_EQ(append(stream, R"({"n":1})"), 0);
  EXPECT_EQ(update(json, R"({"n":1})"), 0);
  Recorder records;
  Recorder values;
  const moq_json_snapshot_config plain{};
  follow_all(records, true);
  made(moq_consume_json_snapshot(consumer_, "z", 1, &plain, Recorder::callback, &values));
  EXPECT_EQ(records.next(), MOQ_ERROR_JSON_TRACK);
  EXPECT_NE(records.error(), "");
  EXPECT_EQ(values.next(), MOQ_ERROR_JSON_TRACK);
}

TEST_F(JsonTrack, ASubscriptionOfNothingFails) {
  Recorder values;
  const std::uint32_t task = follow(values);
  EXPECT_EQ(values.next(), MOQ_ERROR_MOQ);
  EXPECT_EQ(moq_consume_json_close(task), MOQ_ERROR_TRACK_NOT_FOUND);
}

TEST_F(JsonTrack, ACloseIsAnsweredByTheTerminalAloneAndValuesStay) {
  const std::uint32_t json = publish_snapshot();
  Recorder values;
  const std::uint32_t task = follow(values);
  EXPECT_EQ(update(json, "7"), 0);
  const std::uint32_t value = made(values.next().value_or(0));
  EXPECT_EQ(moq_consume_json_close(task), 0);
  EXPECT_EQ(values.next(), 0);
  EXPECT_EQ(moq_consume_json_close(task), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_consume_json_cancel(task), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
  moq_json_value out{};
  EXPECT_EQ(moq_consume_json_value(value, &out), 0);
  EXPECT_EQ(std::string_view(out.json, out.json_len), "7");
  EXPECT_EQ(moq_consume_json_value_free(value), 0);
  EXPECT_EQ(moq_consume_json_value(value, &out), MOQ_ERROR_FRAME_NOT_FOUND);
}

TEST_F(JsonTrack, NobodyNeedListen) {
  const std::uint32_t stream = publish_stream();
  const moq_json_stream_config config{};
  const std::uint32_t task =
      made(moq_consume_json_stream(consumer_, "json", 4, &config, nullptr, nullptr));
  EXPECT_EQ(append(stream, "1"), 0);
  EXPECT_EQ(moq_consume_json_close(task), 0);
  EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
}

TEST_F(JsonTrack, AFullStreamSaysSoAndStaysReadable) {
  const std::uint32_t stream = publish_stream();
  constexpr int kMost = 8192;
  for (int i = 0; i < kMost; ++i) ASSERT_EQ(append(stream, "1"), 0);
  EXPECT_EQ(append(stream, "1"), MOQ_ERROR_MOQ);
  Recorder records;
  follow_all(records);
  for (int i = 0; i < kMost; ++i) ASSERT_EQ(next_json(records), "1");
  EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
  EXPECT_EQ(records.next(), 0);
}

TEST_F(JsonTrack, OutlivesItsBroadcastHandle) {
  const std::uint32_t json = publish_snapshot();
  Recorder values;
  follow(values);
  EXPECT_EQ(update(json, "1"), 0);
  EXPECT_EQ(next_json(values), "1");
  EXPECT_EQ(moq_publish_finish(broadcast_), 0);
  EXPECT_EQ(update(json, "2"), 0);
  EXPECT_EQ(next_json(values), "2");
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
  EXPECT_EQ(values.next(), 0);
}

TEST_F(JsonTrack, CreatingChecksItsArgumentsInOrder) {
  const moq_json_snapshot_config snapshot{};
  const moq_json_stream_config stream{};
  for (const std::uint32_t bad : kBadForms) {
    EXPECT_EQ(moq_publish_json_snapshot(bad, nullptr, 1, nullptr), MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(moq_publish_json_stream(bad, nullptr, 1, nullptr), MOQ_ERROR_INVALID_ID);
  }
  EXPECT_EQ(moq_publish_json_snapshot(kUnknown, "\xff", 1, nullptr), MOQ_ERROR_UTF8);
  EXPECT_EQ(moq_publish_json_stream(kUnknown, "\xff", 1, nullptr), MOQ_ERROR_UTF8);
  EXPECT_EQ(moq_publish_json_snapshot(kUnknown, nullptr, 1, &snapshot), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_json_snapshot(kUnknown, "a", 1, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_json_stream(kUnknown, "a", 1, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_publish_json_snapshot(kUnknown, "a", 1, &snapshot), MOQ_ERROR_BROADCAST_NOT_FOUND);
  EXPECT_EQ(moq_publish_json_stream(consumer_, "a", 1, &stream), MOQ_ERROR_BROADCAST_NOT_FOUND);

  publish_snapshot();
  EXPECT_EQ(moq_publish_json_snapshot(broadcast_, "json", 4, &snapshot), MOQ_ERROR_MOQ);
  EXPECT_EQ(moq_publish_json_stream(broadcast_, "json", 4, &stream), MOQ_ERROR_MOQ);
  EXPECT_EQ(moq_publish_json_stream(broadcast_, "catalog.json", 12, &stream), MOQ_ERROR_MOQ);
  made(moq_publish_json_stream(broadcast_, nullptr, 0, &stream));  // The empty name is one, too.
}

TEST_F(JsonTrack, WritingChecksItsArgumentsInOrder) {
  const std::uint32_t json = publish_snapshot();
  const moq_json_stream_config config{};
  const std::uint32_t stream = made(moq_publish_json_stream(broadcast_, "s", 1, &config));
  const std::array writers{std::pair(&moq_publish_json_snapshot_update, json),
                           std::pair(&moq_publish_json_stream_append, stream)};
  for (const auto& [write, good] : writers) {
    for (const std::uint32_t bad : kBadForms)
      EXPECT_EQ(write(bad, nullptr, 1), MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(write(kUnknown, nullptr, 1), MOQ_ERROR_INVALID_POINTER);
    EXPECT_EQ(write(kUnknown, "\xff", 1), MOQ_ERROR_UTF8);
    EXPECT_EQ(write(kUnknown, "{", 1), MOQ_ERROR_JSON);
    EXPECT_EQ(write(kUnknown, "1", 1), MOQ_ERROR_TRACK_NOT_FOUND);
    EXPECT_EQ(write(good == json ? stream : json, "1", 1), MOQ_ERROR_TRACK_NOT_FOUND);
    for (const std::string_view text : {"", "{", "1 2", R"({"a":1,"a":2})"}) {
      EXPECT_EQ(write(good, text.data(), text.size()), MOQ_ERROR_JSON) << text;
    }
    EXPECT_EQ(write(good, nullptr, 0), MOQ_ERROR_JSON);
    EXPECT_EQ(write(good, "1", 1), 0);
  }
  EXPECT_EQ(moq_publish_json_stream_finish(json), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), 0);
  EXPECT_EQ(moq_publish_json_snapshot_finish(json), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_json_stream_finish(stream), 0);
  EXPECT_EQ(moq_publish_json_stream_finish(stream), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_json_snapshot_finish(0), MOQ_ERROR_INVALID_ID);
  EXPECT_EQ(update(json, "1"), MOQ_ERROR_TRACK_NOT_FOUND);
}

TEST_F(JsonTrack, ReadingChecksItsArgumentsInOrder) {
  const moq_json_snapshot_config snapshot{};
  const moq_json_stream_config stream{};
  const auto call = &Recorder::callback;
  for (const std::uint32_t bad : kBadForms) {
    EXPECT_EQ(moq_consume_json_snapshot(bad, nullptr, 1, nullptr, call, nullptr),
              MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(moq_consume_json_stream(bad, nullptr, 1, nullptr, call, nullptr),
              MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(moq_consume_json_value(bad, nullptr), MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(moq_consume_json_value_free(bad), MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(moq_consume_json_close(bad), MOQ_ERROR_INVALID_ID);
  }
  EXPECT_EQ(moq_consume_json_snapshot(kUnknown, "\xff", 1, nullptr, call, nullptr), MOQ_ERROR_UTF8);
  EXPECT_EQ(moq_consume_json_stream(kUnknown, "a", 1, nullptr, call, nullptr),
            MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_consume_json_snapshot(kUnknown, "a", 1, &snapshot, call, nullptr),
            MOQ_ERROR_BROADCAST_NOT_FOUND);
  EXPECT_EQ(moq_consume_json_stream(broadcast_, "a", 1, &stream, call, nullptr),
            MOQ_ERROR_BROADCAST_NOT_FOUND);
  moq_json_value out{.json = "untouched", .json_len = 9};
  EXPECT_EQ(moq_consume_json_value(kUnknown, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_consume_json_value(kUnknown, &out), MOQ_ERROR_FRAME_NOT_FOUND);
  EXPECT_EQ(std::string_view(out.json, out.json_len), "untouched");
  EXPECT_EQ(moq_consume_json_value_free(kUnknown), MOQ_ERROR_FRAME_NOT_FOUND);
  EXPECT_EQ(moq_consume_json_close(kUnknown), MOQ_ERROR_TRACK_NOT_FOUND);
}

}  // namespace
}  // namespace moq::capi

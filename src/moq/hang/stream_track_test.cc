#include "moq/hang/stream_track.h"

#include <gtest/gtest.h>

#include <string>

#include "moq/hang/encoding.h"
#include "moq/hang/track_test_support.h"

namespace moq::hang::stream {
namespace {

using Text = std::optional<std::string>;

class StreamTrack : public ::testing::TestWithParam<bool> {
 protected:
  Consumer consume() { return {fixture.reader.subscribe("t"), GetParam()}; }

  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Producer producer{track.clone(), GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Hang, StreamTrack, ::testing::Bool());

TEST_P(StreamTrack, KeepsEveryRecordAlsoEqualOnes) {
  Consumer consumer = consume();
  EXPECT_TRUE(waits(consumer));
  for (const char* text : {R"({"n":1})", R"({"n":1})", "null", "[]"}) {
    ASSERT_TRUE(producer.append(0, text));
    EXPECT_EQ(value(consumer), Text(text));
    EXPECT_TRUE(waits(consumer));
  }
}

TEST_P(StreamTrack, GivesALateReaderAllRecordsFromTheFirstOn) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(producer.append(0, std::to_string(i)));
  Consumer late = consume();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(value(late), Text(std::to_string(i)));
  EXPECT_TRUE(waits(late));
  std::move(producer).finish();
  std::move(track).finish();
  EXPECT_EQ(value(late), Text());
  Consumer after = consume();
  EXPECT_EQ(value(after), Text("0"));
}

TEST_P(StreamTrack, WritesNoJsonThatIsNone) {
  Consumer consumer = consume();
  for (const char* text : {"", "{", "1 2"}) {
    EXPECT_EQ(producer.append(0, text).error().code, Code::decode);
  }
  ASSERT_TRUE(producer.append(0, "1"));
  EXPECT_EQ(value(consumer), Text("1"));
}

TEST(StreamConsumer, ReadsWhatOtherPublishersCompress) {
  // zlib at level 6, as moq-flate 0.2.0 writes.
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t"), true);
  net::group::Producer group = *track.append_group();
  for (const char* hex : {"aa564a54b232d4514a52b252ca48cdc9c957aa0500", "aa060919d50200"}) {
    ASSERT_TRUE(group.write_frame(0, *from_hex(hex)));
  }
  EXPECT_EQ(value(consumer), Text(R"({"a":1,"b":"hello"})"));
  EXPECT_EQ(value(consumer), Text(R"({"a":2})"));
}

TEST(StreamConsumer, GivesCompactJsonWithSortedKeys) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t"), false);
  ASSERT_TRUE(track.write_frame(0, Bytes::copy(R"({"b": 1e3, "a": 2})")));
  EXPECT_EQ(value(consumer), Text(R"({"a":2,"b":1000.0})"));
}

TEST(StreamConsumer, EndsAtARecordThatDoesNotDecode) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t"), false);
  net::group::Producer group = *track.append_group();
  ASSERT_TRUE(group.write_frame(0, Bytes::copy("{broken")));
  ASSERT_TRUE(group.write_frame(0, Bytes::copy("1")));
  EXPECT_EQ(now(consumer).error().code, Code::decode);
  EXPECT_EQ(now(consumer).error().code, Code::decode);
}

}  // namespace
}  // namespace moq::hang::stream

#include "moq/hang/binary_track.h"

#include <gtest/gtest.h>

#include <string>

#include "moq/hang/track_test_support.h"

namespace moq::hang::binary {
namespace {

using Payload = std::optional<Bytes>;

Payload bytes(std::string_view text) { return Bytes::copy(text); }

class BinaryTrack : public ::testing::TestWithParam<Options> {
 protected:
  Consumer consume() { return {fixture.reader.subscribe("t"), GetParam()}; }

  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Producer producer{track.clone(), GetParam()};
  Consumer consumer = consume();
};
INSTANTIATE_TEST_SUITE_P(Hang, BinaryTrack,
                         ::testing::Values(Options{.mode = Mode::snapshot, .compressed = false},
                                           Options{.mode = Mode::snapshot, .compressed = true},
                                           Options{.mode = Mode::stream, .compressed = false},
                                           Options{.mode = Mode::stream, .compressed = true}));

TEST_P(BinaryTrack, CarriesWhateverBytesEvenNone) {
  EXPECT_TRUE(waits(consumer));
  for (const std::string_view text : {std::string_view("\0\xff\x01", 3), std::string_view(),
                                      std::string_view("abc"), std::string_view("abc")}) {
    ASSERT_TRUE(producer.write(0, Bytes::copy(text)));
    EXPECT_EQ(value(consumer), bytes(text));
    EXPECT_TRUE(waits(consumer));
  }
}

TEST_P(BinaryTrack, GivesALateReaderTheNewestOrAll) {
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(producer.write(0, *bytes(text)));
  Consumer late = consume();
  if (GetParam().mode == Mode::stream) {
    EXPECT_EQ(value(late), bytes("a"));
    EXPECT_EQ(value(late), bytes("b"));
  }
  EXPECT_EQ(value(late), bytes("c"));
  EXPECT_TRUE(waits(late));
}

TEST_P(BinaryTrack, EndsAfterTheLastPayload) {
  ASSERT_TRUE(producer.write(0, *bytes("last")));
  std::move(producer).finish();
  std::move(track).finish();
  EXPECT_EQ(value(consumer), bytes("last"));
  EXPECT_EQ(value(consumer), Payload());
  EXPECT_EQ(value(consumer), Payload());
}

TEST_P(BinaryTrack, EndsWithoutAnyPayload) {
  std::move(producer).finish();
  std::move(track).finish();
  EXPECT_EQ(value(consumer), Payload());
}

TEST_P(BinaryTrack, FailsWithTheTrack) {
  ASSERT_TRUE(producer.write(0, *bytes("a")));
  EXPECT_EQ(value(consumer), bytes("a"));
  std::move(producer).abort(Error(Code::cancelled));
  EXPECT_EQ(now(consumer).error().code, Code::cancelled);
  EXPECT_EQ(now(consumer).error().code, Code::cancelled);
}

TEST_P(BinaryTrack, RefusesAFrameAboveTheLimitAndGoesOn) {
  const Bytes large = Bytes::copy(std::string(net::kMaxFrameBytes + 1, 'x'));
  EXPECT_EQ(producer.write(0, large).error().code, Code::frame_too_large);
  ASSERT_TRUE(producer.write(0, *bytes("a")));
  EXPECT_EQ(value(consumer), bytes("a"));
}

TEST_P(BinaryTrack, SaysInTheCatalogHowItIsRead) {
  const DataTrack entry = describe(GetParam());
  EXPECT_EQ(entry.mode, GetParam().mode == Mode::stream ? "stream" : "snapshot");
  EXPECT_EQ(entry.compression.has_value(), GetParam().compressed);
  Catalog catalog;
  catalog.binary["t"] = entry;
  EXPECT_EQ(Catalog::decode(catalog.encode()), catalog);
}

TEST(BinarySnapshot, HasAGroupForEachPayloadAndNoCommonCompressor) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  net::track::Consumer raw = fixture.reader.subscribe("t", {.max_age = 10s});
  Producer producer(std::move(track), {.mode = Mode::snapshot, .compressed = true});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(producer.write(7, *bytes("the same")));
    auto group = raw.poll_next_group(kio::Waiter::none());
    ASSERT_TRUE(group.ready() && *group && **group);
    auto frame = (**group)->poll_read_frame(kio::Waiter::none());
    ASSERT_TRUE(frame.ready() && *frame && **frame);
    EXPECT_EQ((**frame)->first.timestamp, 7U);
    EXPECT_EQ(flate::Decoder().decode((**frame)->second.span()), *bytes("the same"));
    EXPECT_TRUE((**group)->finished());
  }
}

TEST(BinarySnapshot, GoesOnAfterALostOrBrokenGroup) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t"), {.mode = Mode::snapshot, .compressed = true});
  net::group::Producer lost = *track.append_group();
  EXPECT_TRUE(waits(consumer));
  std::move(lost).abort(Error(Code::cancelled));
  EXPECT_TRUE(waits(consumer));
  ASSERT_TRUE(track.write_frame(0, Bytes::copy("\xff\xff")));
  EXPECT_EQ(now(consumer).error().code, Code::decode);
  EXPECT_TRUE(waits(consumer));
  ASSERT_TRUE(track.write_frame(0, *flate::Encoder().encode(as_bytes("good"))));
  EXPECT_EQ(value(consumer), bytes("good"));
}

TEST(BinaryStream, KeepsAllInOneGroup) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  net::track::Consumer raw = fixture.reader.subscribe("t");
  Producer producer(std::move(track), {.mode = Mode::stream, .compressed = false});
  ASSERT_TRUE(producer.write(1, *bytes("a")));
  ASSERT_TRUE(producer.write(2, *bytes("b")));
  std::move(producer).finish();
  auto group = raw.poll_next_group(kio::Waiter::none());
  ASSERT_TRUE(group.ready() && *group && **group);
  for (const char* text : {"a", "b"}) {
    auto frame = (**group)->poll_read_frame(kio::Waiter::none());
    ASSERT_TRUE(frame.ready() && *frame && **frame);
    EXPECT_EQ((**frame)->second, *bytes(text));
  }
  EXPECT_TRUE((**group)->finished());
}

TEST(BinaryStream, FailsAtASecondGroup) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t", {.max_age = 10s}), {.mode = Mode::stream});
  ASSERT_TRUE(track.write_frame(0, *bytes("a")));
  ASSERT_TRUE(track.write_frame(0, *bytes("b")));
  EXPECT_EQ(value(consumer), bytes("a"));
  EXPECT_EQ(now(consumer).error().code, Code::malformed_track);
  EXPECT_EQ(now(consumer).error().code, Code::malformed_track);
}

TEST(BinaryStream, FailsWithAGroupThatBreaksOffOrDoesNotDecode) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  Consumer consumer(fixture.reader.subscribe("t"), {.mode = Mode::stream});
  Consumer inflating(fixture.reader.subscribe("t"), {.mode = Mode::stream, .compressed = true});
  net::group::Producer group = *track.append_group();
  ASSERT_TRUE(group.write_frame(0, *bytes("plain")));
  EXPECT_EQ(value(consumer), bytes("plain"));
  EXPECT_EQ(now(inflating).error().code, Code::decode);
  std::move(group).abort(Error(Code::going_away));
  EXPECT_EQ(now(consumer).error().code, Code::going_away);
  EXPECT_EQ(now(inflating).error().code, Code::decode);
}

TEST(BinaryStream, StaysReadableWhenItIsFullOfFrames) {
  Fixture fixture;
  Producer producer(*fixture.broadcast.create_track("t"), {.mode = Mode::stream});
  for (std::size_t i = 0; i < kMaxStreamFrames; ++i) ASSERT_TRUE(producer.write(0, Bytes()));
  EXPECT_EQ(producer.write(0, Bytes()).error().code, Code::group_too_large);
  Consumer consumer(fixture.reader.subscribe("t"), {.mode = Mode::stream});
  for (std::size_t i = 0; i < kMaxStreamFrames; ++i) ASSERT_EQ(value(consumer), Payload(Bytes()));
  EXPECT_TRUE(waits(consumer));
  std::move(producer).finish();
  EXPECT_EQ(value(consumer), Payload());
}

TEST(BinaryStream, StaysReadableWhenItIsFullOfBytes) {
  // Half the limit each, and not to be compressed.
  std::string noise(kMaxStreamBytes / 2, '\0');
  std::uint64_t state = 1;
  for (char& byte : noise) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56U);
  }
  const Bytes half = Bytes::copy(noise);
  for (const bool compressed : {false, true}) {
    Fixture fixture;
    const Options options{.mode = Mode::stream, .compressed = compressed};
    Producer producer(*fixture.broadcast.create_track("t"), options);
    std::size_t written = 0;
    while (producer.write(0, half)) ASSERT_LE(++written, 2U);
    EXPECT_EQ(producer.write(0, half).error().code, Code::group_too_large);
    // The compressor remembers what could not be written.
    EXPECT_EQ(producer.write(0, Bytes()).has_value(), !compressed);
    Consumer consumer(fixture.reader.subscribe("t"), options);
    for (; written > 0; --written) EXPECT_EQ(value(consumer), Payload(half));
    if (!compressed) {
      EXPECT_EQ(value(consumer), Payload(Bytes()));
    }
    EXPECT_TRUE(waits(consumer));
  }
}

}  // namespace
}  // namespace moq::hang::binary

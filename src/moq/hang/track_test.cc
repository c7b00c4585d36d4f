#include <gtest/gtest.h>

#include "moq/hang/catalog_track.h"
#include "moq/hang/track_test_support.h"
#include "moq/sim/world.h"

namespace moq::hang {
namespace {

using Text = std::optional<std::string>;

class SnapshotTrack : public ::testing::TestWithParam<snapshot::Options> {
 protected:
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  snapshot::Producer producer{track.clone(), GetParam()};
  snapshot::Consumer consumer{fixture.reader.subscribe("t"), GetParam().compressed};
};
INSTANTIATE_TEST_SUITE_P(Hang, SnapshotTrack,
                         ::testing::Values(snapshot::Options{.compressed = false, .ratio = 8},
                                           snapshot::Options{.compressed = true, .ratio = 8},
                                           snapshot::Options{.compressed = false, .ratio = 0},
                                           snapshot::Options{.compressed = true, .ratio = 0}));

TEST_P(SnapshotTrack, ShowsEachChange) {
  EXPECT_TRUE(waits(consumer));
  for (int i = 0; i < 300; ++i) {
    const std::string text = R"({"n":)" + std::to_string(i) + "}";
    ASSERT_TRUE(producer.update(static_cast<std::uint64_t>(i), text));
    EXPECT_EQ(value(consumer), Text(text));
    EXPECT_TRUE(waits(consumer));
  }
}

TEST_P(SnapshotTrack, ShowsALateReaderTheNewestValueAlone) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(producer.update(0, R"({"n":)" + std::to_string(i) + "}"));
  }
  snapshot::Consumer late(fixture.reader.subscribe("t"), GetParam().compressed);
  EXPECT_EQ(value(late), Text(R"({"n":19})"));
  EXPECT_TRUE(waits(late));
}

TEST_P(SnapshotTrack, EndsAfterTheLastValue) {
  ASSERT_TRUE(producer.update(0, "{}"));
  std::move(producer).finish();
  std::move(track).finish();
  EXPECT_EQ(value(consumer), Text("{}"));
  EXPECT_EQ(value(consumer), Text());
}

TEST_P(SnapshotTrack, FailsWithTheTrack) {
  std::move(producer).abort(Error(Code::cancelled));
  EXPECT_EQ(now(consumer).error().code, Code::cancelled);
}

TEST(SnapshotProducer, CountsNoValueAsKnownThatDidNotGoOut) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  snapshot::Producer producer(track.clone(), {});
  ASSERT_TRUE(producer.update(0, R"({"n":1})"));
  net::track::Producer(track.clone()).abort(Error(Code::evicted));
  EXPECT_EQ(producer.update(0, R"({"n":2})").error().code, Code::evicted);
  EXPECT_EQ(producer.update(0, R"({"n":2})").error().code, Code::evicted);
}

TEST(SnapshotConsumer, GoesOnAfterALostOrBrokenGroup) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  snapshot::Consumer consumer(fixture.reader.subscribe("t"), false);

  net::group::Producer lost = *track.append_group();
  ASSERT_TRUE(lost.write_frame(0, Bytes::copy("{}")));
  std::move(lost).abort(Error(Code::cancelled));
  EXPECT_TRUE(waits(consumer) || value(consumer) == Text("{}"));
  ASSERT_TRUE(track.write_frame(0, Bytes::copy("{broken")));
  EXPECT_EQ(now(consumer).error().code, Code::decode);
  EXPECT_TRUE(waits(consumer));
  ASSERT_TRUE(track.write_frame(0, Bytes::copy("[1]")));
  EXPECT_EQ(value(consumer), Text("[1]"));
}

TEST(SnapshotConsumer, IgnoresGroupsThatComeLate) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track("t");
  snapshot::Consumer consumer(fixture.reader.subscribe("t", {.max_age = 10s}), false);
  net::group::Producer newer = *track.create_group(5);
  ASSERT_TRUE(newer.write_frame(0, Bytes::copy("5")));
  EXPECT_EQ(value(consumer), Text("5"));
  net::group::Producer older = *track.create_group(4);
  ASSERT_TRUE(older.write_frame(0, Bytes::copy("4")));
  EXPECT_TRUE(waits(consumer));
}

Catalog catalog_of(std::string codec) {
  Catalog catalog;
  catalog.video.renditions["0.m4s"].codec = std::move(codec);
  return catalog;
}

TEST(CatalogTrack, CarryTheCatalogInEachForm) {
  sim::World world;
  Fixture fixture;
  auto producer = CatalogProducer::create(fixture.broadcast, world);
  ASSERT_TRUE(producer);
  for (const CatalogFormat format :
       {CatalogFormat::hang, CatalogFormat::hang_compressed, CatalogFormat::msf}) {
    CatalogConsumer consumer(fixture.reader, format);
    ASSERT_TRUE(producer->update(catalog_of("vp8")));
    EXPECT_EQ(value(consumer), catalog_of("vp8"));
    ASSERT_TRUE(producer->update(catalog_of("av01")));
    EXPECT_EQ(value(consumer), catalog_of("av01"));
    ASSERT_TRUE(producer->update(catalog_of("av01")));
    EXPECT_TRUE(waits(consumer));
  }
}

TEST(CatalogTrack, HaveAGroupForEachVersionAndTheirPriority) {
  sim::World world;
  Fixture fixture;
  auto producer = CatalogProducer::create(fixture.broadcast, world);
  net::track::Consumer raw = fixture.reader.subscribe(kCatalogTrack, {.max_age = 10s});
  ASSERT_TRUE(producer->update(catalog_of("vp8")));
  ASSERT_TRUE(producer->update(catalog_of("vp9")));
  const auto info = raw.poll_info(kio::Waiter::none());
  ASSERT_TRUE(info.ready() && *info);
  EXPECT_EQ((*info)->priority, 100);
  for (const char* codec : {"vp8", "vp9"}) {
    auto group = raw.poll_next_group(kio::Waiter::none());
    ASSERT_TRUE(group.ready() && *group && **group);
    auto frame = (**group)->poll_read_frame(kio::Waiter::none());
    ASSERT_TRUE(frame.ready() && *frame && **frame);
    EXPECT_EQ((**frame)->second.text(), catalog_of(codec).encode());
    EXPECT_TRUE((**group)->finished());
  }
}

TEST(CatalogTrack, RefuseWhatReadersWouldRefuse) {
  sim::World world;
  Fixture fixture;
  auto producer = CatalogProducer::create(fixture.broadcast, world);
  Catalog catalog;
  for (int i = 0; i < 65; ++i) catalog.video.renditions[std::to_string(i)].codec = "vp8";
  EXPECT_EQ(producer->update(catalog).error().code, Code::too_many);
}

TEST(CatalogTrack, FailOnACatalogThatDoesNotDecodeAndGoOn) {
  Fixture fixture;
  net::track::Producer track = *fixture.broadcast.create_track(kCatalogTrack);
  CatalogConsumer consumer(fixture.reader);
  ASSERT_TRUE(track.write_frame(0, Bytes::copy(R"({"video":1})")));
  EXPECT_EQ(now(consumer).error().text, "catalog: video: not an object");
  ASSERT_TRUE(track.write_frame(0, Bytes::copy("{}")));
  EXPECT_EQ(value(consumer), Catalog());
}

}  // namespace
}  // namespace moq::hang

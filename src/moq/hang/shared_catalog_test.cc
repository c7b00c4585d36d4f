#include "moq/hang/shared_catalog.h"

#include <gtest/gtest.h>

#include "moq/sim/world.h"

namespace moq::hang {
namespace {

class SharedCatalogTest : public ::testing::Test {
 protected:
  /// The catalog that a reader gets now; none if it has to wait, or the track has ended.
  std::optional<Catalog> next() {
    auto next = reader.poll_next(kio::Waiter::none());
    if (next.pending()) return std::nullopt;
    EXPECT_TRUE(*next) << next->error().describe();
    return *next ? **next : std::nullopt;
  }
  Result<void> add(std::string name, std::string codec) {
    return catalog.edit([&](Catalog& out) -> Result<void> {
      out.video.renditions[name].codec = codec;
      return {};
    });
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  SharedCatalog catalog = *SharedCatalog::create(broadcast, world);
  CatalogConsumer reader{broadcast.consume()};
};

TEST_F(SharedCatalogTest, PublishesEachEditOfEachHandle) {
  SharedCatalog other = catalog.clone();
  EXPECT_EQ(next(), std::nullopt);

  ASSERT_TRUE(add("v", "vp8"));
  EXPECT_EQ(next()->video.renditions.at("v").codec, "vp8");
  ASSERT_TRUE(other.edit([](Catalog& out) -> Result<void> {
    out.audio.renditions["a"].codec = "opus";
    return {};
  }));

  const std::optional<Catalog> both = next();
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->video.renditions.contains("v"));
  EXPECT_TRUE(both->audio.renditions.contains("a"));
  EXPECT_EQ(catalog.read(), both);
  EXPECT_TRUE(catalog.lists("a"));
  EXPECT_FALSE(catalog.lists("b"));
}

TEST_F(SharedCatalogTest, PublishesNothingForAnEditThatChangesNothing) {
  ASSERT_TRUE(catalog.edit([](Catalog&) -> Result<void> { return {}; }));
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(SharedCatalogTest, StaysAsItIsWhenAnEditFails) {
  ASSERT_TRUE(add("v", "vp8"));
  const Catalog before = catalog.read();
  const Result<void> failed = catalog.edit([](Catalog& out) -> Result<void> {
    out.video.renditions.clear();
    return fail(Code::duplicate, "no");
  });
  EXPECT_EQ(failed.error().code, Code::duplicate);
  const Result<void> too_many = catalog.edit([](Catalog& out) -> Result<void> {
    for (std::size_t i = 0; i <= kMaxRenditions; ++i) out.audio.renditions[std::to_string(i)];
    return {};
  });
  EXPECT_EQ(too_many.error().code, Code::too_many);
  EXPECT_EQ(catalog.read(), before);
  EXPECT_EQ(next(), before);
}

TEST_F(SharedCatalogTest, EndsForAllHandlesAndStaysReadable) {
  SharedCatalog other = catalog.clone();
  ASSERT_TRUE(add("v", "vp8"));
  other.finish();
  other.finish();
  EXPECT_TRUE(add("w", "vp9"));  // Without effect.
  EXPECT_FALSE(catalog.lists("w"));
  EXPECT_TRUE(catalog.lists("v"));
  EXPECT_TRUE(next()->video.renditions.contains("v"));
  auto end = reader.poll_next(kio::Waiter::none());
  ASSERT_TRUE(end.ready() && *end);
  EXPECT_EQ(**end, std::nullopt);
}

TEST_F(SharedCatalogTest, IsAbortedWithItsLastHandle) {
  ASSERT_TRUE(add("v", "vp8"));
  EXPECT_TRUE(next());
  {
    const SharedCatalog last = std::move(catalog);
    EXPECT_EQ(next(), std::nullopt);
  }
  auto end = reader.poll_next(kio::Waiter::none());
  ASSERT_TRUE(end.ready());
  EXPECT_FALSE(*end);
}

TEST_F(SharedCatalogTest, EndsWithTheErrorItIsAbortedWith) {
  catalog.abort(Error(Code::cancelled, "gone"));
  auto end = reader.poll_next(kio::Waiter::none());
  ASSERT_TRUE(end.ready() && !*end);
  EXPECT_EQ(end->error().code, Code::cancelled);
}

}  // namespace
}  // namespace moq::hang

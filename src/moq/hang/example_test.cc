#include <gtest/gtest.h>

#include "moq/hang/catalog_track.h"
#include "moq/sim/world.h"

namespace moq::hang {
namespace {

// The example of the README.

/// The codecs of the video renditions of a broadcast, whenever its catalog changes, until it ends.
kio::Task<Result<std::vector<std::string>>> watch(net::broadcast::Consumer broadcast) {
  std::vector<std::string> codecs;
  CatalogConsumer catalogs(broadcast);
  for (;;) {
    MOQ_CO_TRY(const std::optional<Catalog> catalog, co_await catalogs.next());
    if (!catalog) co_return codecs;
    for (const auto& [name, rendition] : catalog->video.renditions) {
      codecs.push_back(name + ": " + rendition.codec);
    }
  }
}

TEST(HangExample, WatchesACatalog) {
  sim::World world;
  net::broadcast::Producer broadcast;
  CatalogProducer producer = *CatalogProducer::create(broadcast, world);
  auto watching = world.spawn(watch(broadcast.consume()));
  for (const char* codec : {"vp8", "av01.0.04M.08"}) {
    Catalog catalog;
    catalog.video.renditions["camera"].codec = codec;
    ASSERT_TRUE(producer.update(catalog));
    world.run_for(1s);
  }
  std::move(producer).finish();
  world.run_for(1s);
  auto codecs = watching.poll_join(kio::Waiter::none());
  ASSERT_TRUE(codecs.ready() && *codecs);
  EXPECT_EQ(**codecs, (std::vector<std::string>{"camera: vp8", "camera: av01.0.04M.08"}));
}

}  // namespace
}  // namespace moq::hang

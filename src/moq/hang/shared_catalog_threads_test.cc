#include <gtest/gtest.h>

#include <thread>

#include "moq/hang/shared_catalog.h"
#include "moq/sim/world.h"

namespace moq::hang {
namespace {

TEST(SharedCatalogThreads, LoseNoEdit) {
  constexpr int kWriters = 4;
  constexpr int kEdits = 50;
  sim::World world;
  net::broadcast::Producer broadcast;
  SharedCatalog catalog = *SharedCatalog::create(broadcast, world);
  CatalogConsumer reader(broadcast.consume());

  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([own = catalog.clone(), name = std::to_string(writer)]() mutable {
      for (int i = 1; i <= kEdits; ++i) {
        const Result<void> edited = own.edit([&](Catalog& out) -> Result<void> {
          out.audio.renditions[name].channels += 1;
          return {};
        });
        EXPECT_TRUE(edited);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();

  auto published = reader.poll_next(kio::Waiter::none());
  ASSERT_TRUE(published.ready() && *published && **published);
  for (int writer = 0; writer < kWriters; ++writer) {
    EXPECT_EQ((**published)->audio.renditions.at(std::to_string(writer)).channels, kEdits);
  }
}

}  // namespace
}  // namespace moq::hang

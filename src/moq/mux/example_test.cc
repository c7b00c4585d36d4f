#include <gtest/gtest.h>

#include "moq/mux/exporter.h"
#include "moq/mux/importer.h"
#include "moq/mux/internal/testing.h"
#include "moq/sim/world.h"

namespace moq::mux {
namespace {

// The example of the README.

/// Publishes `file` on `broadcast`, `piece` bytes every 10 ms, and ends its tracks.
kio::Task<Result<void>> publish(kio::Clock& clock, net::broadcast::Producer& broadcast, Bytes file,
                                std::size_t piece) {
  MOQ_CO_TRY(Importer importer, Importer::create(broadcast, clock, {}));
  while (!file.empty()) {
    const Result<void> pushed = importer.push(file.take_front(piece));
    if (!pushed) co_return pushed;
    co_await kio::sleep(clock, 10ms);
  }
  co_return std::move(importer).finish();
}

/// Reads the broadcast as one MP4 stream until it ends.
kio::Task<Result<Bytes>> record(kio::Clock& clock, net::broadcast::Consumer broadcast) {
  Exporter exporter(clock, std::move(broadcast), {});
  std::vector<Bytes> parts;
  for (;;) {
    MOQ_CO_TRY(std::optional<Bytes> part, co_await exporter.next());
    if (!part) co_return join(parts);
    parts.push_back(*std::move(part));
  }
}

TEST(MuxExample, CarriesAFileThroughABroadcast) {
  sim::World world;
  net::broadcast::Producer broadcast;
  auto recording = world.spawn(record(world, broadcast.consume()));
  const Bytes file = testing::read_testdata("cmaf_h264_aac.mp4");
  EXPECT_TRUE(world.run(publish(world, broadcast, file, 500)));
  world.run_for(2s);
  auto recorded = recording.poll_join(kio::Waiter::none());
  ASSERT_TRUE(recorded.ready() && *recorded);
  EXPECT_GT((*recorded)->size(), file.size() / 2);
}

}  // namespace
}  // namespace moq::mux

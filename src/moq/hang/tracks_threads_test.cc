#include <atomic>
#include <thread>

#include "moq/hang/catalog_track.h"
#include "moq/hang/stream_track.h"
#include "moq/hang/track_test_support.h"
#include "moq/sim/world.h"

/// Tracks that one thread writes and others read. Small, for it runs under ThreadSanitizer too.
namespace moq::hang {
namespace {

constexpr int kValues = 200;

/// An executor that sleeps while it has nothing to do.
class Loop : public kio::Executor, public kio::Clock {
 public:
  Loop() : Executor([this] { wake(); }) { queue_->bind_to_this_thread(); }
  ~Loop() override { queue_->close(); }
  kio::Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return {}; }
  template <typename T>
  T run(kio::Task<T> task) {
    kio::Spawned<T> spawned = spawn(std::move(task));
    while (!spawned.finished()) {
      const std::uint64_t seen = wakes_;
      if (!queue_->run_batch() && !spawned.finished()) wakes_.wait(seen);
    }
    return *spawned.poll_join(kio::Waiter::none());
  }

 private:
  void wake() {
    ++wakes_;
    wakes_.notify_one();
  }
  std::atomic<std::uint64_t> wakes_{0};
};

template <typename Value>
struct Seen {
  int count = 0;
  Value last;
};

template <typename Consumer, typename Value>
kio::Task<Seen<Value>> read_all(Consumer consumer) {
  Seen<Value> seen;
  for (;;) {
    Result<std::optional<Value>> next = co_await consumer.next();
    if (!next || !*next) co_return seen;
    ++seen.count;
    seen.last = **std::move(next);
  }
}

/// Reads to the end on a thread of its own.
template <typename Value, typename Consumer>
class Reader {
 public:
  explicit Reader(Consumer consumer)
      : thread_([this, consumer = std::move(consumer)]() mutable {
          Loop loop;
          seen_ = loop.run(read_all<Consumer, Value>(std::move(consumer)));
        }) {}
  Seen<Value> join() {
    thread_.join();
    return seen_;
  }

 private:
  Seen<Value> seen_;
  std::thread thread_;
};

TEST(TracksThreads, JsonAndBinaryTracksAreReadElsewhere) {
  Fixture fixture;
  const auto track = [&fixture](const char* name) { return *fixture.broadcast.create_track(name); };
  const auto reader = [&fixture](const char* name) { return fixture.reader.subscribe(name); };
  const binary::Options newest{.mode = binary::Mode::snapshot, .compressed = true};
  snapshot::Producer snapshot(track("snapshot"), {.compressed = true});
  stream::Producer stream(track("stream"), true);
  binary::Producer binary(track("binary"), newest);
  Reader<std::string, snapshot::Consumer> snapshots({reader("snapshot"), true});
  Reader<std::string, stream::Consumer> records({reader("stream"), true});
  Reader<Bytes, binary::Consumer> payloads({reader("binary"), newest});
  for (int i = 1; i <= kValues; ++i) {
    const std::string text = std::to_string(i);
    ASSERT_TRUE(snapshot.update(0, R"({"n":)" + text + "}"));
    ASSERT_TRUE(stream.append(0, text));
    ASSERT_TRUE(binary.write(0, Bytes::copy(text)));
  }
  std::move(snapshot).finish();
  std::move(stream).finish();
  std::move(binary).finish();
  EXPECT_EQ(snapshots.join().last, R"({"n":200})");
  const Seen<std::string> all = records.join();
  EXPECT_EQ(all.count, kValues);
  EXPECT_EQ(all.last, "200");
  EXPECT_EQ(payloads.join().last, Bytes::copy("200"));
}

TEST(TracksThreads, ACatalogIsReadElsewhere) {
  sim::World world;
  Fixture fixture;
  CatalogProducer producer = *CatalogProducer::create(fixture.broadcast, world);
  Reader<Catalog, CatalogConsumer> catalogs(
      CatalogConsumer(fixture.reader, CatalogFormat::hang_compressed));
  Catalog catalog;
  for (int i = 1; i <= kValues; ++i) {
    catalog.extra["n"] = std::to_string(i);
    ASSERT_TRUE(producer.update(catalog));
  }
  std::move(producer).finish();
  EXPECT_EQ(catalogs.join().last, catalog);
}

}  // namespace
}  // namespace moq::hang

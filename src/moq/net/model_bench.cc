#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "moq/net/origin.h"
#include "moq/sim/world.h"

/// What the model costs per frame, per group and per change of what is announced.
namespace moq::net {
namespace {

using kio::Waiter;

constexpr int kFramesPerGroup = 30;
constexpr track::Subscription kFresh{.max_age = 5s};

Bytes payload(std::int64_t size) {
  return Bytes::copy(std::string(static_cast<std::size_t>(size), 'x'));
}

/// Whole frames of 1 KiB into a track that nobody reads; groups of 30 at 30 a second age out.
void write_frames(benchmark::State& state) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video");
  const Bytes data = payload(state.range(0));
  std::uint64_t frame = 0;
  std::optional<group::Producer> group;
  for (auto _ : state) {
    if (frame % kFramesPerGroup == 0) {
      if (group) std::move(*group).finish();
      group.reset();
      group.emplace(*track.append_group());
    }
    benchmark::DoNotOptimize(group->write_frame(frame++ * 33, data));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(write_frames)->Arg(100)->Arg(1000)->Arg(10'000);

/// Groups of one frame, as audio and clocks write them.
void write_groups(benchmark::State& state) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("audio");
  const Bytes data = payload(200);
  std::uint64_t sequence = 0;
  for (auto _ : state) benchmark::DoNotOptimize(track.write_frame(sequence++ * 20, data));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_groups);

/// One frame in ten parts, each read by a reader as it comes.
void read_parts(benchmark::State& state) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video");
  track::Consumer reader = track.consume(kFresh);
  const Bytes part = payload(1200);
  std::uint64_t time = 0;
  for (auto _ : state) {
    group::Producer group = *track.append_group();
    frame::Producer frame = *group.create_frame({.timestamp = ++time, .size_bytes = 12'000});
    auto copy = reader.poll_next_group(Waiter::none());
    for (int i = 0; i < 10; ++i) {
      (void)frame.write(part);
      benchmark::DoNotOptimize((**copy)->poll_chunk(Waiter::none()));
    }
    (void)std::move(frame).finish();
    std::move(group).finish();
  }
  state.SetItemsProcessed(state.iterations() * 10);
}
BENCHMARK(read_parts);

kio::Task<void> read(track::Consumer track, std::uint64_t& frames) {
  for (;;) {
    auto group = co_await track.next_group();
    if (!group || !*group) co_return;
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame || !*frame) break;
      ++frames;
    }
  }
}

/// One writer, many readers that each wait for every frame: an item is a frame that was delivered.
void fan_out(benchmark::State& state) {
  sim::World world;
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video");
  const Bytes data = payload(1000);
  std::uint64_t delivered = 0;
  {
    kio::TaskGroup readers(world);
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      readers.spawn(read(track.consume(kFresh), delivered));
    }
    world.run_until_idle();
    std::uint64_t frame = 0;
    std::optional<group::Producer> group;
    for (auto _ : state) {
      if (frame % kFramesPerGroup == 0) {
        if (group) std::move(*group).finish();
        group.reset();
        group.emplace(*track.append_group());
      }
      (void)group->write_frame(frame++ * 33, data);
      world.run_for(1us);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
}
BENCHMARK(fan_out)->Arg(1)->Arg(10)->Arg(100)->Arg(1000);

/// One path announced and taken back while many watch: an item is an update that was taken.
void announce(benchmark::State& state) {
  origin::Producer origin(1);
  const broadcast::Producer broadcast;
  std::vector<origin::Announced> watchers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    watchers.push_back(origin.consume().announced());
  }
  const Path path = Path::of("room/alice");
  std::int64_t updates = 0;
  const auto take = [&watchers, &updates] {
    for (origin::Announced& watcher : watchers) {
      updates += watcher.poll_next(Waiter::none()).ready() ? 1 : 0;
    }
  };
  for (auto _ : state) {
    {
      auto announcement = origin.announce(path, broadcast.consume());
      take();
    }
    take();
  }
  state.SetItemsProcessed(updates);
}
BENCHMARK(announce)->Arg(1)->Arg(100);

/// A subscriber that comes and goes, on a track with many others.
void subscribe(benchmark::State& state) {
  broadcast::Producer broadcast;
  track::Producer track = *broadcast.create_track("video");
  const broadcast::Consumer consumer = broadcast.consume();
  std::vector<track::Consumer> others;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    others.push_back(consumer.subscribe("video", kFresh));
  }
  for (auto _ : state) {
    const track::Consumer one = consumer.subscribe("video", kFresh);
    benchmark::DoNotOptimize(track.poll_demand(Waiter::none()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(subscribe)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace moq::net

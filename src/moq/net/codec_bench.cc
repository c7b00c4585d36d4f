#include <benchmark/benchmark.h>

#include <string>

#include "moq/net/lite/announce_codec.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/subscribe.h"

/// What the wire's messages cost. A frame's header is the only thing that a relay encodes for each
/// subscriber and frame; an announcement, for each watcher and broadcast.
namespace moq::net::lite {
namespace {

void encode_frame_headers(benchmark::State& state) {
  FrameHeaderEncoder encoder(Version::lite_06);
  std::uint64_t time_us = 0;
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(time_us += 16'667, 4096));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode_frame_headers);

/// START and END of one broadcast among as many live ones as the argument says.
void announce_and_retract(benchmark::State& state) {
  AnnounceEncoder encoder(Version::lite_06);
  const AnnouncedRoute route{.hops = {1, 2, 3}, .costs = {}};
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    encoder.start(Path::of("room/" + std::to_string(i)), route);
  }
  const Path path = Path::of("room/alice");
  for (auto _ : state) {
    const auto started = encoder.start(path, route);
    benchmark::DoNotOptimize(started.message);
    benchmark::DoNotOptimize(encoder.end(started.id));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(announce_and_retract)->Arg(0)->Arg(10'000);

void decode_subscribe(benchmark::State& state) {
  Subscribe message;
  message.broadcast = Path::of("room/alice");
  message.track = "video/0.avc1";
  const Bytes body = encode_message(message, Version::lite_06);
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_message<Subscribe>(body.span(), Version::lite_06));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_subscribe);

}  // namespace
}  // namespace moq::net::lite

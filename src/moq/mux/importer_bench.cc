#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "moq/mux/importer.h"
#include "moq/sim/world.h"

/// What a publisher pays for its media before a network sees it.
namespace moq::mux {
namespace {

void put(std::vector<std::uint8_t>& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

/// Annex-B as a camera's encoder writes it: parameter sets and a key frame each second, 30 frames a
/// second of `size` bytes each.
std::vector<Bytes> one_second(std::size_t size) {
  using namespace std::string_view_literals;
  std::vector<Bytes> frames;
  for (int i = 0; i < 30; ++i) {
    std::vector<std::uint8_t> frame;
    if (i == 0) {
      // High profile, level 1.0, 64 x 64: what x264 writes for such a picture.
      put(frame,
          "\0\0\0\1\x67\x64\x00\x0a\xac\xd9\x44\x26\x84\0\0\3\0\4\0\0\3\0\xca\x3c\x48\x96\x58"sv);
      put(frame, "\0\0\0\1\x68\xeb\xe3\xcb\x22\xc0"sv);
    }
    put(frame, i == 0 ? "\0\0\0\1\x65\x88"sv : "\0\0\0\1\x41\x9a"sv);
    frame.resize(size, 0x5a);
    frames.push_back(Bytes::copy(std::span<const std::uint8_t>(frame)));
  }
  return frames;
}

/// An item is a frame, split out of the stream, stamped, and written to its track.
void import_avc3(benchmark::State& state) {
  sim::World world;
  net::broadcast::Producer broadcast;
  auto importer = *Importer::create(broadcast, world, {.format = Importer::Format::avc3});
  const std::vector<Bytes> frames = one_second(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  for (auto _ : state) {
    if (!importer.push(frames[next])) {
      state.SkipWithError("the importer refuses the stream");
      break;
    }
    next = (next + 1) % frames.size();
    world.run_for(33ms);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(import_avc3)->Arg(1'000)->Arg(40'000);

}  // namespace
}  // namespace moq::mux

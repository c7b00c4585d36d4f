// Publishes video that it makes itself: H.264 with a bar that grows over a grey picture.
//   video URL BROADCAST [SECONDS]
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/mux/importer.h"
#include "moq/native/client.h"

using moq::Code;
using moq::Result;
using moq::native::Environment;

namespace {

constexpr unsigned kColumns = 16, kRows = 9;  // In macroblocks of 16 by 16.
constexpr unsigned kBlocks = kColumns * kRows;
constexpr unsigned kFramesPerSecond = 30;
constexpr std::uint8_t kBackground = 80, kBar = 235;

/// The bits of one NAL unit. None here has two zero bytes in a row, so none needs escapes.
class Nal {
 public:
  explicit Nal(std::uint8_t header) : bytes_{0, 0, 0, 1, header} {}
  Nal& u(unsigned count, unsigned value) {
    while (count-- > 0) {
      if (filled_ == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>(((value >> count) & 1) << (7 - filled_));
      filled_ = (filled_ + 1) % 8;
    }
    return *this;
  }
  Nal& ue(unsigned value) {  // Exp-Golomb, H.264 9.1.
    const unsigned length = static_cast<unsigned>(std::bit_width(value + 1)) - 1;
    return u(length, 0).u(length + 1, value + 1);
  }
  /// A macroblock of one grey, uncompressed (I_PCM).
  Nal& pcm(unsigned type, std::uint8_t luma) {
    ue(type);
    if (filled_ != 0) u(8 - filled_, 0);
    bytes_.insert(bytes_.end(), 256, luma);
    bytes_.insert(bytes_.end(), 128, 128);
    return *this;
  }
  moq::Bytes finish() { return moq::Bytes::copy(u(1, 1).bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
  unsigned filled_ = 0;
};

/// A key frame each second; in between, the one block by which the bar grows.
std::vector<moq::Bytes> encode(unsigned number) {
  const unsigned at = number % kFramesPerSecond;
  if (at > 0) {
    Nal slice(0x61);
    slice.ue(0).ue(5).ue(0).u(8, at).u(3, 0).ue(0).ue(1);
    return {slice.ue(at).pcm(30, kBar).ue(kBlocks - at - 1).finish()};
  }
  Nal sps(0x67);  // Baseline, level 3.0; frame_num of 8 bits, no reordering.
  sps.u(24, 0x42c01e).ue(0).ue(4).ue(2).ue(1).u(1, 0).ue(kColumns - 1).ue(kRows - 1);
  sps.u(1, 1).u(1, 1).u(2, 0);
  Nal pps(0x68);  // CAVLC, deblocking under control.
  pps.ue(0).ue(0).u(2, 0).ue(0).ue(0).ue(0).u(3, 0).ue(0).ue(0).ue(0).u(1, 1).u(2, 0);
  Nal slice(0x65);
  slice.ue(0).ue(7).ue(0).u(8, 0).ue(0).u(2, 0).ue(0).ue(1).pcm(25, kBar);
  for (unsigned block = 1; block < kBlocks; ++block) slice.pcm(25, kBackground);
  return {sps.finish(), pps.finish(), slice.finish()};
}

moq::kio::Task<Result<void>> publish(Environment env, moq::native::Url url, moq::net::Path path,
                                     unsigned seconds) {
  moq::kio::Clock& clock = env.executor->clock();
  moq::net::origin::Producer origin(1 + env.random->below(1ULL << 52));
  moq::net::broadcast::Producer broadcast;
  moq::mux::Importer::Options format;
  format.format = moq::mux::Importer::Format::avc3;
  MOQ_CO_TRY(auto importer, moq::mux::Importer::create(broadcast, clock, format));
  MOQ_CO_TRY(auto announcement, origin.announce(path, broadcast.consume()));
  MOQ_CO_TRY(auto client, moq::native::Client::create(env, {}));
  moq::net::SessionOptions options;
  options.publish = origin.consume();
  auto connection = client.reconnect(std::move(url), std::move(options), {});

  moq::kio::Timer next(clock, clock.now());
  for (unsigned number = 0; number < seconds * kFramesPerSecond; ++number) {
    co_await moq::kio::wait([&](const moq::kio::Waiter& waiter) { return next.poll(waiter); });
    next.set(*next.deadline() + moq::Duration(std::chrono::seconds(1)) / kFramesPerSecond);
    for (const moq::Bytes& unit : encode(number)) MOQ_CO_CHECK(importer.push(unit));
  }
  MOQ_CO_CHECK(std::move(importer).finish());
  co_await connection.finish();
  co_return Result<void>();
}

Result<void> run(int argc, char** argv) {
  if (argc < 3) return moq::fail(Code::bad_config, "video URL BROADCAST [SECONDS]");
  MOQ_TRY(auto url, moq::native::Url::parse(argv[1]));
  MOQ_TRY(auto path, moq::net::Path::parse(argv[2]));
  const unsigned long seconds = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 60;
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  return loop->run(publish(Environment(*loop, resolver, random), std::move(url), std::move(path),
                           static_cast<unsigned>(seconds)));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "video: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}

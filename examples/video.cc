// Publishes video that it makes itself: H.264 with a square that runs through a grey picture.
//   video URL BROADCAST [SECONDS]
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

constexpr unsigned kColumns = 16;  // In macroblocks of 16 by 16.
constexpr unsigned kRows = 9;
constexpr unsigned kFramesPerSecond = 30;

/// The bits of one NAL unit.
class Nal {
 public:
  explicit Nal(std::uint8_t header) : bytes_{header} {}
  Nal& u(unsigned count, unsigned value) {
    while (count-- > 0) bit((value >> count) & 1);
    return *this;
  }
  Nal& ue(unsigned value) {  // Exp-Golomb, H.264 9.1.
    unsigned length = 0;
    while ((value + 1) >> (length + 1)) ++length;
    return u(length, 0).u(length + 1, value + 1);
  }
  /// A macroblock of one grey, uncompressed (I_PCM).
  void pcm(unsigned type, std::uint8_t luma) {
    ue(type);
    while (filled_ != 0) bit(0);
    bytes_.insert(bytes_.end(), 256, luma);
    bytes_.insert(bytes_.end(), 128, 128);
  }
  /// Appends it to an Annex-B stream, with its trailing bits and emulation prevention.
  void finish(std::vector<std::uint8_t>& out) {
    bit(1);
    out.insert(out.end(), {0, 0, 0, 1});
    unsigned zeros = 0;
    for (const std::uint8_t byte : bytes_) {
      if (zeros >= 2 && byte <= 3) {
        out.push_back(3);
        zeros = 0;
      }
      out.push_back(byte);
      zeros = byte == 0 ? zeros + 1 : 0;
    }
  }

 private:
  void bit(unsigned value) {
    if (filled_ == 0) bytes_.push_back(0);
    bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (value << (7 - filled_)));
    filled_ = (filled_ + 1) % 8;
  }
  std::vector<std::uint8_t> bytes_;
  unsigned filled_ = 0;
};

/// A frame: a key frame each second, in between only the blocks that change.
std::vector<std::uint8_t> encode(unsigned number) {
  std::vector<std::uint8_t> out;
  const unsigned in_group = number % kFramesPerSecond;
  const unsigned square = number % (kColumns * kRows);
  if (in_group == 0) {
    Nal sps(0x67);  // Baseline, level 3.0; frame_num of 8 bits, no reordering.
    sps.u(24, 0x42c01e).ue(0).ue(4).ue(2).ue(1).u(1, 0).ue(kColumns - 1).ue(kRows - 1);
    sps.u(1, 1).u(1, 1).u(1, 0).u(1, 0).finish(out);
    Nal pps(0x68);  // CAVLC, deblocking under control.
    pps.ue(0).ue(0).u(2, 0).ue(0).ue(0).ue(0).u(3, 0).ue(0).ue(0).ue(0).u(1, 1).u(2, 0).finish(out);
    Nal slice(0x65);
    slice.ue(0).ue(7).ue(0).u(8, 0).ue(0).u(2, 0).ue(0).ue(1);
    for (unsigned at = 0; at < kColumns * kRows; ++at) slice.pcm(25, at == square ? 235 : 80);
    slice.finish(out);
    return out;
  }
  Nal slice(0x61);
  slice.ue(0).ue(5).ue(0).u(8, in_group).u(2, 0).u(1, 0).ue(0).ue(1);
  unsigned next = 0;
  const unsigned before = (square + kColumns * kRows - 1) % (kColumns * kRows);
  for (const unsigned at : {std::min(before, square), std::max(before, square)}) {
    slice.ue(at - next).pcm(30, at == square ? 235 : 80);
    next = at + 1;
  }
  if (next < kColumns * kRows) slice.ue(kColumns * kRows - next);
  slice.finish(out);
  return out;
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
    MOQ_CO_CHECK(importer.push(moq::Bytes::copy(encode(number))));
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
  const Environment env(*loop, resolver, random);
  return loop->run(publish(env, std::move(url), std::move(path), static_cast<unsigned>(seconds)));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "video: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "moq/base/bytes.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/transport/session.h"

/// For the fuzz targets of the codec alone. Each takes the version from its input's first byte.
namespace moq::net::lite {

/// The first byte of `input`, taken off; 0 when there is none.
inline std::uint8_t take_byte(ByteSpan& input) {
  if (input.empty()) return 0;
  const std::uint8_t first = input[0];
  input = input.subspan(1);
  return first;
}

inline Version take_version(ByteSpan& input) {
  return static_cast<Version>(take_byte(input) % (std::to_underlying(Version::lite_07_wip) + 1));
}

/// Delivers the input in chunks of one size, then FIN; never waits.
class FuzzRecvStream : public transport::RecvStream {
 public:
  FuzzRecvStream(ByteSpan input, std::size_t chunk) : left_(Bytes::copy(input)), chunk_(chunk) {}
  Poll<Result<Bytes>> poll_read(const Waiter&, std::size_t max) override {
    return left_.take_front(std::min(max, chunk_));
  }
  void stop(std::uint32_t) override {}

 private:
  Bytes left_;
  std::size_t chunk_;
};

inline StreamReader fuzz_reader(ByteSpan input, std::size_t chunk, Version version) {
  return {std::make_unique<FuzzRecvStream>(input, chunk), version};
}

}  // namespace moq::net::lite

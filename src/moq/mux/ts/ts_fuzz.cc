#include <cstddef>
#include <cstdint>

#include "moq/base/result.h"
#include "moq/mux/ts/demuxer.h"

/// The demuxer, fed in one piece and in two: what it finds is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::mux;
  const moq::Bytes input = moq::Bytes::copy(moq::ByteSpan(data, size));
  const auto take_apart = [&input](std::size_t cut) {
    ts::TsDemuxer demuxer;
    Found found;
    if (demuxer.push(input.slice(0, cut), found) && demuxer.push(input.slice(cut), found)) {
      (void)demuxer.finish(found);
    }
    return found;
  };
  const Found whole = take_apart(size);
  MOQ_ASSERT(whole == take_apart(size / 2));
  for (const auto& one : whole) {
    const auto* frame = std::get_if<FoundFrame>(&one);
    MOQ_ASSERT(!frame || !frame->payload.empty());
  }
  return 0;
}

#include <cstddef>
#include <cstdint>

#include "moq/hang/flate.h"

/// The decoder on noise, and whether what was encoded decodes to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::hang::flate;
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  const moq::ByteSpan input(data, size);
  Decoder noise(kLimit);
  if (const auto payload = noise.decode(input.first(size / 2))) {
    MOQ_ASSERT(payload->size() <= kLimit);
    (void)noise.decode(input.subspan(size / 2));
  }
  Encoder encoder;
  Decoder decoder;
  for (const moq::ByteSpan part : {input.first(size / 2), input.subspan(size / 2), input}) {
    const auto frame = encoder.encode(part);
    MOQ_ASSERT(frame);
    const auto back = decoder.decode(frame->span());
    MOQ_ASSERT(back && *back == moq::Bytes::copy(part));
  }
  return 0;
}

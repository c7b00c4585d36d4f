#include "moq/mux/flac.h"

#include "moq/base/wire.h"
#include "moq/mux/internal/bits.h"

namespace moq::mux::flac {

constexpr std::string_view kMarker = "fLaC";
constexpr std::uint32_t kBlockBytes = 34;

Result<StreamInfo> StreamInfo::decode(ByteSpan stream) {
  Reader in(stream);
  const std::string_view marker = as_text(in.bytes(kMarker.size()));
  const std::uint8_t type = in.u8() & 0x7f;  // The top bit says whether it is the last block.
  const std::uint32_t size = in.u24();
  BitReader block(in.bytes(kBlockBytes));
  block.skip(16 + 16 + 24 + 24);  // Sizes of blocks and frames.
  StreamInfo out;
  out.sample_rate = block.bits(20);
  out.channels = block.bits(3) + 1;
  out.bits_per_sample = block.bits(5) + 1;
  const bool valid = marker == kMarker && type == 0 && size == kBlockBytes && out.sample_rate != 0;
  if (!in.ok() || !valid) return fail(Code::decode, "flac: no STREAMINFO");
  return out;
}

}  // namespace moq::mux::flac

#include "moq/mux/h265/hvcc.h"

#include "moq/base/wire.h"

namespace moq::mux::h265 {

// Profile, level and what else the parameter sets say, too.
constexpr std::size_t kSummaryBytes = 20;

Result<HevcConfig> HevcConfig::decode(const Bytes& bytes) {
  Reader in(bytes.span());
  const std::uint8_t version = in.u8();
  in.skip(kSummaryBytes);
  HevcConfig out{.length_size = std::size_t{1} + (in.u8() & 3)};
  // Each NAL unit takes two bytes of the record, so its size bounds their count.
  for (std::size_t arrays = in.u8(); arrays > 0 && in.ok(); --arrays) {
    in.u8();  // Their type, which they say themselves.
    for (std::size_t count = in.u16(); count > 0 && in.ok(); --count) {
      const std::uint16_t size = in.u16();
      const std::size_t at = in.position();
      in.skip(size);
      if (in.ok() && size > 0) out.nals.push_back(bytes.slice(at, size));
    }
  }
  if (!in.ok() || version != 1 || out.length_size == 3) {
    return fail(Code::decode, "h265: a broken hvcC");
  }
  return out;
}

}  // namespace moq::mux::h265

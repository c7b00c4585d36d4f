#include <cstddef>
#include <cstdint>

#include "moq/mux/h264/access_unit.h"
#include "moq/mux/h264/avcc.h"

/// The stream reader, in pieces whose size the first byte says, and the conversions of what it
/// yields.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::mux::h264;
  if (size == 0) return 0;
  const moq::Bytes input = moq::Bytes::copy(moq::ByteSpan(data + 1, size - 1));
  const std::size_t piece = std::size_t{1} + data[0];
  AccessUnitReader reader;
  std::vector<AccessUnit> units;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    const auto some = reader.push(input.slice(at, piece).span());
    if (!some) return 0;
    units.insert(units.end(), some->begin(), some->end());
  }
  if (const auto last = reader.finish()) units.insert(units.end(), last->begin(), last->end());
  for (const AccessUnit& unit : units) {
    MOQ_ASSERT(!split_annex_b(unit.payload.span()).empty());
    MOQ_ASSERT(split_length_prefixed(to_length_prefixed(unit.payload.span()).span(), 4));
    if (const auto config = find_config(unit.payload)) (void)config->encode();
  }
  if (const auto config = AvcConfig::decode(input)) {
    (void)config->encode();
    (void)to_annex_b(*config, input.span(), true);
  }
  (void)Sps::decode(input.span());
  return 0;
}

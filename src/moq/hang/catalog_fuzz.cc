#include <cstddef>
#include <cstdint>

#include "moq/hang/canonical_json.h"
#include "moq/hang/catalog.h"
#include "moq/hang/container.h"
#include "moq/hang/snapshot.h"

/// The catalog, written and read again; the same bytes as any JSON, as a snapshot and as frames.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::hang;
  const moq::Bytes input = moq::Bytes::copy(moq::ByteSpan(data, size));
  if (const auto catalog = Catalog::decode(input.text())) {
    const std::string text = catalog->encode();
    const auto again = Catalog::decode(text);
    MOQ_ASSERT(again && again->encode() == text);
  }
  snapshot::Decoder decoder;
  if (decoder.apply(input.slice(0, size / 2).span())) {
    if (decoder.apply(input.slice(size / 2).span())) MOQ_ASSERT(decoder.text());
  }
  snapshot::Encoder encoder;
  if (encoder.update(input.text())) MOQ_ASSERT(encoder.update(R"({"other":{"a":[]}})"));
  if (const auto text = canonical_json(input.text())) MOQ_ASSERT(canonical_json(*text) == *text);
  (void)decode_legacy(input, true);
  (void)decode_loc(input, true);
  return 0;
}

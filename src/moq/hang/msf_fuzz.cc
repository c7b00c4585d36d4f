#include <cstddef>
#include <cstdint>

#include "moq/hang/msf_catalog.h"

/// A group of an MSF catalog track, an object a line; what comes of it, written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::hang;
  std::string_view input = moq::as_text(moq::ByteSpan(data, size));
  msf::Decoder decoder;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    if (!decoder.apply(moq::as_bytes(input.substr(0, end)))) decoder.start_group();
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
    const auto catalog = decoder.catalog();
    if (!catalog) continue;
    const std::string text = msf::encode(*catalog);
    const auto again = msf::decode(text);
    MOQ_ASSERT(again && msf::encode(*again) == text);
    MOQ_ASSERT(Catalog::decode(catalog->encode()));
  }
  return 0;
}

#include "moq/conformance/media.h"

#include "moq/base/wire.h"

namespace moq::conformance::media {
namespace {

/// Baseline, 64x48: one sequence parameter set and one picture parameter set.
constexpr std::string_view kAvcc =
    "0142c00affe100176742c00ad9047b0110000003001000000303c0f122648001000568cb83cb20";

}  // namespace

std::string catalog() {
  return R"({"video":{"renditions":{"video":{"codec":"avc1.42c00a","description":")" +
         std::string(kAvcc) +
         R"(","codedWidth":64,"codedHeight":48,"framerate":30.0,"container":{"kind":"legacy"}}}},)"
         R"("audio":{"renditions":{}}})";
}

std::string frame(std::uint64_t time_us, bool key, std::string_view content) {
  Writer out;
  out.varint(time_us);
  // The size of the slice in four bytes, then its type.
  out.u16(static_cast<std::uint16_t>((content.size() + 2) >> 16));
  out.u16(static_cast<std::uint16_t>(content.size() + 2));
  out.u8(key ? 0x65 : 0x41).u8(0x80).bytes(as_bytes(content));
  return std::string(as_text(out.span()));
}

std::optional<std::string> first_track(std::string_view catalog) {
  // Good for catalogs as they are written: names without escapes.
  constexpr std::string_view kBefore = "\"renditions\":{\"";
  const std::size_t at = catalog.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = catalog.substr(at + kBefore.size());
  const std::size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(rest.substr(0, end));
}

}  // namespace moq::conformance::media

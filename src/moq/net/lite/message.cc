#include "moq/net/lite/message.h"

#include <algorithm>
#include <string>

#include "moq/net/lite/limits.h"

namespace moq::net::lite {

Path read_path(Reader& in) {
  auto path = Path::normalise(in.text());
  if (path) return *std::move(path);
  in.fail(path.error());
  return {};
}

std::string read_track_name(Reader& in) { return std::string(in.text(kMaxTrackNameBytes)); }

Duration read_ms(Reader& in) {
  constexpr auto kMost = static_cast<std::uint64_t>(to_ms(Duration::max()));
  const std::uint64_t value = in.varint();
  if (value >= kMost) return Duration::max();
  return std::chrono::milliseconds(static_cast<std::int64_t>(value));
}

void write_ms(Writer& out, Duration duration) {
  out.varint(static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(duration), 0)));
}

void write_optional(Writer& out, std::optional<std::uint64_t> value) {
  out.optional_varint(value && *value < kMaxVarint ? value : std::nullopt);
}

}  // namespace moq::net::lite

#include "moq/net/lite/stream_type.h"

#include <utility>

namespace moq::net::lite {

std::string_view to_string(BidiType type) {
  switch (type) {
    case BidiType::announce:
      return "announce";
    case BidiType::subscribe:
      return "subscribe";
    case BidiType::fetch:
      return "fetch";
    case BidiType::probe:
      return "probe";
    case BidiType::goaway:
      return "goaway";
    case BidiType::track:
      return "track";
  }
  std::unreachable();
}

std::string_view to_string(UniType type) {
  switch (type) {
    case UniType::group:
      return "group";
    case UniType::setup:
      return "setup";
  }
  std::unreachable();
}

std::optional<BidiType> bidi_type(std::uint64_t type, Version version) {
  const auto when = [](bool valid, BidiType named) {
    return valid ? std::optional(named) : std::nullopt;
  };
  switch (type) {
    case 1:
      return BidiType::announce;
    case 2:
      return BidiType::subscribe;
    case 3:
      return when(has_fetch(version), BidiType::fetch);
    case 4:
      return when(has_probe(version), BidiType::probe);
    case 5:
      return when(has_goaway(version), BidiType::goaway);
    case 6:
      return when(has_track_info(version), BidiType::track);
    default:
      return std::nullopt;
  }
}

std::optional<UniType> uni_type(std::uint64_t type, Version version) {
  if (type == 0) return UniType::group;
  if (type == 1 && has_setup_stream(version)) return UniType::setup;
  return std::nullopt;
}

}  // namespace moq::net::lite

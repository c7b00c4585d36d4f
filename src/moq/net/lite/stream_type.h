#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "moq/net/version.h"

namespace moq::net::lite {

/// The first varint of a bidirectional stream. All but `goaway` are opened by the subscriber.
enum class BidiType : std::uint64_t {
  announce = 1,
  subscribe = 2,
  fetch = 3,   ///< 05 and later.
  probe = 4,   ///< 03 and later.
  goaway = 5,  ///< 04 and later; opened by either side.
  track = 6,   ///< 05 and later.
};
/// The first varint of a unidirectional stream.
enum class UniType : std::uint64_t {
  group = 0,  ///< Opened by the publisher.
  setup = 1,  ///< 05 and later; each side's first stream.
};

std::string_view to_string(BidiType type);
std::string_view to_string(UniType type);

/// The stream type with this number, if `version` has it. Any other kills that stream alone.
std::optional<BidiType> bidi_type(std::uint64_t type, Version version);
std::optional<UniType> uni_type(std::uint64_t type, Version version);

}  // namespace moq::net::lite

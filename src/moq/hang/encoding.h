#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"

namespace moq::hang {

/// Lowercase, two digits a byte.
std::string to_hex(ByteSpan bytes);
/// Either case; none for an odd length or any other character.
std::optional<Bytes> from_hex(std::string_view text);

/// The standard alphabet, padded (RFC 4648 §4).
std::string to_base64(ByteSpan bytes);
/// None unless `text` is padded standard base64 whose unused bits are zero.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace moq::hang

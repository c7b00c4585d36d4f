#pragma once

#include <string>
#include <string_view>

#include "moq/base/bytes.h"

namespace moq::transport::websocket::internal {

/// With padding. RFC 4648 §4.
std::string base64(ByteSpan bytes);
/// What a server answers to a client's `Sec-WebSocket-Key`. RFC 6455 §4.2.2.
std::string accept_key(std::string_view key);
/// Whether `key` is 16 bytes in base64.
bool is_key(std::string_view key);

}  // namespace moq::transport::websocket::internal

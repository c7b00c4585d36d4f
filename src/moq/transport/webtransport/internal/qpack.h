#pragma once

#include <span>
#include <string>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {

/// One field line of HTTP: a header or a pseudo header such as ":path".
struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// Encodes a field section with static references and plain literals alone: no dynamic table, which
/// Rust peers do not have, and no Huffman code, as they do. RFC 9204 §4.5.
std::vector<std::uint8_t> encode_headers(std::span<const Header> headers);

/// Decodes a field section: static references, literals, Huffman. Fails with
/// `qpack_decompression_failed` for bytes that mean nothing or that need a dynamic table, and with
/// `excessive_load` above `kMaxFieldSectionBytes`, encoded or decoded.
Result<std::vector<Header>, H3Error> decode_headers(ByteSpan section);

}  // namespace moq::transport::webtransport

#include "moq/transport/webtransport/internal/tlv_buffer.h"

#include <fmt/format.h>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {

void TlvBuffer::push(ByteSpan bytes) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Tlv>, H3Error> TlvBuffer::next() {
  Reader in(ByteSpan(bytes_).subspan(at_));
  const std::uint64_t type = in.varint();
  const std::uint64_t length = in.varint();
  if (!in.ok()) return std::nullopt;
  if (length > max_value_bytes_) {
    return std::unexpected(
        H3Error{H3Code::excessive_load, fmt::format("{} {:#x} claims {} bytes, the limit is {}",
                                                    what_, type, length, max_value_bytes_)});
  }
  if (length > in.remaining()) return std::nullopt;
  const ByteSpan value = in.bytes(length);
  at_ += in.position();
  return Tlv{type, value};
}

}  // namespace moq::transport::webtransport

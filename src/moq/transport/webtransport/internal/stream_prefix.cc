#include "moq/transport/webtransport/internal/stream_prefix.h"

#include <utility>

#include "moq/base/wire.h"
#include "moq/transport/webtransport/internal/http3.h"

namespace moq::transport::webtransport {
namespace {

Bytes prefix(std::uint64_t type) {
  Writer out;
  out.varint(type).varint(kSessionId);
  return out.take();
}

}  // namespace

std::optional<StreamPrefix> read_prefix(ByteSpan bytes, std::uint64_t webtransport_type) {
  Reader in(bytes);
  StreamPrefix found;
  found.type = in.varint();
  if (in.ok() && found.type == webtransport_type) found.session_id = in.varint();
  if (!in.ok()) return std::nullopt;
  found.size_bytes = in.position();
  return found;
}

Bytes uni_prefix() { return prefix(std::to_underlying(StreamType::webtransport)); }
Bytes bidi_prefix() { return prefix(kWebTransportBidi); }

}  // namespace moq::transport::webtransport

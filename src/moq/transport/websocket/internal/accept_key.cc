#include "moq/transport/websocket/internal/accept_key.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <array>

#include "moq/base/result.h"

namespace moq::transport::websocket::internal {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;

gnutls_datum_t borrow(ByteSpan bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

/// What the library wrote, which is freed.
std::string take(gnutls_datum_t& datum) {
  std::string text(as_text({datum.data, datum.size}));
  gnutls_free(datum.data);
  return text;
}

}  // namespace

std::string base64(ByteSpan bytes) {
  const gnutls_datum_t in = borrow(bytes);
  gnutls_datum_t out{};
  MOQ_ASSERT(gnutls_base64_encode2(&in, &out) == 0);
  return take(out);
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<std::uint8_t, 20> digest{};
  MOQ_ASSERT(gnutls_hash_fast(GNUTLS_DIG_SHA1, text.data(), text.size(), digest.data()) == 0);
  return base64(digest);
}

bool is_key(std::string_view key) {
  const gnutls_datum_t in = borrow(as_bytes(key));
  gnutls_datum_t out{};
  return gnutls_base64_decode2(&in, &out) == 0 && take(out).size() == kKeyBytes;
}

}  // namespace moq::transport::websocket::internal

#include "moq/transport/quic/internal/spare_key.h"

#include <gnutls/gnutls.h>

#include <algorithm>

#include "moq/base/result.h"

namespace moq::transport::quic::internal {

void SpareKey::put_away(ngtcp2_crypto_aead_ctx& context, const std::uint8_t* key,
                        std::size_t size) {
  MOQ_ASSERT(!is_spare(context) && size <= kMaxBytes);
  ngtcp2_crypto_aead_ctx_free(&context);
  auto* spare = new SpareKey;  // Owned by `context` until `free`.
  std::copy_n(key, size, spare->key_.begin());
  context.native_handle = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(spare) | kMark);
}

const ngtcp2_crypto_aead_ctx* SpareKey::unpack(const ngtcp2_crypto_aead& aead, Use use) {
  if (made_.native_handle != nullptr) return &made_;
  const auto make =
      use == Use::seal ? ngtcp2_crypto_aead_ctx_encrypt_init : ngtcp2_crypto_aead_ctx_decrypt_init;
  if (make(&made_, &aead, key_.data(), ngtcp2_crypto_aead_noncelen(&aead)) != 0) return nullptr;
  return &made_;
}

void SpareKey::free(ngtcp2_crypto_aead_ctx& context) {
  if (is_spare(context)) {
    delete &of(context);
  } else {
    ngtcp2_crypto_aead_ctx_free(&context);
  }
  context.native_handle = nullptr;
}

SpareKey::~SpareKey() {
  if (made_.native_handle != nullptr) ngtcp2_crypto_aead_ctx_free(&made_);
  gnutls_memset(key_.data(), 0, key_.size());
}

}  // namespace moq::transport::quic::internal

#pragma once

#include "moq/transport/quic/internal/conn.h"

namespace moq::transport::quic::internal {

/// What ngtcp2 calls. Nothing here calls back into ngtcp2 but for what its manual allows, and
/// nothing ends the connection: that waits until ngtcp2 has returned.
struct Callbacks {
  static const ngtcp2_callbacks* client();
  static const ngtcp2_callbacks* server();
  static void qlog(void* user, std::uint32_t flags, const void* data, std::size_t size);

 private:
  static ngtcp2_callbacks common();
  static int decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                     const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* in,
                     std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* additional, std::size_t additional_size);
  static int encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                     const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* in,
                     std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* additional, std::size_t additional_size);
  /// Derives the keys of the next phase, which stay `SpareKey`s until it comes.
  static int update_key(ngtcp2_conn* raw, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                        ngtcp2_crypto_aead_ctx* rx_context, std::uint8_t* rx_iv,
                        ngtcp2_crypto_aead_ctx* tx_context, std::uint8_t* tx_iv,
                        const std::uint8_t* rx_before, const std::uint8_t* tx_before,
                        std::size_t secret_size, void* user);
  static int server_crypto_data(ngtcp2_conn* raw, ngtcp2_encryption_level level,
                                std::uint64_t offset, const std::uint8_t* data, std::size_t size,
                                void* user);
};

/// Names the connection whose packet is being read, for as long as it lives: ngtcp2's decrypt
/// callback has no argument that would.
class CurrentConn {
 public:
  explicit CurrentConn(Conn& conn);
  CurrentConn(const CurrentConn&) = delete;
  CurrentConn& operator=(const CurrentConn&) = delete;
  ~CurrentConn();
};

}  // namespace moq::transport::quic::internal

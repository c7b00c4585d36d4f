#pragma once

#include <ngtcp2/ngtcp2_crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moq::transport::quic::internal {

/// The key of a key update that has not come. ngtcp2 wants both keys of the next phase at hand as
/// soon as the handshake is over (RFC 9001 §6.3), and few sessions live to see 2^23 packets. The
/// TLS library makes some 750 bytes of each; this is the bare key until its first packet comes.
///
/// It takes the place of the library's handle in an `ngtcp2_crypto_aead_ctx`, marked by the lowest
/// bit, which is free: the library's handles come from malloc.
class SpareKey {
 public:
  static constexpr std::size_t kMaxBytes = 32;
  enum class Use : std::uint8_t { seal, open };

  /// Puts the library's state in `context` away; `key` (of `size` bytes, at most `kMaxBytes`) is
  /// what it was made of.
  static void put_away(ngtcp2_crypto_aead_ctx& context, const std::uint8_t* key, std::size_t size);
  /// What the TLS library takes for `context`, be that put away or not. It is made at the first
  /// packet and stays. Null: the library failed.
  static const ngtcp2_crypto_aead_ctx* ready(const ngtcp2_crypto_aead_ctx& context,
                                             const ngtcp2_crypto_aead& aead, Use use) {
    if (!is_spare(context)) return &context;
    return of(context).unpack(aead, use);
  }
  /// Whether the library holds nothing for `context`.
  static bool is_packed(const ngtcp2_crypto_aead_ctx& context) {
    return is_spare(context) && of(context).made_.native_handle == nullptr;
  }
  /// Frees either kind.
  static void free(ngtcp2_crypto_aead_ctx& context);

  SpareKey(const SpareKey&) = delete;
  SpareKey& operator=(const SpareKey&) = delete;

 private:
  SpareKey() = default;
  ~SpareKey();

  static constexpr std::uintptr_t kMark = 1;
  static bool is_spare(const ngtcp2_crypto_aead_ctx& context) {
    return (reinterpret_cast<std::uintptr_t>(context.native_handle) & kMark) != 0;
  }
  static SpareKey& of(const ngtcp2_crypto_aead_ctx& context) {
    return *reinterpret_cast<SpareKey*>(reinterpret_cast<std::uintptr_t>(context.native_handle) &
                                        ~kMark);
  }
  const ngtcp2_crypto_aead_ctx* unpack(const ngtcp2_crypto_aead& aead, Use use);

  ngtcp2_crypto_aead_ctx made_{};
  std::array<std::uint8_t, kMaxBytes> key_;
};

}  // namespace moq::transport::quic::internal

#include "moq/transport/quic/internal/spare_key.h"

#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace moq::transport::quic::internal {
namespace {

class SpareKeyTest : public testing::Test {
 protected:
  SpareKeyTest() {
    std::iota(key.begin(), key.end(), std::uint8_t{1});
    EXPECT_EQ(ngtcp2_crypto_aead_ctx_encrypt_init(&plain, &aead, key.data(), nonce.size()), 0);
    EXPECT_EQ(ngtcp2_crypto_aead_ctx_encrypt_init(&spare, &aead, key.data(), nonce.size()), 0);
    SpareKey::put_away(spare, key.data(), key.size());
  }
  ~SpareKeyTest() override {
    SpareKey::free(plain);
    SpareKey::free(spare);
  }
  using Sealed = std::array<std::uint8_t, 5 + 16>;
  Sealed seal(const ngtcp2_crypto_aead_ctx& context) {
    Sealed out{};
    const ngtcp2_crypto_aead_ctx* ready = SpareKey::ready(context, aead, SpareKey::Use::seal);
    EXPECT_NE(ready, nullptr);
    EXPECT_EQ(ngtcp2_crypto_encrypt(out.data(), &aead, ready, text.data(), text.size(),
                                    nonce.data(), nonce.size(), nullptr, 0),
              0);
    return out;
  }
  std::array<std::uint8_t, 16> key{};
  std::array<std::uint8_t, 12> nonce{};
  std::array<std::uint8_t, 5> text{1, 2, 3, 4, 5};
  const ngtcp2_crypto_aead aead{.native_handle = reinterpret_cast<void*>(GNUTLS_CIPHER_AES_128_GCM),
                                .max_overhead = 16};
  ngtcp2_crypto_aead_ctx plain{};
  ngtcp2_crypto_aead_ctx spare{};
};

TEST_F(SpareKeyTest, IsBareUntilItsFirstPacket) {
  EXPECT_TRUE(SpareKey::is_packed(spare));
  const ngtcp2_crypto_aead_ctx* made = SpareKey::ready(spare, aead, SpareKey::Use::seal);
  EXPECT_FALSE(SpareKey::is_packed(spare));
  EXPECT_EQ(SpareKey::ready(spare, aead, SpareKey::Use::seal), made);
}

TEST_F(SpareKeyTest, SealsAsTheKeyItWasMadeOf) { EXPECT_EQ(seal(spare), seal(plain)); }

TEST_F(SpareKeyTest, LeavesOthersAlone) {
  EXPECT_FALSE(SpareKey::is_packed(plain));
  EXPECT_EQ(SpareKey::ready(plain, aead, SpareKey::Use::seal), &plain);
}

TEST_F(SpareKeyTest, MayNeverBeUsed) {
  SpareKey::free(spare);
  EXPECT_EQ(spare.native_handle, nullptr);
  SpareKey::free(spare);  // As does the library's.
}

}  // namespace
}  // namespace moq::transport::quic::internal

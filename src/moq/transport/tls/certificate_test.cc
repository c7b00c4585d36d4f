#include "moq/transport/tls/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "moq/transport/tls/internal/gnutls.h"

namespace moq::transport::tls {
namespace {

using std::chrono::hours;

GenerateOptions options_for(std::vector<std::string> names) {
  GenerateOptions options;
  options.names = std::move(names);
  options.now = WallTime(std::chrono::seconds(1'750'000'000));
  return options;
}

TEST(Identity, GeneratesWhatBrowsersAcceptByItsHash) {
  const auto made = Identity::generate(options_for({"relay.test", "127.0.0.1", "::1"}));
  ASSERT_TRUE(made) << made.error().describe();
  gnutls_x509_crt_t leaf = made->state().chain.front().get();

  unsigned bits = 0;
  EXPECT_EQ(gnutls_x509_crt_get_pk_algorithm(leaf, &bits), GNUTLS_PK_ECDSA);
  EXPECT_EQ(bits, 256u);
  const auto from = gnutls_x509_crt_get_activation_time(leaf);
  const auto to = gnutls_x509_crt_get_expiration_time(leaf);
  EXPECT_EQ(from, 1'750'000'000 - 3600);
  EXPECT_EQ(to - from, 14 * 24 * 3600);
  EXPECT_EQ(made->valid_from(), WallTime(std::chrono::seconds(from)));
  EXPECT_EQ(made->expires(), WallTime(std::chrono::seconds(to)));
  EXPECT_EQ(internal::names_of(leaf), (std::vector<std::string>{"relay.test", "127.0.0.1", "::1"}));
  EXPECT_EQ(internal::subject_of(leaf), "CN=relay.test");
}

TEST(Identity, TellsTheShaOfItsDerLeaf) {
  const auto made = Identity::generate(options_for({"relay.test"}));
  internal::Datum der;
  ASSERT_EQ(gnutls_x509_crt_export2(made->state().chain.front().get(), GNUTLS_X509_FMT_DER, &der),
            0);
  EXPECT_EQ(made->fingerprint(), internal::fingerprint_of({der.data, der.size}));
}

TEST(Identity, EachGeneratedOneIsAnother) {
  const auto a = Identity::generate(options_for({"relay.test"}));
  const auto b = Identity::generate(options_for({"relay.test"}));
  EXPECT_NE(a->fingerprint(), b->fingerprint());
  EXPECT_NE(a->reset_key(), b->reset_key());
}

TEST(Identity, RefusesToGenerateWithoutANameOrForTooLong) {
  EXPECT_EQ(Identity::generate(options_for({})).error().code, Code::bad_config);
  GenerateOptions options = options_for({"relay.test"});
  options.validity = kMaxGeneratedValidity + hours(1);
  EXPECT_EQ(Identity::generate(options).error().code, Code::bad_config);
}

TEST(Identity, SurvivesPemWithTheSameResetKey) {
  const auto made = Identity::generate(options_for({"relay.test"}));
  const auto read = Identity::parse(made->chain_pem(), made->key_pem());
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(read->fingerprint(), made->fingerprint());
  EXPECT_EQ(read->reset_key(), made->reset_key());
  EXPECT_NE(read->reset_key(), ResetKey{});
}

TEST(Identity, SaysWhatIsWrongWithPem) {
  const auto a = Identity::generate(options_for({"a.test"}));
  const auto b = Identity::generate(options_for({"b.test"}));
  const auto crossed = Identity::parse(a->chain_pem(), b->key_pem());
  ASSERT_FALSE(crossed);
  EXPECT_EQ(crossed.error().code, Code::bad_config);
  EXPECT_NE(crossed.error().text.find("not the first certificate's"), std::string::npos);
  EXPECT_EQ(Identity::parse("", a->key_pem()).error().code, Code::bad_config);
  EXPECT_EQ(Identity::parse(a->chain_pem(), "").error().code, Code::bad_config);
  EXPECT_EQ(Identity::parse(a->key_pem(), a->key_pem()).error().code, Code::bad_config);
  EXPECT_EQ(Identity::parse(a->chain_pem().substr(0, 200), a->key_pem()).error().code,
            Code::bad_config);
}

TEST(Fingerprint, ReadsTheFormsPeopleWriteIt) {
  Fingerprint value;
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<std::uint8_t>(i * 9);
  const std::string hex = to_hex(value);
  EXPECT_EQ(hex.size(), 64u);
  EXPECT_EQ(hex.substr(0, 8), "0009121b");
  EXPECT_EQ(parse_fingerprint(hex), value);
  EXPECT_EQ(parse_fingerprint(" " + hex + "\n"), value);
  std::string colons;
  for (std::size_t i = 0; i < 64; i += 2) colons += (i ? ":" : "") + hex.substr(i, 2);
  std::ranges::transform(colons, colons.begin(),
                         [](char c) { return static_cast<char>(toupper(c)); });
  EXPECT_EQ(parse_fingerprint(colons), value);
}

TEST(Fingerprint, RefusesWhatIsNone) {
  for (const char* text : {"", "00", "zz"}) EXPECT_FALSE(parse_fingerprint(text)) << text;
  EXPECT_FALSE(parse_fingerprint(std::string(63, '0')));
  EXPECT_FALSE(parse_fingerprint(std::string(65, '0')));
  EXPECT_FALSE(parse_fingerprint(std::string(63, '0') + "g"));
}

}  // namespace
}  // namespace moq::transport::tls

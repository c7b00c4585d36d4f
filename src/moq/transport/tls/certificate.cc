#include "moq/transport/tls/certificate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "moq/transport/tls/internal/gnutls.h"

namespace moq::transport::tls {

namespace internal {

std::string ip_literal(std::string_view name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  const std::string text(name);
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

Certificate new_certificate() {
  gnutls_x509_crt_t certificate = nullptr;
  MOQ_ASSERT(gnutls_x509_crt_init(&certificate) == 0);
  return Certificate(certificate);
}

Fingerprint fingerprint_of(ByteSpan der) {
  Fingerprint out;
  MOQ_ASSERT(gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data(), der.size(), out.data()) == 0);
  return out;
}

std::string subject_of(gnutls_x509_crt_t certificate) {
  Datum name;
  if (gnutls_x509_crt_get_dn3(certificate, &name, 0) != 0) return {};
  return std::string(name.text());
}

std::vector<std::string> names_of(gnutls_x509_crt_t certificate) {
  // A certificate's names are the peer's choice; more than this are not worth keeping.
  constexpr unsigned kMaxNames = 64;
  std::vector<std::string> names;
  for (unsigned i = 0; i < kMaxNames; ++i) {
    std::array<char, 1024> name{};
    std::size_t size = name.size();
    unsigned type = 0;
    const int found =
        gnutls_x509_crt_get_subject_alt_name2(certificate, i, name.data(), &size, &type, nullptr);
    if (found == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
    if (found < 0) continue;
    if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_URI) {
      names.emplace_back(name.data(), size);
    } else if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16)) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      inet_ntop(size == 4 ? AF_INET : AF_INET6, name.data(), text.data(), text.size());
      names.emplace_back(text.data());
    }
  }
  return names;
}

}  // namespace internal

namespace {

using namespace internal;

// Files larger than this are not certificates; the bound keeps a mistyped path harmless.
constexpr std::size_t kMaxPemBytes = 1 << 20;
// Longer chains do not occur; the library wants a bound.
constexpr unsigned kMaxChain = 16;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_file(const std::string& path) {
  const auto failed = [](int number) {
    return fail(Code::bad_config, "cannot read: " + std::generic_category().message(number));
  };
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "re"));
  if (!file) return failed(errno);
  std::string text;
  text.resize(kMaxPemBytes);
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failed(errno);
  if (text.empty()) return fail(Code::bad_config, "the file is empty");
  return text;
}

/// Reads what `parse` makes of the PEM file at `path`; errors name the file.
template <typename Parse>
auto load_pem(const std::string& path, Parse&& parse) -> decltype(parse(std::string_view())) {
  const std::string where = "'" + path + "'";
  const Result<std::string> text = read_file(path);
  if (!text) return std::unexpected(text.error().with_context(where));
  auto parsed = parse(*text);
  if (!parsed) return std::unexpected(parsed.error().with_context(where));
  return parsed;
}

Result<std::vector<Certificate>> parse_chain(std::string_view pem) {
  std::array<gnutls_x509_crt_t, kMaxChain> list{};
  unsigned count = kMaxChain;
  const gnutls_datum_t data = borrow(pem);
  const int error = gnutls_x509_crt_list_import(list.data(), &count, &data, GNUTLS_X509_FMT_PEM,
                                                GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
  if (error < 0) return config_error("no certificate chain in PEM, leaf first", error);
  std::vector<Certificate> chain;
  for (unsigned i = 0; i < count; ++i) chain.emplace_back(list[i]);
  return chain;
}

Result<PrivateKey> parse_key(std::string_view pem) {
  gnutls_x509_privkey_t raw = nullptr;
  MOQ_ASSERT(gnutls_x509_privkey_init(&raw) == 0);
  PrivateKey key(raw);
  const gnutls_datum_t data = borrow(pem);
  const int error =
      gnutls_x509_privkey_import2(raw, &data, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN);
  if (error < 0) return config_error("no unencrypted private key in PEM", error);
  return key;
}

Result<void> check_key_fits(gnutls_x509_crt_t leaf, gnutls_x509_privkey_t key) {
  std::array<unsigned char, 64> a{}, b{};
  std::size_t a_size = a.size();
  std::size_t b_size = b.size();
  if (gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, a.data(), &a_size) != 0 ||
      gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b.data(), &b_size) != 0 ||
      a != b) {
    return fail(Code::bad_config, "the private key is not the first certificate's");
  }
  return {};
}

/// The same as read from its bytes: the library does not see all fields of one it has just made.
Result<Certificate> reread(const Certificate& made) {
  Datum der;
  int error = gnutls_x509_crt_export2(made.get(), GNUTLS_X509_FMT_DER, &der);
  Certificate certificate = new_certificate();
  if (error >= 0) error = gnutls_x509_crt_import(certificate.get(), &der, GNUTLS_X509_FMT_DER);
  if (error < 0) return config_error("generated certificate", error);
  return certificate;
}

Result<Fingerprint> leaf_fingerprint(gnutls_x509_crt_t leaf) {
  Datum der;
  const int error = gnutls_x509_crt_export2(leaf, GNUTLS_X509_FMT_DER, &der);
  if (error < 0) return config_error("certificate", error);
  return fingerprint_of({der.data, der.size});
}

Result<std::shared_ptr<const Identity::State>> make_state(std::vector<Certificate> chain,
                                                          PrivateKey key) {
  auto state = std::make_shared<Identity::State>();
  MOQ_CHECK(check_key_fits(chain.front().get(), key.get()));
  MOQ_TRY(state->fingerprint, leaf_fingerprint(chain.front().get()));
  state->chain = std::move(chain);
  state->key = std::move(key);
  return state;
}

PrivateKey generate_key() {
  gnutls_x509_privkey_t raw = nullptr;
  MOQ_ASSERT(gnutls_x509_privkey_init(&raw) == 0);
  PrivateKey key(raw);
  MOQ_ASSERT(gnutls_x509_privkey_generate(
                 raw, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
  return key;
}

int add_name(gnutls_x509_crt_t certificate, const std::string& name) {
  const std::string ip = ip_literal(name);
  const auto type = ip.empty() ? GNUTLS_SAN_DNSNAME : GNUTLS_SAN_IPADDRESS;
  const std::string& value = ip.empty() ? name : ip;
  return gnutls_x509_crt_set_subject_alt_name(
      certificate, type, value.data(), static_cast<unsigned>(value.size()), GNUTLS_FSAN_APPEND);
}

int fill_in(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
            const GenerateOptions& options) {
  std::array<unsigned char, 16> serial{};
  int error = gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size());
  serial[0] &= 0x7f;  // DER integers with the top bit are negative.
  serial[0] |= 0x01;
  const WallTime from = options.now - std::chrono::hours(1);
  const auto step = [&error](int result) {
    if (error >= 0) error = result;
  };
  step(gnutls_x509_crt_set_version(certificate, 3));
  step(gnutls_x509_crt_set_serial(certificate, serial.data(), serial.size()));
  step(
      gnutls_x509_crt_set_activation_time(certificate, std::chrono::system_clock::to_time_t(from)));
  step(gnutls_x509_crt_set_expiration_time(
      certificate, std::chrono::system_clock::to_time_t(from + options.validity)));
  step(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                     options.names.front().data(),
                                     static_cast<unsigned>(options.names.front().size())));
  for (const std::string& name : options.names) step(add_name(certificate, name));
  step(gnutls_x509_crt_set_basic_constraints(certificate, 0, -1));
  step(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
  step(gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0));
  if (options.client) {
    step(gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0));
  }
  step(gnutls_x509_crt_set_key(certificate, key));
  step(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0));
  return error;
}

}  // namespace

std::string to_hex(const Fingerprint& fingerprint) {
  std::string out;
  out.reserve(fingerprint.size() * 2);
  for (const std::uint8_t byte : fingerprint) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

Result<Fingerprint> parse_fingerprint(std::string_view hex) {
  Fingerprint out{};
  std::size_t digits = 0;
  for (const char c : hex) {
    if (c == ':' || std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string_view alphabet = "0123456789abcdef";
    const std::size_t value = alphabet.find(lower);
    if (value == std::string_view::npos || digits == out.size() * 2) {
      digits = 0;
      break;
    }
    out[digits / 2] = static_cast<std::uint8_t>((out[digits / 2] << 4) | value);
    ++digits;
  }
  if (digits != out.size() * 2) {
    return fail(Code::invalid_argument,
                "'" + std::string(hex) + "' is not a SHA-256 fingerprint of 64 hex digits");
  }
  return out;
}

Result<Identity> Identity::load(const std::string& chain_path, const std::string& key_path) {
  MOQ_TRY(auto chain, load_pem(chain_path, parse_chain));
  MOQ_TRY(auto key, load_pem(key_path, parse_key));
  auto state = make_state(std::move(chain), std::move(key));
  if (state) return Identity(*std::move(state));
  return std::unexpected(state.error().with_context("'" + chain_path + "', '" + key_path + "'"));
}

Result<Identity> Identity::parse(std::string_view chain_pem, std::string_view key_pem) {
  MOQ_TRY(auto chain, parse_chain(chain_pem));
  MOQ_TRY(auto key, parse_key(key_pem));
  MOQ_TRY(auto state, make_state(std::move(chain), std::move(key)));
  return Identity(std::move(state));
}

Result<Identity> Identity::generate(const GenerateOptions& options) {
  if (options.names.empty()) {
    return fail(Code::bad_config, "a generated certificate needs at least one name");
  }
  if (options.validity > kMaxGeneratedValidity) {
    return fail(Code::bad_config, "a generated certificate is valid for at most 14 days");
  }
  auto state = std::make_shared<State>();
  state->key = generate_key();
  Certificate certificate = new_certificate();
  const int error = fill_in(certificate.get(), state->key.get(), options);
  if (error < 0) {
    return config_error("cannot make a certificate for '" + options.names.front() + "'", error);
  }
  MOQ_TRY(certificate, reread(certificate));
  MOQ_TRY(state->fingerprint, leaf_fingerprint(certificate.get()));
  state->chain.push_back(std::move(certificate));
  return Identity(std::move(state));
}

const Fingerprint& Identity::fingerprint() const { return state_->fingerprint; }

WallTime Identity::valid_from() const {
  return std::chrono::system_clock::from_time_t(
      gnutls_x509_crt_get_activation_time(state_->chain.front().get()));
}

WallTime Identity::expires() const {
  return std::chrono::system_clock::from_time_t(
      gnutls_x509_crt_get_expiration_time(state_->chain.front().get()));
}

std::string Identity::chain_pem() const {
  std::string out;
  for (const Certificate& certificate : state_->chain) {
    Datum pem;
    MOQ_ASSERT(gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_PEM, &pem) == 0);
    out += pem.text();
  }
  return out;
}

std::string Identity::key_pem() const {
  Datum pem;
  MOQ_ASSERT(gnutls_x509_privkey_export2_pkcs8(state_->key.get(), GNUTLS_X509_FMT_PEM, nullptr,
                                               GNUTLS_PKCS_PLAIN, &pem) == 0);
  return std::string(pem.text());
}

ResetKey Identity::reset_key() const {
  Datum der;
  MOQ_ASSERT(gnutls_x509_privkey_export2_pkcs8(state_->key.get(), GNUTLS_X509_FMT_DER, nullptr,
                                               GNUTLS_PKCS_PLAIN, &der) == 0);
  // The label keeps this use of the key apart from every other.
  constexpr std::string_view kLabel = "moq stateless reset key 1";
  ResetKey key;
  MOQ_ASSERT(gnutls_hmac_fast(GNUTLS_MAC_SHA256, der.data, der.size, kLabel.data(), kLabel.size(),
                              key.data()) == 0);
  return key;
}

}  // namespace moq::transport::tls

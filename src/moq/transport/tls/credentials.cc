#include "moq/transport/tls/credentials.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#ifdef __aarch64__
#include <asm/hwcap.h>
#endif

#include "moq/base/log.h"
#include "moq/transport/tls/internal/state.h"

namespace moq::transport::tls {

namespace internal {

Result<std::unique_ptr<KeyLog>> KeyLog::open(const std::string& path) {
  // Whoever reads it reads the sessions: a new file is its owner's alone.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,  // NOLINT(*-vararg)
             S_IRUSR | S_IWUSR);
  std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "a");
  if (file == nullptr) {
    return fail(Code::bad_config,
                "cannot write key log '" + path + "': " + std::generic_category().message(errno));
  }
  return std::unique_ptr<KeyLog>(new KeyLog(file));
}

void KeyLog::write(std::string_view label, ByteSpan client_random, ByteSpan secret) {
  std::string line(label);
  for (const ByteSpan part : {client_random, secret}) {
    line += ' ';
    for (const std::uint8_t byte : part) line += fmt::format("{:02x}", byte);
  }
  line += '\n';
  std::lock_guard lock(mutex_);
  std::fputs(line.c_str(), file_);
  std::fflush(file_);
}

namespace {

bool cpu_has_aes() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
  return false;
#endif
}

}  // namespace

#define MOQ_TLS_AES "+AES-128-GCM:+AES-256-GCM"
#define MOQ_TLS_CHACHA "+CHACHA20-POLY1305"
#define MOQ_TLS_GROUPS ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

const char* quic_priorities() {
#define MOQ_TLS_QUIC(ciphers)                                                               \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:" ciphers ":%SERVER_PRECEDENCE" MOQ_TLS_GROUPS \
  ":%DISABLE_TLS13_COMPAT_MODE"
  return cpu_has_aes() ? MOQ_TLS_QUIC(MOQ_TLS_AES ":" MOQ_TLS_CHACHA)
                       : MOQ_TLS_QUIC(MOQ_TLS_CHACHA ":" MOQ_TLS_AES);
#undef MOQ_TLS_QUIC
}

Priorities parse_quic_priorities() {
  gnutls_priority_t raw = nullptr;
  MOQ_ASSERT(gnutls_priority_init(&raw, quic_priorities(), nullptr) == 0);
  return Priorities(raw);
}

const char* stream_priorities() {
  // Of TLS 1.2 what 1.3 has too: authenticated encryption and forward secrecy.
#define MOQ_TLS_STREAM(ciphers)                                                         \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-" \
  "ALL:" ciphers ":%SERVER_PRECEDENCE" MOQ_TLS_GROUPS
  return cpu_has_aes() ? MOQ_TLS_STREAM(MOQ_TLS_AES ":" MOQ_TLS_CHACHA)
                       : MOQ_TLS_STREAM(MOQ_TLS_CHACHA ":" MOQ_TLS_AES);
#undef MOQ_TLS_STREAM
}

#undef MOQ_TLS_AES
#undef MOQ_TLS_CHACHA
#undef MOQ_TLS_GROUPS

}  // namespace internal

namespace {

using namespace internal;

Credentials new_credentials() {
  gnutls_certificate_credentials_t raw = nullptr;
  MOQ_ASSERT(gnutls_certificate_allocate_credentials(&raw) == 0);
  return Credentials(raw);
}

Result<void> add_identity(gnutls_certificate_credentials_t credentials, const Identity& identity) {
  std::vector<gnutls_x509_crt_t> chain;
  for (const Certificate& certificate : identity.state().chain) chain.push_back(certificate.get());
  const int error = gnutls_certificate_set_x509_key(
      credentials, chain.data(), static_cast<int>(chain.size()), identity.state().key.get());
  if (error < 0) return config_error("certificate", error);
  return {};
}

Result<void> add_roots(gnutls_certificate_credentials_t credentials,
                       const std::vector<std::string>& files, std::string_view pem) {
  for (const std::string& file : files) {
    const int count =
        gnutls_certificate_set_x509_trust_file(credentials, file.c_str(), GNUTLS_X509_FMT_PEM);
    if (count < 0) return config_error("root certificates '" + file + "'", count);
    if (count == 0) return fail(Code::bad_config, "no certificate in '" + file + "'");
  }
  if (pem.empty()) return {};
  const gnutls_datum_t text = borrow(pem);
  const int count = gnutls_certificate_set_x509_trust_mem(credentials, &text, GNUTLS_X509_FMT_PEM);
  if (count < 0) return config_error("root certificates", count);
  return {};
}

}  // namespace

Result<ServerTls> ServerTls::create(ServerTlsOptions options) {
  if (options.identities.empty()) {
    return fail(Code::bad_config, "a server needs a certificate and its key");
  }
  if (options.client_auth != ClientAuth::none && options.client_root_files.empty() &&
      options.client_roots_pem.empty()) {
    return fail(Code::bad_config, "client certificates need root certificates to check them by");
  }
  auto state = std::make_shared<State>();
  state->credentials = new_credentials();
  for (const Identity& identity : options.identities) {
    MOQ_CHECK(add_identity(state->credentials.get(), identity));
  }
  MOQ_CHECK(
      add_roots(state->credentials.get(), options.client_root_files, options.client_roots_pem));
  if (!options.key_log_file.empty()) {
    MOQ_TRY(state->key_log, KeyLog::open(options.key_log_file));
  }
  state->options = std::move(options);
  return ServerTls(std::move(state));
}

const std::vector<Identity>& ServerTls::identities() const { return state_->options.identities; }

Result<ClientTls> ClientTls::create(ClientTlsOptions options) {
  auto state = std::make_shared<State>();
  state->credentials = new_credentials();
  gnutls_certificate_credentials_t credentials = state->credentials.get();
  MOQ_CHECK(add_roots(credentials, options.root_files, options.roots_pem));
  if (!options.insecure && options.pins.empty()) {
    const int count =
        options.system_roots ? gnutls_certificate_set_x509_system_trust(credentials) : 0;
    if (count <= 0 && options.root_files.empty() && options.roots_pem.empty()) {
      return fail(Code::bad_config, options.system_roots
                                        ? "the system has no root certificates (ca-certificates)"
                                        : "no roots and no fingerprints: nothing could be trusted");
    }
  }
  if (options.identity) MOQ_CHECK(add_identity(credentials, *options.identity));
  if (!options.key_log_file.empty()) {
    MOQ_TRY(state->key_log, KeyLog::open(options.key_log_file));
  }
  state->options = std::move(options);
  return ClientTls(std::move(state));
}

}  // namespace moq::transport::tls

#include "moq/transport/quic/internal/tls_session.h"

#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "moq/base/log.h"
#include "moq/base/wire.h"

namespace moq::transport::quic::internal {
namespace {

// Alerts of RFC 8446 §6.2 that say more than the library would.
constexpr std::uint8_t kBadCertificate = 42;
constexpr std::uint8_t kCertificateExpired = 45;
constexpr std::uint8_t kUnknownCa = 48;
constexpr std::uint8_t kCertificateRequired = 116;
constexpr std::uint8_t kNoApplicationProtocol = 120;

constexpr unsigned kAlpnExtension = 16;

/// What the library's verification found wrong, in words and as an alert.
struct Finding {
  unsigned flag;
  std::uint8_t alert;
  const char* words;
};
constexpr Finding kFindings[] = {
    {GNUTLS_CERT_EXPIRED, kCertificateExpired, "certificate expired"},
    {GNUTLS_CERT_NOT_ACTIVATED, kCertificateExpired, "certificate not yet valid"},
    {GNUTLS_CERT_SIGNER_NOT_FOUND, kUnknownCa, "unknown issuer"},
    {GNUTLS_CERT_SIGNER_NOT_CA, kUnknownCa, "issuer is not a certificate authority"},
    {GNUTLS_CERT_UNEXPECTED_OWNER, kBadCertificate, "name mismatch"},
    {GNUTLS_CERT_REVOKED, kBadCertificate, "certificate revoked"},
    {GNUTLS_CERT_PURPOSE_MISMATCH, kBadCertificate, "certificate is for another purpose"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, kBadCertificate, "certificate uses an insecure algorithm"},
    {GNUTLS_CERT_SIGNATURE_FAILURE, kBadCertificate, "certificate signature is wrong"},
    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, kBadCertificate, "issuer may not certify this name"},
};

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "no name" : out;
}

}  // namespace

TlsSession::TlsSession(ServerTls tls, std::vector<std::string> alpn, ngtcp2_conn* const* conn)
    : server_(std::move(tls)), alpn_(std::move(alpn)), conn_(conn) {
  const ServerTls::State& state = server_->state();
  // No tickets: sessions are never resumed, since 0-RTT is not used.
  set_up(GNUTLS_SERVER | GNUTLS_NO_TICKETS, state.credentials.get(), state.key_log != nullptr);
  MOQ_ASSERT(ngtcp2_crypto_gnutls_configure_server_session(handle()) == 0);
  gnutls_handshake_set_hook_function(handle(), GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                     on_client_hello);
  // Without a list of authorities clients show what they have, and hear if it is not good enough.
  gnutls_certificate_send_x509_rdn_sequence(handle(), 1);
  switch (state.options.client_auth) {
    case ClientAuth::none:
      break;
    case ClientAuth::request:
      gnutls_certificate_server_set_request(handle(), GNUTLS_CERT_REQUEST);
      break;
    case ClientAuth::require:
      gnutls_certificate_server_set_request(handle(), GNUTLS_CERT_REQUIRE);
      break;
  }
}

TlsSession::TlsSession(ClientTls tls, const std::string& host, const std::vector<std::string>& alpn,
                       ngtcp2_conn* const* conn)
    : client_(std::move(tls)), conn_(conn) {
  const ClientTls::State& state = client_->state();
  set_up(GNUTLS_CLIENT, state.credentials.get(), state.key_log != nullptr);
  MOQ_ASSERT(ngtcp2_crypto_gnutls_configure_client_session(handle()) == 0);
  host_ = state.options.server_name.value_or(host);
  if (host_.size() > 2 && host_.front() == '[') host_ = host_.substr(1, host_.size() - 2);
  if (!host_.empty() && ip_literal(host_).empty()) {
    gnutls_server_name_set(handle(), GNUTLS_NAME_DNS, host_.data(), host_.size());
  }
  MOQ_ASSERT(alpn.size() <= kMaxAlpnOffers);
  std::vector<gnutls_datum_t> offers;
  for (const std::string& name : alpn) offers.push_back(borrow(name));
  // Names of 1 to 32 bytes, as `dial` has checked.
  MOQ_ASSERT(gnutls_alpn_set_protocols(handle(), offers.data(),
                                       static_cast<unsigned>(offers.size()),
                                       GNUTLS_ALPN_MANDATORY) == 0);
}

void TlsSession::set_up(unsigned flags, gnutls_certificate_credentials_t credentials,
                        bool log_keys) {
  gnutls_session_t raw = nullptr;
  MOQ_ASSERT(gnutls_init(&raw, flags) == 0);
  session_.reset(raw);
  MOQ_ASSERT(gnutls_priority_set_direct(raw, tls_priorities(), nullptr) == 0);
  MOQ_ASSERT(gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
  ref_.user_data = this;
  ref_.get_conn = [](ngtcp2_crypto_conn_ref* ref) {
    return *static_cast<TlsSession*>(ref->user_data)->conn_;
  };
  gnutls_session_set_ptr(raw, &ref_);
  gnutls_session_set_verify_function(raw, on_verify);
  if (log_keys) gnutls_session_set_keylog_function(raw, on_key_log);
}

TlsSession& TlsSession::self(gnutls_session_t session) {
  auto* ref = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  return *static_cast<TlsSession*>(ref->user_data);
}

int TlsSession::on_key_log(gnutls_session_t session, const char* label,
                           const gnutls_datum_t* secret) {
  TlsSession& tls = self(session);
  gnutls_datum_t random{};
  gnutls_session_get_random(session, &random, nullptr);
  KeyLog* log =
      tls.server_ ? tls.server_->state().key_log.get() : tls.client_->state().key_log.get();
  log->write(label, {random.data, random.size}, {secret->data, secret->size});
  return 0;
}

// The library's own server-side ALPN knows only eight names, so the choice is made here, from the
// whole ClientHello before the library reads it; the library then sees the one chosen name.
int TlsSession::on_client_hello(gnutls_session_t session, unsigned, unsigned, unsigned incoming,
                                const gnutls_datum_t* message) {
  if (incoming == 0) return 0;
  TlsSession& tls = self(session);
  const int error =
      gnutls_ext_raw_parse(&tls, on_extension, message, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
  if (error < 0) return error;
  if (tls.failure_ || tls.alpn_.empty()) {
    if (!tls.failure_) {
      auto none = tls.refuse(kNoApplicationProtocol, Code::version, "the client offers no ALPN");
      static_cast<void>(none);
    }
    return GNUTLS_E_NO_APPLICATION_PROTOCOL;
  }
  return 0;
}

int TlsSession::on_extension(void* context, unsigned id, const unsigned char* data, unsigned size) {
  auto& tls = *static_cast<TlsSession*>(context);
  if (id == kAlpnExtension && !tls.choose_alpn({data, size})) {
    return 0;  // Told by `failure_`; an error here would be reported as a decoding error.
  }
  return 0;
}

Result<void> TlsSession::choose_alpn(ByteSpan client_list) {
  // RFC 7301 §3.1: a two-byte length, then names with one byte of length each.
  Reader in(client_list);
  std::vector<std::string_view> offered;
  in.u16();
  while (in.ok() && in.remaining() > 0) offered.push_back(as_text(in.bytes(in.u8())));
  for (const std::string& ours : alpn_) {
    if (std::ranges::find(offered, ours) == offered.end()) continue;
    const gnutls_datum_t chosen = borrow(ours);
    MOQ_ASSERT(gnutls_alpn_set_protocols(handle(), &chosen, 1, GNUTLS_ALPN_MANDATORY) == 0);
    return {};
  }
  return refuse(kNoApplicationProtocol, Code::version, "no protocol (ALPN) in common");
}

std::unexpected<Error> TlsSession::refuse(std::uint8_t alert, Code code, std::string why) {
  alert_ = alert;
  failure_ = Error(code, std::move(why));
  return std::unexpected(*failure_);
}

int TlsSession::on_verify(gnutls_session_t session) { return self(session).verify(); }

int TlsSession::verify() {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(handle(), &count);
  if (chain == nullptr || count == 0) {
    if (server_ && server_->state().options.client_auth != ClientAuth::require) return 0;
    auto none = refuse(kCertificateRequired, Code::tls, "the peer shows no certificate");
    static_cast<void>(none);
    return GNUTLS_E_NO_CERTIFICATE_FOUND;
  }
  const ByteSpan leaf(chain->data, chain->size);
  const Result<void> checked =
      client_ ? check_server(leaf) : check_chain(GNUTLS_KP_TLS_WWW_CLIENT, {});
  if (!checked) return GNUTLS_E_CERTIFICATE_ERROR;

  Certificate certificate = new_certificate();
  if (gnutls_x509_crt_import(certificate.get(), chain, GNUTLS_X509_FMT_DER) == 0) {
    peer_ = PeerIdentity{subject_of(certificate.get()), names_of(certificate.get()),
                         fingerprint_of(leaf)};
  }
  return 0;
}

Result<void> TlsSession::check_server(ByteSpan leaf) {
  const ClientTlsOptions& options = client_->state().options;
  if (options.insecure) return {};
  if (!options.pins.empty()) return check_pins(leaf);
  return check_chain(GNUTLS_KP_TLS_WWW_SERVER, host_);
}

Result<void> TlsSession::check_pins(ByteSpan leaf) {
  const Fingerprint shown = fingerprint_of(leaf);
  const auto& pins = client_->state().options.pins;
  if (std::ranges::find(pins, shown) != pins.end()) return {};
  return refuse(kBadCertificate, Code::tls,
                "fingerprint mismatch: the server's certificate is " + to_hex(shown) +
                    ", not the pinned " + to_hex(pins.front()) +
                    (pins.size() > 1 ? " or another pinned one" : ""));
}

Result<void> TlsSession::check_chain(const char* purpose, const std::string& name) {
  std::string text = name;
  gnutls_typed_vdata_st data[2] = {
      {GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(const_cast<char*>(purpose)), 0},
      {GNUTLS_DT_DNS_HOSTNAME, reinterpret_cast<unsigned char*>(text.data()), 0}};
  unsigned status = 0;
  const int error = gnutls_certificate_verify_peers(handle(), data, name.empty() ? 1 : 2, &status);
  if (error < 0) {
    return refuse(kBadCertificate, Code::tls,
                  std::string("certificate unusable: ") + gnutls_strerror(error));
  }
  if (status == 0) return {};
  for (const Finding& finding : kFindings) {
    if ((status & finding.flag) == 0) continue;
    std::string why = finding.words;
    if (finding.flag == GNUTLS_CERT_UNEXPECTED_OWNER) {
      unsigned count = 0;
      const gnutls_datum_t* chain = gnutls_certificate_get_peers(handle(), &count);
      Certificate leaf = new_certificate();
      if (gnutls_x509_crt_import(leaf.get(), chain, GNUTLS_X509_FMT_DER) == 0) {
        why += ": the certificate is for " + join_names(names_of(leaf.get())) + ", not for " + name;
      }
    }
    return refuse(finding.alert, Code::tls, std::move(why));
  }
  return refuse(kBadCertificate, Code::tls, fmt::format("certificate invalid ({:#x})", status));
}

std::string TlsSession::alpn() const {
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(handle(), &chosen) != 0) return {};
  return std::string(as_text({chosen.data, chosen.size}));
}

std::optional<std::string> TlsSession::server_name() const {
  if (!server_) return host_.empty() ? std::nullopt : std::optional(host_);
  std::array<char, 256> name{};
  std::size_t size = name.size();
  unsigned type = 0;
  if (gnutls_server_name_get(handle(), name.data(), &size, &type, 0) != 0) return std::nullopt;
  // The library counts the terminating zero in some versions.
  return std::string(name.data(), strnlen(name.data(), size));
}

std::string describe_alert(std::uint8_t alert) {
  switch (alert) {
    case 42:
      return "bad certificate";
    case 43:
      return "unsupported certificate";
    case 44:
      return "certificate revoked";
    case 45:
      return "certificate expired";
    case 46:
      return "certificate not accepted";
    case 48:
      return "unknown certificate authority";
    case 49:
      return "access denied";
    case 70:
      return "TLS version not supported";
    case 112:
      return "server name not known";
    case 116:
      return "a client certificate is required";
    case 120:
      return "no protocol (ALPN) in common";
    default:
      break;
  }
  const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
  return name != nullptr ? name : "alert " + std::to_string(alert);
}

Error alert_error(std::uint8_t alert, std::string_view who) {
  return Error(alert == kNoApplicationProtocol ? Code::version : Code::tls,
               std::string(who) + ": " + describe_alert(alert));
}

}  // namespace moq::transport::quic::internal

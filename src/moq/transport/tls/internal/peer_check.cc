#include "moq/transport/tls/internal/peer_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace moq::transport::tls::internal {
namespace {

// Alerts of RFC 8446 §6.2 that say more than the library would.
constexpr std::uint8_t kBadCertificate = 42;
constexpr std::uint8_t kCertificateExpired = 45;
constexpr std::uint8_t kUnknownCa = 48;
constexpr std::uint8_t kCertificateRequired = 116;

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

using Verdict = std::expected<void, Refusal>;

std::unexpected<Refusal> refuse(std::uint8_t alert, std::string why) {
  return std::unexpected(Refusal{alert, Error(Code::tls, std::move(why))});
}

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "no name" : out;
}

/// The first certificate that the peer showed; null if it showed none.
const gnutls_datum_t* leaf_of(gnutls_session_t session) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  return count == 0 ? nullptr : chain;
}

std::optional<PeerIdentity> identity_of(const gnutls_datum_t& leaf) {
  Certificate certificate = new_certificate();
  if (gnutls_x509_crt_import(certificate.get(), &leaf, GNUTLS_X509_FMT_DER) != 0) {
    return std::nullopt;
  }
  return PeerIdentity{subject_of(certificate.get()), names_of(certificate.get()),
                      fingerprint_of({leaf.data, leaf.size})};
}

Verdict check_pins(const std::vector<Fingerprint>& pins, const gnutls_datum_t& leaf) {
  const Fingerprint shown = fingerprint_of({leaf.data, leaf.size});
  if (std::ranges::find(pins, shown) != pins.end()) return {};
  return refuse(kBadCertificate, "fingerprint mismatch: the server's certificate is " +
                                     to_hex(shown) + ", not the pinned " + to_hex(pins.front()) +
                                     (pins.size() > 1 ? " or another pinned one" : ""));
}

Verdict check_chain(gnutls_session_t session, const char* purpose, std::string name) {
  gnutls_typed_vdata_st data[2] = {
      {GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(const_cast<char*>(purpose)), 0},
      {GNUTLS_DT_DNS_HOSTNAME, reinterpret_cast<unsigned char*>(name.data()), 0}};
  unsigned status = 0;
  const int error = gnutls_certificate_verify_peers(session, data, name.empty() ? 1 : 2, &status);
  if (error < 0) {
    return refuse(kBadCertificate, std::string("certificate unusable: ") + gnutls_strerror(error));
  }
  if (status == 0) return {};
  for (const Finding& finding : kFindings) {
    if ((status & finding.flag) == 0) continue;
    std::string why = finding.words;
    if (finding.flag == GNUTLS_CERT_UNEXPECTED_OWNER) {
      if (const auto shown = identity_of(*leaf_of(session))) {
        why += ": the certificate is for " + join_names(shown->names) + ", not for " + name;
      }
    }
    return refuse(finding.alert, std::move(why));
  }
  return refuse(kBadCertificate, fmt::format("certificate invalid ({:#x})", status));
}

}  // namespace

Checked check_server(gnutls_session_t session, const ClientTls& tls, const std::string& host) {
  const gnutls_datum_t* leaf = leaf_of(session);
  if (leaf == nullptr) return refuse(kCertificateRequired, "the peer shows no certificate");
  const ClientTlsOptions& options = tls.state().options;
  Verdict verdict;
  if (options.insecure) {
    // Whatever it is.
  } else if (!options.pins.empty()) {
    verdict = check_pins(options.pins, *leaf);
  } else {
    verdict = check_chain(session, GNUTLS_KP_TLS_WWW_SERVER, host);
  }
  if (!verdict) return std::unexpected(std::move(verdict).error());
  return identity_of(*leaf);
}

Checked check_client(gnutls_session_t session, const ServerTls& tls) {
  const gnutls_datum_t* leaf = leaf_of(session);
  if (leaf == nullptr) {
    if (tls.state().options.client_auth != ClientAuth::require) return std::nullopt;
    return refuse(kCertificateRequired, "the peer shows no certificate");
  }
  Verdict verdict = check_chain(session, GNUTLS_KP_TLS_WWW_CLIENT, {});
  if (!verdict) return std::unexpected(std::move(verdict).error());
  return identity_of(*leaf);
}

std::string ask_for(gnutls_session_t session, const ClientTls& tls, std::string host) {
  if (const auto& name = tls.state().options.server_name) host = *name;
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (!host.empty() && ip_literal(host).empty()) {
    gnutls_server_name_set(session, GNUTLS_NAME_DNS, host.data(), host.size());
  }
  return host;
}

void request_certificate(gnutls_session_t session, const ServerTls& tls) {
  // Without a list of authorities clients show what they have, and hear if it is not good enough.
  gnutls_certificate_send_x509_rdn_sequence(session, 1);
  switch (tls.state().options.client_auth) {
    case ClientAuth::none:
      break;
    case ClientAuth::request:
      gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
      break;
    case ClientAuth::require:
      gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
      break;
  }
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

}  // namespace moq::transport::tls::internal

#pragma once

#include <optional>
#include <string>

#include "moq/transport/tls/internal/state.h"

/// What every handshake does alike, whoever carries it.
namespace moq::transport::tls::internal {

/// Alert no_application_protocol, RFC 7301 §3.2.
inline constexpr std::uint8_t kNoApplicationProtocol = 120;

/// Why a peer's certificate was not accepted.
struct Refusal {
  std::uint8_t alert;  ///< For the peer, RFC 8446 §6.2.
  Error error;         ///< For our log: `tls`, and which check failed.
};
using Checked = std::expected<std::optional<PeerIdentity>, Refusal>;

/// Checks the certificate that a server showed, which must be for `host`.
Checked check_server(gnutls_session_t session, const ClientTls& tls, const std::string& host);
/// Checks a client's, if it showed one or has to.
Checked check_client(gnutls_session_t session, const ServerTls& tls);

/// Sends SNI, if `host` is a name. Returns what the certificate must be for: `host` without
/// brackets, or the name that `tls` has in its place.
std::string ask_for(gnutls_session_t session, const ClientTls& tls, std::string host);
/// Asks the client for a certificate, as `tls` wants it.
void request_certificate(gnutls_session_t session, const ServerTls& tls);

/// The words for a TLS alert, e.g. "unknown certificate authority".
std::string describe_alert(std::uint8_t alert);
/// The error for an alert of either side: `version` for no_application_protocol, else `tls`.
Error alert_error(std::uint8_t alert, std::string_view who);

}  // namespace moq::transport::tls::internal
